"""Bodies of the audit log's addresses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from api.http.schemas import Resource


class Actor(Resource):
    """Who did it, and with which credential."""

    tier: str
    user_id: UUID | None
    credential_id: UUID | None


class AuditEntry(Resource):
    """One write. `target` holds the ids it was about."""

    id: UUID
    company_id: UUID | None
    action: str
    actor: Actor
    target: dict[str, Any]
    request_id: str | None
    created_at: datetime


class AuditLog(Resource):
    """One page of the audit log, newest first."""

    data: list[AuditEntry]
    next_cursor: str | None
