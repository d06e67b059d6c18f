"""`/partner/v1/senders`: what the organization's accounts can send from, and whose it is.

An account that one company uses is that company's, with all it can send from. As soon as a second company uses it,
what it can send from belongs to nobody until it is assigned here.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads
from api.connections import jobs
from api.connections.schemas import AccountSender, AccountSenderList, SenderAssign
from api.db.queries import beside
from api.errors import Conflict, unknown_reference
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded

SQL = beside(__file__, "account_senders.sql")
router = APIRouter(prefix="/partner/v1/senders", route_class=Guarded, tags=["connections"])
Assigned = Annotated[bool | None, Query(description="Only those that are somebody's, or only those that are nobody's.")]


@router.get("", response_model=AccountSenderList, responses=problems())
async def list_account_senders(
    reads: Reads, page: PageDep, company_id: CompanyFilter = None, assigned: Assigned = None
) -> Response:
    """List what the accounts can send from, newest first."""
    params = {"company_id": company_id, "assigned": assigned, **page.by_id()}
    return json_response(await reads.body(SQL.list_account_senders, params))


@router.get("/{sender_id}", response_model=AccountSender, responses=problems(404))
async def get_account_sender(sender_id: UUID, reads: Reads) -> Response:
    """Return one sender of an account."""
    return json_response(or_404(await reads.body(SQL.get_account_sender, {"id": sender_id})))


@router.put("/{sender_id}", response_model=AccountSender, responses=problems(404, 409))
async def assign_sender(sender_id: UUID, body: SenderAssign, tx: Writing) -> Response:
    """Say whose a sender is. Whoever had it loses it, also in campaigns that run."""
    or_404(await tx.one(SQL.lock_account_of_sender, {"id": sender_id}))
    sender = or_404(await tx.one(SQL.lock_account_sender, {"id": sender_id}))
    target = {**sender, "company_id": body.company_id}
    if body.company_id is not None:
        company = await tx.one(SQL.company_on_account, target)
        if company is None:
            raise unknown_reference("company_id")
        if not company["is_connected"]:
            raise Conflict("The company is not connected through this sender's account.", code="not_connected")
        tx.wake(body.company_id)
    if sender["assigned_to"] not in (None, body.company_id):
        await tx.run(SQL.take_away, sender)
        tx.wake(sender["assigned_to"])
    await tx.run(SQL.assign, target)
    await jobs.sync_senders(tx, sender["account_id"])
    return json_response(await tx.body(SQL.get_account_sender, sender))
