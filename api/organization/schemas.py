"""Bodies of the organization's own addresses."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from api.schemas import Body, Metadata, MetadataPatch, Name, Resource


class OrganizationUpdate(Body):
    """What an organization may change of itself."""

    name: Name | None = None
    metadata: MetadataPatch | None = None


class Organization(Resource):
    """The organization. Its people log in under `slug`."""

    id: UUID
    name: str
    slug: str
    status: Literal["active", "suspended", "deleting"]
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
