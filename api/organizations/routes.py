"""`/partner/v1/organization` and `/partner/v1/providers`: the partner itself, and who can do the work."""

import json

from fastapi import APIRouter, Request, Response

from api.access.caller import Reads
from api.db.queries import beside
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded
from api.organizations import schemas

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1", route_class=Guarded, tags=["organization"])


@router.get("/organization", response_model=schemas.Organization, responses=problems())
async def get_organization(reads: Reads) -> Response:
    """Return the caller's organization."""
    return json_response(or_404(await reads.body(SQL.get_organization, {})))


@router.patch("/organization", response_model=schemas.Organization, responses=problems(412))
async def update_organization(body: schemas.OrganizationUpdate, tx: Writing, if_match: IfMatch = None) -> Response:
    """Change the name or the metadata."""
    locked = or_404(await tx.one(SQL.lock_organization))
    check_match(if_match, locked["body"])
    metadata = None if body.metadata is None else json.dumps(body.metadata)
    changes = {"name": body.name, "require_postal_address": body.require_postal_address, "metadata": metadata}
    await tx.run(SQL.update_organization, changes)
    return json_response(await tx.body(SQL.get_organization))


@router.get("/providers", response_model=schemas.ProviderList, responses=problems())
async def list_providers(request: Request, reads: Reads) -> Response:
    """List who can do the work of each capability."""
    available = sorted(request.app.state.provider_urls["live"])
    return json_response(await reads.body(SQL.list_providers, {"available": available}))
