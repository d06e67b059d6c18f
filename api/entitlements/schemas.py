"""Bodies of the entitlements' addresses."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from api.http.schemas import Body, Name, Resource


class EntitlementPut(Body):
    """Which provider does the work of a capability for a company."""

    provider: Name


class Entitlement(Resource):
    """What one company may use."""

    id: UUID
    company_id: UUID
    capability: str
    provider: str
    status: Literal["entitled", "connected", "disconnected"]
    created_at: datetime
    updated_at: datetime


class EntitlementList(Resource):
    """A company's entitlements."""

    data: list[Entitlement]
    next_cursor: str | None
