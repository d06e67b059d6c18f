"""`/partner/v1/campaigns/{id}/binding`: which campaign of its provider is ours.

Usually we make it there. Where the account does not let anybody make campaigns from outside, the partner makes one by
hand, starts it once, and binds it here: people then flow into it, and its content stays what stands there.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api.access.caller import Reads
from api.db.queries import beside
from api.errors import Conflict
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.responses import json_response, or_404
from api.http.routes import Guarded
from api.http.schemas import Body, Resource

SQL = beside(__file__, "binding.sql")
router = APIRouter(prefix="/partner/v1/campaigns/{campaign_id}/binding", route_class=Guarded, tags=["connections"])


class BindingPut(Body):
    """The provider's id of a campaign that was made there by hand and has been started once."""

    external_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$"), Field(examples=["41873"])]


class Binding(Resource):
    """Which campaign of its provider is ours. `managed`: it was made there by hand."""

    campaign_id: UUID
    provider: str
    external_id: str
    managed: bool
    created_at: datetime
    updated_at: datetime


@router.get("", response_model=Binding, responses=problems(404))
async def get_binding(campaign_id: UUID, reads: Reads) -> Response:
    """Return which campaign of its provider is ours; 404 while there is none."""
    return json_response(or_404(await reads.body(SQL.get_binding, {"id": campaign_id})))


@router.put("", response_model=Binding, responses=problems(404, 409))
async def put_binding(campaign_id: UUID, body: BindingPut, tx: Writing) -> Response:
    """Bind a draft to a campaign that was made by hand at its provider. Its content is then managed there."""
    campaign = or_404(await tx.one(SQL.lock_campaign, {"id": campaign_id}))
    if campaign["status"] != "draft":
        raise Conflict("The campaign has been started; bind a fresh one.", code="campaign_started")
    connection = await tx.one(SQL.connection_to_bind, campaign)
    if connection is None:
        raise Conflict("The company is not connected.", code="not_connected")
    external = body.external_id.lower()
    external = str(int(external)) if external.isdecimal() else external
    target = {**campaign, **connection, "external_id": external}
    if await tx.one(SQL.bound_elsewhere, target) is not None:
        raise Conflict("Another campaign of yours is bound to it.", code="already_bound")
    await tx.run(SQL.bind, target)
    await tx.run(SQL.note_managed, target)
    return json_response(await tx.body(SQL.get_binding, target))
