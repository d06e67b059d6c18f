"""`/v1/campaigns/{id}/stats`: a campaign in figures."""

from uuid import UUID

from fastapi import APIRouter, Response

from api.access.caller import Reader, Reads
from api.db.pool import Params
from api.db.queries import beside
from api.http.openapi.problems import problems
from api.http.responses import json_response, or_404
from api.http.routes import Guarded
from api.http.schemas import Resource

SQL = beside(__file__, "figures.sql")
router = APIRouter(prefix="/v1/campaigns", route_class=Guarded, tags=["campaigns"])


class LeadCounts(Resource):
    """How many people are in the campaign, and how far they have come."""

    total: int
    pending: int
    sending: int
    pushed: int
    uncertain: int
    failed: int
    failed_by_reason: dict[str, int]
    suppressed: int


class MessageCounts(Resource):
    """How many messages were sent and what came of them."""

    sent: int
    opened: int
    clicked: int
    replied: int
    bounced: int


class RequestCounts(Resource):
    """How many people were invited to connect and how many accepted."""

    sent: int
    accepted: int


class CampaignStats(Resource):
    """A campaign in figures."""

    campaign_id: UUID
    leads: LeadCounts
    messages: MessageCounts
    connection_requests: RequestCounts
    unsubscribed: int
    interested: int


@router.get("/{campaign_id}/stats", response_model=CampaignStats, responses=problems(404))
async def campaign_stats(campaign_id: UUID, reads: Reads) -> Response:
    """Return the campaign in figures."""
    return json_response(or_404(await reads.body(SQL.campaign_stats, {"id": campaign_id})))


async def list_with_stats(reads: Reader, params: Params) -> bytes | None:
    """Return a page of campaigns, each with its figures."""
    return await reads.body(SQL.list_campaigns_with_stats, params)
