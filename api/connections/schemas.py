"""Bodies of the connections' addresses."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from api.http.schemas import Body, Name, Resource, SenderHealth, sendable, whole


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


class ConnectionUpdate(Body):
    """What can be changed of a connection."""

    weight: Annotated[int, *whole(1, 100)]


class Webhooks(Resource):
    """Whether what happens still arrives by itself. What was `missing` or `disabled` is registered again; `silent` ones
    are there and do not tell, as where another webhook of the account takes their events: asking fills the gap."""

    state: Literal["unknown", "working", "missing", "disabled", "silent"]
    checked_at: datetime | None
    missed_at: datetime | None


class Connection(Resource):
    """A company's account at a provider, without its key. `test` is a simulated one, as all of a sandbox's are.

    `shared`: several companies have used the account, so what it sends from belongs to whom you assign it to, and its
    budget is divided by `weight`.
    """

    id: UUID
    company_id: UUID
    capability: str
    provider: str
    environment: Literal["live", "test"]
    status: Literal["connected", "disconnected", "error"]
    reason: str | None
    shared: bool
    weight: int
    webhooks: Webhooks
    created_at: datetime
    updated_at: datetime


class ConnectionList(Resource):
    """One page of connections, newest first."""

    data: list[Connection]
    next_cursor: str | None


class BudgetWindow(Resource):
    """A limit: at most `limit` requests in so many `seconds`, and how many there have been.

    A limit of null is none; `used` is null where requests are spaced so that the window is never full."""

    seconds: float
    limit: int | None
    used: int | None


class Budget(Resource):
    """What an account may be sent and has been sent. `held_until` is when anything is sent again at all."""

    connection_id: UUID
    windows: list[BudgetWindow]
    held_until: datetime | None


class SenderAssign(Body):
    """Whose a sender is; null is nobody's."""

    company_id: UUID | None


class AccountSender(Resource):
    """A mailbox or seat of an account. `sender_id` is what the company that has it knows it by."""

    id: UUID
    company_id: UUID | None
    sender_id: UUID | None
    provider: str
    shared: bool
    address: str
    display_name: str | None
    status: Literal["active", "disconnected"]
    daily_limit: int | None
    warmup_status: Literal["active", "inactive", "unknown"]
    health: SenderHealth
    created_at: datetime
    updated_at: datetime


class AccountSenderList(Resource):
    """One page of accounts' senders, newest first."""

    data: list[AccountSender]
    next_cursor: str | None
