"""`/v1/senders`: the mailboxes and seats a company can send from."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.context import CompanyFilter, Reads
from api.pagination import PageDep
from api.queries import beside
from api.responses import found, json_response
from api.routing import Guarded
from api.schemas import problems
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
    return json_response(found(await reads.body(SQL.get_sender, {"id": sender_id})))
