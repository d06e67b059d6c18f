"""Bodies of the events' addresses."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.http.schemas import Resource


class Event(Resource):
    """Something that happened. `sequence` is gapless per company: a reader that goes forward misses nothing."""

    id: UUID
    type: Annotated[str, Field(examples=["message.replied"])]
    sequence: int
    occurred_at: datetime
    created_at: datetime
    company_id: UUID
    campaign_id: UUID | None
    lead_id: UUID | None
    data: Annotated[dict[str, Any], Field(examples=[{"text": "Tell me more."}])]


class EventList(Resource):
    """One page of events, oldest first."""

    data: list[Event]
    next_cursor: str | None
