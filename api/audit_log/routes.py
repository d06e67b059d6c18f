"""`/partner/v1/audit-log` and `/v1/audit-log`: who did what. What a partner does stays invisible to its companies."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads
from api.audit_log.schemas import AuditLog
from api.db.queries import beside
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response
from api.http.routes import Guarded

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1/audit-log", route_class=Guarded, tags=["audit log"])
own_router = APIRouter(prefix="/v1/audit-log", route_class=Guarded, tags=["audit log"])


@router.get("", response_model=AuditLog, responses=problems())
@own_router.get("", response_model=AuditLog, responses=problems())
async def list_audit_log(
    reads: Reads,
    page: PageDep,
    company_id: CompanyFilter = None,
    *,
    action: Annotated[str | None, Query(max_length=100, pattern="^[a-z_.]+$")] = None,
    user_id: UUID | None = None,
) -> Response:
    """List writes, newest first."""
    filters = {"company_id": company_id, "action": action, "user_id": user_id}
    return json_response(await reads.body(SQL.list_entries, {**filters, **page.by_id()}))
