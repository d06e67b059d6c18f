"""`/partner/v1/companies`: an organization's clients."""

from uuid import UUID

from fastapi import APIRouter, Response

from api.companies.schemas import Company, CompanyCreate, CompanyList
from api.context import OrgReads, OrgScoped
from api.pagination import PageDep
from api.queries import beside
from api.responses import found, json_response
from api.routing import Guarded
from api.schemas import problems

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1/companies", route_class=Guarded, tags=["companies"])


@router.post("", status_code=201, response_model=Company, responses=problems())
async def create_company(body: CompanyCreate, tx: OrgScoped) -> Response:
    """Add a company to the organization."""
    row = await tx.one(SQL.create_company, {"name": body.name})
    return json_response(found(await tx.body(SQL.get_company, row)), status=201)


@router.get("", response_model=CompanyList, responses=problems())
async def list_companies(reads: OrgReads, page: PageDep) -> Response:
    """List the organization's companies, newest first."""
    return json_response(await reads.body(SQL.list_companies, page.by_id()))


@router.get("/{company_id}", response_model=Company, responses=problems(404))
async def get_company(company_id: UUID, reads: OrgReads) -> Response:
    """Return one company."""
    return json_response(found(await reads.body(SQL.get_company, {"id": company_id})))
