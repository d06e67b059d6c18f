"""`/v1/campaigns`: drafts, their sequence and senders, starting, pausing, and figures."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads, own_company
from api.campaigns import schemas
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.errors import CampaignNotReady, Conflict, Unprocessable, unknown_reference
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded

SQL = beside(__file__)
router = APIRouter(prefix="/v1/campaigns", route_class=Guarded, tags=["campaigns"])
Status = Annotated[str | None, Query(pattern="^(draft|active|paused|completed|archived)$")]
SAID_NOTHING = {"subject": "", "body": ""}
MISSING = {
    "sequence": ("/sequence", "sequence_missing", "a sequence"),
    "senders": ("/senders", "senders_missing", "an active sender"),
    "leads": ("/leads", "leads_missing", "a lead"),
    "connection": ("/capability", "capability_not_connected", "a connected capability"),
}
CONTENT = ("sequence", "senders")  # what a managed campaign has where it was made


@router.post("", status_code=201, response_model=schemas.Campaign, responses=problems())
async def create_campaign(body: schemas.CampaignCreate, tx: Writing) -> Response:
    """Create a campaign as a draft."""
    params = {**body.model_dump(exclude={"schedule", "metadata"}), **_columns(body.schedule)}
    params["metadata"] = json.dumps(body.metadata)
    row = await tx.one(SQL.create_campaign, {**params, "company_id": own_company(tx, body.company_id)})
    return json_response(or_404(await tx.body(SQL.get_campaign, row)), status=201)


@router.get("", response_model=schemas.CampaignList, responses=problems())
async def list_campaigns(
    reads: Reads, page: PageDep, status: Status = None, company_id: CompanyFilter = None
) -> Response:
    """List campaigns, newest first."""
    filters = {"company_id": company_id, "status": status}
    return json_response(await reads.body(SQL.list_campaigns, {**filters, **page.by_id()}))


@router.get("/{campaign_id}", response_model=schemas.Campaign, responses=problems(404))
async def get_campaign(campaign_id: UUID, reads: Reads) -> Response:
    """Return one campaign."""
    return json_response(or_404(await reads.body(SQL.get_campaign, {"id": campaign_id})))


@router.patch("/{campaign_id}", response_model=schemas.Campaign, responses=problems(404, 409, 412))
async def update_campaign(
    campaign_id: UUID, body: schemas.CampaignUpdate, tx: Writing, if_match: IfMatch = None
) -> Response:
    """Change the name, the schedule or the metadata."""
    campaign = await _open_campaign(tx, campaign_id)
    if if_match is not None:
        check_match(if_match, or_404(await tx.body(SQL.get_campaign, campaign)).decode())
    if body.schedule is not None:
        _refuse_managed(campaign)
    if body.name is not None or body.schedule is not None:
        await tx.run(SQL.update_campaign, {"id": campaign_id, "name": body.name, **_columns(body.schedule)})
        tx.wake(campaign["company_id"])
    if body.metadata is not None:
        await tx.run(SQL.update_metadata, {"id": campaign_id, "metadata": json.dumps(body.metadata)})
    return json_response(await tx.body(SQL.get_campaign, campaign))


@router.put("/{campaign_id}/sequence", response_model=schemas.Sequence, responses=problems(404, 409))
async def put_sequence(campaign_id: UUID, body: schemas.SequencePut, tx: Writing) -> Response:
    """Set the whole sequence. A running campaign is paused first."""
    campaign = await _open_campaign(tx, campaign_id)
    _refuse_managed(campaign)
    if campaign["status"] == "active":
        raise Conflict("Pause the campaign before changing its sequence.", code="campaign_active")
    _check_types(campaign["capability"], body)
    steps = [{**SAID_NOTHING, "position": index, **step.model_dump()} for index, step in enumerate(body.steps, start=1)]
    await tx.run(SQL.put_sequence, {**campaign, "steps": json.dumps(steps)})
    await tx.run(SQL.touch_campaign, campaign)
    tx.wake(campaign["company_id"])
    return json_response(await tx.body(SQL.get_sequence, campaign))


def _check_types(capability: str, body: schemas.SequencePut) -> None:
    allowed = schemas.STEP_TYPES[capability]
    foreign = [index for index, step in enumerate(body.steps) if step.type not in allowed]
    if foreign:
        raise Unprocessable(
            f"The steps of this campaign are {', '.join(sorted(allowed))}.",
            code="step_type_not_supported",
            errors=[{"pointer": f"/steps/{index}/type", "code": "step_type_not_supported"} for index in foreign],
        )


@router.get("/{campaign_id}/sequence", response_model=schemas.Sequence, responses=problems(404))
async def get_sequence(campaign_id: UUID, reads: Reads) -> Response:
    """Return the sequence."""
    return json_response(or_404(await reads.body(SQL.get_sequence, {"id": campaign_id})))


@router.put("/{campaign_id}/senders", response_model=schemas.CampaignSenders, responses=problems(404, 409))
async def put_senders(campaign_id: UUID, body: schemas.SendersPut, tx: Writing) -> Response:
    """Set which senders the campaign sends from."""
    campaign = await _open_campaign(tx, campaign_id)
    _refuse_managed(campaign)
    wanted = {**campaign, "sender_ids": sorted(set(body.sender_ids))}
    known = await tx.one(SQL.count_senders, wanted)
    if known is None or known["known"] != len(wanted["sender_ids"]):
        raise unknown_reference("sender_ids")
    await tx.run(SQL.put_senders, wanted)
    await tx.run(SQL.touch_campaign, campaign)
    tx.wake(campaign["company_id"])
    return json_response(await tx.body(SQL.get_senders, campaign))


@router.get("/{campaign_id}/senders", response_model=schemas.CampaignSenders, responses=problems(404))
async def get_senders(campaign_id: UUID, reads: Reads) -> Response:
    """Return which senders the campaign sends from."""
    return json_response(or_404(await reads.body(SQL.get_senders, {"id": campaign_id})))


@router.post("/{campaign_id}/start", status_code=202, response_model=schemas.Campaign, responses=problems(404, 409))
async def start_campaign(campaign_id: UUID, tx: Writing) -> Response:
    """Start or resume sending. The answer's `sync` tells when everything is in place."""
    campaign = await _open_campaign(tx, campaign_id)
    ready = or_404(await tx.one(SQL.readiness, campaign))
    needed = [name for name in MISSING if not (campaign["managed"] and name in CONTENT)]
    missing = [MISSING[name] for name in needed if not ready[name]]
    if missing:
        raise CampaignNotReady(
            "The campaign still needs " + ", ".join(words for _, _, words in missing) + ".",
            errors=[{"pointer": pointer, "code": code} for pointer, code, _ in missing],
        )
    if campaign["status"] == "active" and campaign["sync_error"] is None:
        return json_response(await tx.body(SQL.get_campaign, campaign), status=202)
    return await _set_status(tx, campaign, "active", "campaign.started")


@router.post("/{campaign_id}/pause", status_code=202, response_model=schemas.Campaign, responses=problems(404, 409))
async def pause_campaign(campaign_id: UUID, tx: Writing) -> Response:
    """Stop sending until the campaign is started again."""
    campaign = await _open_campaign(tx, campaign_id)
    if campaign["status"] == "draft":
        raise Conflict("The campaign has not been started.", code="campaign_not_started")
    if campaign["status"] == "paused":
        return json_response(await tx.body(SQL.get_campaign, campaign), status=202)
    return await _set_status(tx, campaign, "paused", "campaign.paused")


def _columns(schedule: schemas.Schedule | schemas.SchedulePatch | None) -> dict[str, Any]:
    """Return the columns of a schedule; all None, which changes nothing, where none is given."""
    given = schedule.model_dump() if schedule else {}
    renamed = {"days": "send_days", "start": "send_from", "end": "send_until"}
    return {renamed.get(name, name): given.get(name) for name in schemas.Schedule.model_fields}


async def _open_campaign(tx: Tx, campaign_id: UUID) -> Row:
    """Return a campaign that may still change, locked until the transaction ends."""
    campaign = or_404(await tx.one(SQL.lock_campaign, {"id": campaign_id}))
    if campaign["status"] in ("completed", "archived"):
        raise Conflict(f"The campaign is {campaign['status']}.", code=f"campaign_{campaign['status']}")
    return campaign


def _refuse_managed(campaign: Row) -> None:
    if campaign["managed"]:
        raise Conflict("What this campaign sends, from whom and when is set for you.", code="campaign_managed")


async def _set_status(tx: Tx, campaign: Row, status: str, event: str) -> Response:
    await tx.run(SQL.set_status, {**campaign, "status": status})
    await tx.run(SQL.record_event, {**campaign, "type": event})
    tx.wake(campaign["company_id"])
    return json_response(await tx.body(SQL.get_campaign, campaign), status=202)
