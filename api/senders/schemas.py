"""Bodies of the senders' addresses."""

from datetime import datetime
from uuid import UUID

from api.schemas import Resource


class Sender(Resource):
    """A mailbox or LinkedIn seat that messages are sent from."""

    id: UUID
    company_id: UUID
    capability: str
    address: str
    display_name: str | None
    status: str
    daily_limit: int | None
    warmup_status: str
    created_at: datetime
    updated_at: datetime


class SenderList(Resource):
    """One page of senders, newest first."""

    data: list[Sender]
    next_cursor: str | None
