"""Bodies of the users' addresses."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, EmailStr, Field, StringConstraints

from api.http.schemas import Body, Metadata, MetadataPatch, Name, Resource, Text

Role = Literal["org_admin", "org_member", "company_admin", "company_member"]
CompanyRole = Literal["company_admin", "company_member"]
Email = Annotated[EmailStr, StringConstraints(max_length=320)]

INVITED: dict[str, Any] = {"email": "maria@example.com", "name": "Maria Costa", "role": "org_member"}
LEVELS: list[Any] = [
    {"properties": {"role": {"enum": ["org_admin", "org_member"]}, "company_id": {"type": "null"}}},
    {
        "properties": {"role": {"enum": ["company_admin", "company_member"]}, "company_id": {"type": "string"}},
        "required": ["company_id"],
    },
]


class UserCreate(Body):
    """A person to invite. `company_*` roles need a `company_id`, `org_*` roles must not have one."""

    model_config = ConfigDict(json_schema_extra={"examples": [INVITED], "anyOf": LEVELS})

    email: Email
    name: Name
    role: Role
    company_id: UUID | None = None
    metadata: Metadata = {}


class OwnUserCreate(Body):
    """A colleague to invite into the company."""

    email: Email
    name: Name
    role: CompanyRole = "company_member"
    company_id: UUID | None = Field(default=None, description="Only with an organization's credential.")
    metadata: Metadata = {}


class UserUpdate(Body):
    """What to change. Suspending ends the person's sessions and tokens with the next request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Maria Costa", "metadata": {"desk": "4"}}]})

    name: Name | None = None
    role: Role | None = None
    status: Literal["active", "suspended"] | None = None
    metadata: MetadataPatch | None = None


class User(Resource):
    """A person, or a program's service user. `invited` until a password is set."""

    id: UUID
    company_id: UUID | None
    kind: Literal["person", "service"]
    role: Role
    status: Literal["invited", "active", "suspended"]
    name: str
    email: Text | None
    metadata: Metadata
    created_at: datetime
    updated_at: datetime


class UserList(Resource):
    """One page of users, newest first."""

    data: list[User]
    next_cursor: str | None


class Link(Resource):
    """A single-use token for `POST /v1/auth/password`, where its person sets a password. Deliver it to them alone."""

    token: Annotated[str, Field(examples=["obx_link_9c1185a5c5e9fc54612808977ee8f548"])]
    expires_at: datetime


class UserInvited(User):
    """A new user and the link to hand over."""

    link: Link


class Invited(Resource):
    """The invitation. It is answered alike whether or not the address is in use."""

    link: Link
