"""Bodies of the companies' addresses."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from api.http.schemas import Body, Metadata, MetadataPatch, Name, Resource, Text
from api.http.timezones import WholeHoursTimezone

PostalAddress = Annotated[Text, StringConstraints(min_length=5, max_length=500, strip_whitespace=True)]


class CompanyCreate(Body):
    """A new client of the organization."""

    name: Name
    timezone: WholeHoursTimezone = "UTC"
    metadata: Metadata = {}


class CompanyUpdate(Body):
    """What to change. Suspending pauses every campaign and closes every credential; nothing starts again by itself."""

    name: Name | None = None
    status: Literal["active", "suspended"] | None = None
    postal_address: PostalAddress | None = None
    may_omit_unsubscribe: bool | None = None
    timezone: WholeHoursTimezone | None = None
    metadata: MetadataPatch | None = None


class OwnCompanyUpdate(Body):
    """What a company may change of itself."""

    name: Name | None = None
    postal_address: PostalAddress | None = None
    timezone: WholeHoursTimezone | None = None
    metadata: MetadataPatch | None = None


class Company(Resource):
    """A client of the organization. `postal_address` is what its mails must show of it; `may_omit_unsubscribe` lets its
    campaigns go out without a way to unsubscribe; figures count its days as they begin in `timezone`. One that is
    `deleting` is gone as soon as what runs for it has been stopped."""

    id: UUID
    name: str
    status: Literal["active", "suspended", "deleting"]
    postal_address: str | None
    may_omit_unsubscribe: bool
    timezone: str
    metadata: Metadata
    created_at: datetime
    updated_at: datetime


class CompanyList(Resource):
    """One page of companies, newest first."""

    data: list[Company]
    next_cursor: str | None
