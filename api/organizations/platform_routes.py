"""`/platform/v1/organizations`: the partners, for the operator alone. Every other caller gets 404."""

import json
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from api.access.caller import Access
from api.access.permissions import allows
from api.errors import Forbidden
from api.http.openapi.problems import problems
from api.http.pagination import PageDep, encode_cursor
from api.http.responses import IfMatch, json_response
from api.http.routes import Guarded
from api.organizations import schemas
from api.organizations.operator import Operator

router = APIRouter(prefix="/platform/v1/organizations", route_class=Guarded, tags=["organizations"])


async def _operator(request: Request) -> AsyncIterator[Operator]:
    granted: Access = request.scope["access"]
    if not allows("platform_admin", None, granted.permission):
        raise Forbidden()
    state = request.app.state
    yield Operator(state.database, state.vault, granted.credential.subject)


Operating = Annotated[Operator, Depends(_operator)]


@router.post("", status_code=201, response_model=schemas.OrganizationCreated, responses=problems(409))
async def create_organization(body: schemas.OrganizationCreate, operator: Operating) -> Response:
    """Add a partner and return its first token. Safe to repeat: a slug is given out once."""
    made = await operator.create(body.name, body.slug, body.metadata, sandbox=body.sandbox)
    return JSONResponse(made, status_code=201)


@router.get("", response_model=schemas.OrganizationList, responses=problems())
async def list_organizations(operator: Operating, page: PageDep) -> Response:
    """List partners, newest first."""
    bounds = page.by_id()
    ids = await operator.list_ids(bounds["before"], page.limit + 1)  # pyright: ignore[reportArgumentType]
    data = [json.loads(await operator.get(org_id)) for org_id in ids[: page.limit]]
    more = encode_cursor(str(ids[page.limit - 1])) if len(ids) > page.limit else None
    return JSONResponse({"data": data, "next_cursor": more})


@router.get("/{organization_id}", response_model=schemas.Organization, responses=problems(404))
async def get_organization(organization_id: UUID, operator: Operating) -> Response:
    """Return one partner."""
    return json_response(await operator.get(organization_id))


@router.patch("/{organization_id}", response_model=schemas.Organization, responses=problems(404, 409, 412))
async def update_organization(
    organization_id: UUID, body: schemas.OrganizationPatch, operator: Operating, if_match: IfMatch = None
) -> Response:
    """Change a partner. Suspending pauses every campaign and refuses every credential from the next request on."""
    return json_response(await operator.change(organization_id, body.model_dump(exclude_none=True), if_match))


@router.delete("/{organization_id}", status_code=202, response_model=schemas.Organization, responses=problems(404))
async def delete_organization(organization_id: UUID, operator: Operating) -> Response:
    """Delete a partner and all that is its own, once its providers have stopped."""
    return json_response(await operator.delete(organization_id), status=202)


@router.post(
    "/{organization_id}/api-tokens", status_code=201, response_model=schemas.OrgTokenCreated, responses=problems(404)
)
async def create_org_token(organization_id: UUID, body: schemas.OrgTokenCreate, operator: Operating) -> Response:
    """Make one more token that speaks for a partner. It is not shown again."""
    token = await operator.new_org_token(organization_id, body.name)
    return JSONResponse({**token, "id": str(token["id"])}, status_code=201)
