"""`/v1/suppressions`: whom a company does not contact."""

from uuid import UUID

from fastapi import APIRouter, Response

from api.access.caller import CompanyFilter, Reads, own_company
from api.db.queries import beside
from api.errors import Forbidden
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded
from api.suppressions.schemas import Suppression, SuppressionCreate, SuppressionList

SQL = beside(__file__)
router = APIRouter(prefix="/v1/suppressions", route_class=Guarded, tags=["suppressions"])


@router.post(
    "",
    status_code=201,
    response_model=Suppression,
    responses={200: {"model": Suppression, "description": "It was there already."}, **problems()},
)
async def create_suppression(body: SuppressionCreate, tx: Writing) -> Response:
    """Never contact this person or domain again; who waits in a campaign is taken out, who is in one is stopped."""
    company_id = own_company(tx, body.company_id)
    ((kind, value),) = body.chosen().items()
    row = or_404(await tx.one(SQL.create_suppression, {"company_id": company_id, "kind": kind, "value": value}))
    tx.wake(company_id)
    return json_response(await tx.body(SQL.get_suppression, row), status=201 if row["created"] else 200)


@router.get("", response_model=SuppressionList, responses=problems())
async def list_suppressions(reads: Reads, page: PageDep, company_id: CompanyFilter = None) -> Response:
    """List suppressions, newest first."""
    return json_response(await reads.body(SQL.list_suppressions, {"company_id": company_id, **page.by_id()}))


@router.get("/{suppression_id}", response_model=Suppression, responses=problems(404))
async def get_suppression(suppression_id: UUID, reads: Reads) -> Response:
    """Return one suppression."""
    return json_response(or_404(await reads.body(SQL.get_suppression, {"id": suppression_id})))


@router.delete("/{suppression_id}", status_code=204, responses=problems(404))
async def delete_suppression(suppression_id: UUID, tx: Writing) -> Response:
    """Allow contact again. Nobody who was taken out of a campaign comes back by this.

    Whoever unsubscribed themselves is taken off by an administrator only.
    """
    held = or_404(await tx.one(SQL.lock_suppression, {"id": suppression_id}))
    if held["source"] == "unsubscribed" and tx.auth.role == "company_member":
        raise Forbidden("This person unsubscribed; only an administrator may allow contact again.", code="unsubscribed")
    or_404(await tx.one(SQL.delete_suppression, {"id": suppression_id}))
    return Response(status_code=204)
