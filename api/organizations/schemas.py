"""Bodies of an organization's own addresses, and of the operator's."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from api.http.schemas import Body, Metadata, MetadataPatch, Name, Resource

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class OrganizationUpdate(Body):
    """What an organization may change of itself."""

    name: Name | None = None
    require_postal_address: bool | None = None
    metadata: MetadataPatch | None = None


class Organization(Resource):
    """The organization. Its people log in under `slug`; a sandbox's connections talk to simulated providers.
    With `require_postal_address` no campaign starts whose mails lack the company's postal address."""

    id: UUID
    name: str
    slug: str
    status: Literal["active", "suspended", "deleting"]
    sandbox: bool
    require_postal_address: bool
    metadata: Metadata
    created_at: datetime
    updated_at: datetime


class Provider(Resource):
    """Who can do the work of a capability, and whether connecting is possible yet."""

    key: str
    title: str
    capability: str
    available: bool


class ProviderList(Resource):
    """Every provider."""

    data: list[Provider]
    next_cursor: str | None


class OrganizationCreate(Body):
    """A new partner. Its people log in under `slug`. A sandbox stays one."""

    name: Name
    slug: Slug
    sandbox: bool = False
    metadata: Metadata = {}


class OrganizationPatch(Body):
    """What to change. Suspending pauses every campaign and refuses every credential from the next request on."""

    name: Name | None = None
    slug: Slug | None = None
    status: Literal["active", "suspended"] | None = None
    metadata: MetadataPatch | None = None


class OrganizationCreated(Organization):
    """A new partner and its first token, which is shown this once and never again."""

    api_token: str


class OrganizationList(Resource):
    """One page of organizations, newest first."""

    data: list[Organization]
    next_cursor: str | None


class OrgTokenCreate(Body):
    """A token with which an organization's administrators can begin, or begin again."""

    name: Name = "first token"


class OrgTokenCreated(Resource):
    """A new token of an organization. `token` is shown this once."""

    id: UUID
    name: str
    last_four: str
    token: str
