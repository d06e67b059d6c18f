"""`/v1/campaigns/{id}`: thrown away as a draft, archived, and made anew from another."""

from uuid import UUID

from fastapi import APIRouter, Response

from api.campaigns import schemas
from api.db.queries import beside
from api.errors import Conflict
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.responses import json_response, or_404
from api.http.routes import Guarded

SQL = beside(__file__)
OWN = beside(__file__, "lifecycle.sql")
router = APIRouter(prefix="/v1/campaigns", route_class=Guarded, tags=["campaigns"])


@router.delete("/{campaign_id}", status_code=204, responses=problems(404, 409))
async def delete_campaign(campaign_id: UUID, tx: Writing) -> Response:
    """Throw a draft away. What was started has figures, and is archived instead: Conflict."""
    campaign = or_404(await tx.one(SQL.lock_campaign, {"id": campaign_id}))
    if campaign["status"] != "draft":
        raise Conflict("Only a draft can be deleted. Archive the campaign instead.", code="campaign_not_draft")
    await tx.run(OWN.delete_campaign, campaign)
    return Response(status_code=204)


@router.post("/{campaign_id}/archive", status_code=202, response_model=schemas.Campaign, responses=problems(404))
async def archive_campaign(campaign_id: UUID, tx: Writing) -> Response:
    """End a campaign for good. Nothing more is sent and no lead is added; its people, figures and events stay."""
    campaign = or_404(await tx.one(SQL.lock_campaign, {"id": campaign_id}))
    if campaign["status"] != "archived" or campaign["sync_error"] is not None:  # again, where it was refused before
        await tx.run(OWN.archive_campaign, campaign)
        if campaign["status"] == "active":
            await tx.run(SQL.record_event, {**campaign, "type": "campaign.paused"})
        tx.wake(campaign["company_id"], urgent=True)
    return json_response(await tx.body(SQL.get_campaign, campaign), status=202)


@router.post("/{campaign_id}/clone", status_code=201, response_model=schemas.Campaign, responses=problems(404))
async def clone_campaign(campaign_id: UUID, body: schemas.Clone, tx: Writing) -> Response:
    """Make a draft with another campaign's sequence, schedule, settings and senders. Its people are not in it."""
    campaign = or_404(await tx.one(SQL.lock_campaign, {"id": campaign_id}))
    made = or_404(await tx.one(OWN.clone_campaign, {**campaign, "name": body.name}))
    copied = {**campaign, "clone": made["id"]}
    await tx.run(OWN.clone_steps, copied)
    await tx.run(OWN.clone_senders, copied)
    return json_response(or_404(await tx.body(SQL.get_campaign, made)), status=201)
