"""Bodies of logging in."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from api.http.schemas import Body, Resource, Text, sendable

Secret = Annotated[SecretStr, Field(min_length=1, max_length=500), AfterValidator(sendable)]


class Login(Body):
    """Who is coming in. `device_token`, from an earlier login, keeps others' guesses from locking this one out."""

    organization: Annotated[Text, StringConstraints(min_length=1, max_length=63)] = Field(description="Its slug.")
    email: Annotated[Text, StringConstraints(min_length=3, max_length=320)]
    password: Secret
    device_token: Annotated[str, StringConstraints(max_length=200)] | None = None


class Refresh(Body):
    """The last refresh token. Each is good once."""

    refresh_token: Annotated[str, StringConstraints(max_length=200)]


class PasswordSet(Body):
    """A link's token, and the password to set."""

    token: Annotated[str, StringConstraints(max_length=200)]
    password: Annotated[SecretStr, Field(min_length=12, max_length=128), AfterValidator(sendable)]


class Tokens(Resource):
    """An access token for the API and for dashboards, and the refresh token for the next one."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str


class LoggedIn(Tokens):
    """A new session. Keep `device_token` for the next login from this device."""

    device_token: str


class DashboardToken(Resource):
    """An access token for dashboards, when it ends, and where they read; null where the operator has set up no such
    place."""

    token: Annotated[str, Field(examples=["eyJhbGciOiJFUzI1NiIsImtpZCI6InMxIn0.eyJ0aWVyIjoiY29tcGFueSJ9.c2lnbmF0dXJl"])]
    expires_at: datetime
    url: str | None


class Me(Resource):
    """Who the credential speaks for, and what it may do."""

    organization_id: UUID
    company_id: UUID | None
    user_id: UUID | None
    tier: Literal["org", "company"]
    auth_method: Literal["token", "session"]
    role: str | None
    permissions: list[str]
