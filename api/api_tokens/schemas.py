"""Bodies of the tokens' addresses."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from api.access.permissions import SCOPES
from api.http.schemas import Body, Future, Name, Resource, Text, whole


def _known(scopes: list[str]) -> list[str]:
    if unknown := sorted(set(scopes) - SCOPES):
        raise PydanticCustomError("unknown_scope", "unknown scope {scope}", {"scope": unknown[0][:50]})
    return sorted(set(scopes))


Scope = Annotated[Text, Field(json_schema_extra={"enum": [*sorted(SCOPES)]})]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=50), AfterValidator(_known)]


class ApiTokenCreate(Body):
    """A token for a program. Without a `user_id` a service user is made for it; `scopes` narrow what it may do."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Nightly sync", "scopes": ["campaigns:read", "leads:write"]}]}
    )

    company_id: UUID | None = Field(
        default=None,
        description="Whose token it is. With an organization's credential, null is the organization's own.",
    )
    user_id: UUID | None = Field(default=None, description="An existing user whose role the token has.")
    name: Name = "default"
    scopes: Scopes | None = Field(
        default=None, description="Permissions, as in `campaigns:read`; null is all of the role."
    )
    expires_at: Future | None = Field(default=None, description="When it ends; null is never.")


class ApiTokenRotate(Body):
    """How long the old token still works beside the new one."""

    overlap_seconds: Annotated[int, *whole(0, 604_800)] = 86_400
    expires_at: Future | None = Field(default=None, description="When the new one ends; null is when the old would.")


class ApiToken(Resource):
    """A token, without its secret. `last_used_at` is up to a minute late."""

    id: UUID
    company_id: UUID | None
    user_id: UUID
    made_by: UUID | None = Field(description="Who asked for it; null where it was nobody of yours.")
    name: str
    scopes: list[str] | None
    last_four: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    replaced_by: UUID | None
    created_at: datetime
    updated_at: datetime


class ApiTokenCreated(ApiToken):
    """A new token. `token` is shown this once and never again."""

    token: str


class ApiTokenList(Resource):
    """One page of tokens, newest first."""

    data: list[ApiToken]
    next_cursor: str | None
