"""Bodies of the companies' addresses."""

from datetime import datetime
from uuid import UUID

from api.schemas import Body, Name, Resource


class CompanyCreate(Body):
    """A new client of the organization."""

    name: Name


class Company(Resource):
    """A client of the organization."""

    id: UUID
    name: str
    status: str
    created_at: datetime
    updated_at: datetime


class CompanyList(Resource):
    """One page of companies, newest first."""

    data: list[Company]
    next_cursor: str | None
