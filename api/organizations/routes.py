"""`/partner/v1/organization` and `/partner/v1/providers`: the partner itself, and who can do the work."""

import json

from fastapi import APIRouter, Request, Response

from api.context import Reads
from api.organizations import schemas
from api.queries import beside
from api.responses import IfMatch, check_match, found, json_response
from api.routing import Guarded
from api.schemas import problems
from api.writes import Writing

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1", route_class=Guarded, tags=["organization"])


@router.get("/organization", response_model=schemas.Organization, responses=problems())
async def get_organization(reads: Reads) -> Response:
    """Return the caller's organization."""
    return json_response(found(await reads.body(SQL.get_organization, {})))


@router.patch("/organization", response_model=schemas.Organization, responses=problems(412))
async def update_organization(body: schemas.OrganizationUpdate, tx: Writing, if_match: IfMatch = None) -> Response:
    """Change the name or the metadata."""
    held = found(await tx.one(SQL.lock_organization))
    check_match(if_match, held["body"])
    metadata = None if body.metadata is None else json.dumps(body.metadata)
    await tx.run(SQL.update_organization, {"name": body.name, "metadata": metadata})
    return json_response(await tx.body(SQL.get_organization))


@router.get("/providers", response_model=schemas.ProviderList, responses=problems())
async def list_providers(request: Request, reads: Reads) -> Response:
    """List who can do the work of each capability."""
    available = sorted(request.app.state.provider_urls["live"])
    return json_response(await reads.body(SQL.list_providers, {"available": available}))
