"""Bodies of the senders' addresses."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from api.http.schemas import Resource, SenderHealth


class Sender(Resource):
    """A mailbox or LinkedIn seat that messages are sent from."""

    id: UUID
    company_id: UUID
    capability: str
    address: str
    display_name: str | None
    status: Literal["active", "disconnected"]
    daily_limit: int | None
    warmup_status: Literal["active", "inactive", "unknown"]
    health: SenderHealth
    created_at: datetime
    updated_at: datetime


class SenderList(Resource):
    """One page of senders, newest first."""

    data: list[Sender]
    next_cursor: str | None
