"""`/v1/capabilities`: what a company can use, in neutral words."""

from fastapi import APIRouter, Response

from api.access.caller import CompanyFilter, Reads
from api.capabilities.schemas import CapabilityList
from api.db.queries import beside
from api.http.openapi.problems import problems
from api.http.responses import json_response
from api.http.routes import Guarded

SQL = beside(__file__)
router = APIRouter(prefix="/v1/capabilities", route_class=Guarded, tags=["capabilities"])


@router.get("", response_model=CapabilityList, responses=problems())
async def list_capabilities(reads: Reads, company_id: CompanyFilter = None) -> Response:
    """List what the company is entitled to and whether it is connected."""
    return json_response(await reads.body(SQL.list_capabilities, {"company_id": reads.one_company(company_id)}))
