"""`/v1/senders`: the mailboxes and seats a company can send from."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads
from api.db.queries import beside
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded
from api.senders.schemas import Sender, SenderList

SQL = beside(__file__)
router = APIRouter(prefix="/v1/senders", route_class=Guarded, tags=["senders"])


@router.get("", response_model=SenderList, responses=problems())
async def list_senders(
    reads: Reads,
    page: PageDep,
    company_id: CompanyFilter = None,
    status: Annotated[str | None, Query(pattern="^(active|disconnected)$")] = None,
) -> Response:
    """List senders, newest first."""
    return json_response(
        await reads.body(SQL.list_senders, {"company_id": company_id, "status": status, **page.by_id()})
    )


@router.get("/{sender_id}", response_model=Sender, responses=problems(404))
async def get_sender(sender_id: UUID, reads: Reads) -> Response:
    """Return one sender."""
    return json_response(or_404(await reads.body(SQL.get_sender, {"id": sender_id})))
