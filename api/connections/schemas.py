"""Bodies of the connections' addresses."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from api.schemas import Body, Name, Resource, sendable


class ApiKeyCredential(Body):
    """What the provider knows the account by. Stored encrypted, never shown again."""

    api_key: Annotated[SecretStr, Field(min_length=1, max_length=1000), AfterValidator(sendable)]


class ConnectionCreate(Body):
    """A company's account at a provider."""

    company_id: UUID
    provider: Name
    credential: ApiKeyCredential


class ConnectionRotate(Body):
    """Another key of the same provider."""

    credential: ApiKeyCredential


class Connection(Resource):
    """A company's account at a provider, without its key. `test` is a simulated one, as all of a sandbox's are."""

    id: UUID
    company_id: UUID
    capability: str
    provider: str
    environment: Literal["live", "test"]
    status: Literal["connected", "disconnected", "error"]
    reason: str | None
    created_at: datetime
    updated_at: datetime


class ConnectionList(Resource):
    """One page of connections, newest first."""

    data: list[Connection]
    next_cursor: str | None


class BudgetWindow(Resource):
    """A limit: at most `limit` requests in so many `seconds`, and how many there have been. Null is no limit."""

    seconds: int
    limit: int | None
    used: int


class Budget(Resource):
    """What an account may be sent and has been sent. `held_until` is when anything is sent again at all."""

    connection_id: UUID
    windows: list[BudgetWindow]
    held_until: datetime | None
