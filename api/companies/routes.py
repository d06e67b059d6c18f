"""`/partner/v1/companies`, an organization's clients, and `/v1/company`, a company's view of itself."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads
from api.companies import schemas
from api.db.queries import beside
from api.errors import Conflict
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1/companies", route_class=Guarded, tags=["companies"])
own_router = APIRouter(prefix="/v1/company", route_class=Guarded, tags=["company"])
Status = Annotated[str | None, Query(pattern="^(active|suspended|deleting)$")]


@router.post("", status_code=201, response_model=schemas.Company, responses=problems())
async def create_company(body: schemas.CompanyCreate, tx: Writing) -> Response:
    """Add a company to the organization."""
    params = {"name": body.name, "timezone": body.timezone, "metadata": json.dumps(body.metadata)}
    row = await tx.one(SQL.create_company, params)
    return json_response(or_404(await tx.body(SQL.get_company, row)), status=201)


@router.get("", response_model=schemas.CompanyList, responses=problems())
async def list_companies(reads: Reads, page: PageDep, status: Status = None) -> Response:
    """List the organization's companies, newest first."""
    return json_response(await reads.body(SQL.list_companies, {"status": status, **page.by_id()}))


@router.get("/{company_id}", response_model=schemas.Company, responses=problems(404))
async def get_company(company_id: UUID, reads: Reads) -> Response:
    """Return one company."""
    return json_response(or_404(await reads.body(SQL.get_company, {"id": company_id})))


@router.patch("/{company_id}", response_model=schemas.Company, responses=problems(404, 409, 412))
async def update_company(
    company_id: UUID, body: schemas.CompanyUpdate, tx: Writing, if_match: IfMatch = None
) -> Response:
    """Change a company. Suspending it pauses its campaigns and refuses its credentials from the next request on."""
    if body.status is not None:
        await tx.run(SQL.lock_organization)
    company = or_404(await tx.one(SQL.lock_company, {"id": company_id}))
    check_match(if_match, company["body"])
    if company["status"] == "deleting":
        raise Conflict("The company is being deleted.", code="company_deleting")
    metadata = None if body.metadata is None else json.dumps(body.metadata)
    changes = {
        "name": body.name, "postal_address": body.postal_address, "timezone": body.timezone, "metadata": metadata,
    }  # fmt: skip
    await tx.run(SQL.update_company, {"id": company_id, **changes})
    if body.may_omit_unsubscribe is not None:
        await tx.run(SQL.allow, {"id": company_id, "may_omit_unsubscribe": body.may_omit_unsubscribe})
    if body.status is not None and body.status != company["status"]:
        await tx.run(SQL.set_status, {"id": company_id, "status": body.status})
        tx.wake(company_id, urgent=True)
    return json_response(await tx.body(SQL.get_company, company))


@router.delete("/{company_id}", status_code=202, response_model=schemas.Company, responses=problems(404))
async def delete_company(company_id: UUID, tx: Writing) -> Response:
    """Delete a company and all that is its own.

    Its credentials are refused at once and its campaigns paused; it stays as `deleting` until its providers have
    stopped, then it is gone.
    """
    await tx.run(SQL.lock_organization)
    company = or_404(await tx.one(SQL.lock_company, {"id": company_id}))
    if company["status"] != "deleting":
        await tx.run(SQL.set_status, {"id": company_id, "status": "deleting"})
        tx.wake(company_id, urgent=True)
    return json_response(await tx.body(SQL.get_company, company), status=202)


@own_router.get("", response_model=schemas.Company, responses=problems(404))
async def get_own_company(reads: Reads, company_id: CompanyFilter = None) -> Response:
    """Return the caller's company."""
    return json_response(or_404(await reads.body(SQL.get_own_company, {"id": reads.one_company(company_id)})))


@own_router.patch("", response_model=schemas.Company, responses=problems(404, 409, 412))
async def update_own_company(
    body: schemas.OwnCompanyUpdate, tx: Writing, company_id: CompanyFilter = None, if_match: IfMatch = None
) -> Response:
    """Change what a company may change of itself: name, postal address, time zone, metadata."""
    company = or_404(await tx.one(SQL.lock_company, {"id": company_id or tx.auth.company_id}))
    check_match(if_match, company["body"])
    metadata = None if body.metadata is None else json.dumps(body.metadata)
    changes = {
        "name": body.name, "postal_address": body.postal_address, "timezone": body.timezone, "metadata": metadata,
    }  # fmt: skip
    await tx.run(SQL.update_company, {"id": company["id"], **changes})
    return json_response(await tx.body(SQL.get_company, company))
