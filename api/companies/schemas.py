"""Bodies of the companies' addresses."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from api.http.schemas import Body, Metadata, MetadataPatch, Name, Resource


class CompanyCreate(Body):
    """A new client of the organization."""

    name: Name
    metadata: Metadata = {}


class CompanyUpdate(Body):
    """What to change. Suspending pauses every campaign and closes every credential; nothing starts again by itself."""

    name: Name | None = None
    status: Literal["active", "suspended"] | None = None
    metadata: MetadataPatch | None = None


class OwnCompanyUpdate(Body):
    """What a company may change of itself."""

    name: Name | None = None
    metadata: MetadataPatch | None = None


class Company(Resource):
    """A client of the organization. One that is `deleting` is gone as soon as what runs for it has been stopped."""

    id: UUID
    name: str
    status: Literal["active", "suspended", "deleting"]
    metadata: Metadata
    created_at: datetime
    updated_at: datetime


class CompanyList(Resource):
    """One page of companies, newest first."""

    data: list[Company]
    next_cursor: str | None
