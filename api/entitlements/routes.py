"""`/partner/v1/companies/{id}/entitlements`: what a company may use, and through whom."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from api.access.caller import Scoped
from api.db.queries import beside
from api.entitlements.schemas import Entitlement, EntitlementList, EntitlementPut
from api.errors import Conflict, NotFound, Unprocessable
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1/companies/{company_id}/entitlements", route_class=Guarded, tags=["entitlements"])


Capability = Annotated[
    str, Path(description="As in `email_outreach`.", json_schema_extra={"pattern": "^[a-z_]{1,50}$"})
]


@router.put("/{capability}", response_model=Entitlement, responses=problems(404, 409))
async def put_entitlement(company_id: UUID, capability: Capability, body: EntitlementPut, tx: Writing) -> Response:
    """Entitle a company to a capability. The provider can change until a connection is made."""
    target = {"company_id": company_id, "capability": capability, "provider": body.provider}
    or_404(await tx.one(SQL.company_exists, target))
    if await tx.one(SQL.capability_exists, target) is None:
        raise NotFound()
    if await tx.one(SQL.provider_offers, target) is None:
        raise Unprocessable(
            f"This provider does not offer {capability}.",
            code="provider_unknown",
            errors=[{"pointer": "/provider", "code": "provider_unknown"}],
        )
    answer = await tx.body(SQL.put_entitlement, target)
    if answer is None:
        raise Conflict("The capability has been connected; its provider cannot be changed.", code="already_connected")
    return json_response(answer)


@router.get("", response_model=EntitlementList, responses=problems(404))
async def list_entitlements(company_id: UUID, tx: Scoped, page: PageDep) -> Response:
    """List what a company is entitled to."""
    or_404(await tx.one(SQL.company_exists, {"company_id": company_id}))
    return json_response(await tx.body(SQL.list_entitlements, {"company_id": company_id, **page.by_id()}))


@router.delete("/{capability}", status_code=204, responses=problems(404))
async def delete_entitlement(company_id: UUID, capability: Capability, tx: Writing) -> Response:
    """Take a capability away. Its campaigns are paused first, and its connection is closed."""
    target = {"company_id": company_id, "capability": capability}
    or_404(await tx.one(SQL.lock_tenants, target))
    entitlement = or_404(await tx.one(SQL.lock_entitlement, target))
    await tx.run(SQL.close_connection, target)
    await tx.run(SQL.delete_entitlement, entitlement)
    tx.wake(company_id)
    return Response(status_code=204)
