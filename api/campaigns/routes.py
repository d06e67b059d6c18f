"""`/v1/campaigns`: drafts, their sequence and senders, starting, pausing, and figures."""

import json
from datetime import time
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads, own_company
from api.campaigns import preflight, schemas, sequence_schemas
from api.campaigns.figures import list_with_stats
from api.campaigns.preparing import judged, steps_of
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.errors import CampaignNotReady, Conflict, Unprocessable, unknown_reference
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded
from providers.templates import step_of, uses

SQL = beside(__file__)
router = APIRouter(prefix="/v1/campaigns", route_class=Guarded, tags=["campaigns"])
Status = Annotated[str | None, Query(pattern="^(draft|active|paused|completed|archived)$")]
Expand = Annotated[Literal["stats"] | None, Query(description="What to add to each campaign.")]
MOST_SAID = 5  # of what stands against starting; all of it is in `errors`
OF_SETTINGS = frozenset({"unsubscribe_missing", "unsubscribe_required"})  # what a running campaign may not become
SAID_NOTHING = {"format": "text", "subject": "", "body": ""}


@router.post("", status_code=201, response_model=schemas.Campaign, responses=problems())
async def create_campaign(body: schemas.CampaignCreate, tx: Writing) -> Response:
    """Create a campaign as a draft."""
    company = own_company(tx, body.company_id)
    params = {"name": body.name, "capability": body.capability, **_columns(body.schedule), **body.settings.model_dump()}
    await _check_limits(tx, {**params, "company_id": company}, body)
    row = await tx.one(SQL.create_campaign, {**params, "metadata": json.dumps(body.metadata), "company_id": company})
    return json_response(or_404(await tx.body(SQL.get_campaign, row)), status=201)


@router.get("", response_model=schemas.CampaignList, responses=problems())
async def list_campaigns(
    reads: Reads, page: PageDep, status: Status = None, expand: Expand = None, company_id: CompanyFilter = None
) -> Response:
    """List campaigns, newest first; with `expand=stats`, each with its figures."""
    filters = {"company_id": company_id, "status": status}
    if expand is not None:
        return json_response(await list_with_stats(reads, {**filters, **page.by_id()}))
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
    if body.schedule is not None or body.settings is not None:
        _refuse_managed(campaign)
    await _check_limits(tx, campaign, body)
    if body.name is not None or body.schedule is not None or body.settings is not None:
        settings = body.settings or schemas.SettingsPatch()
        changes = {"name": body.name, **_columns(body.schedule), **settings.model_dump()}
        await tx.run(SQL.update_campaign, {"id": campaign_id, **changes})
        if campaign["status"] == "active" and body.settings is not None:
            await _refuse_errors(tx, campaign_id, OF_SETTINGS)
        tx.wake(campaign["company_id"])
    if body.metadata is not None:
        await tx.run(SQL.update_metadata, {"id": campaign_id, "metadata": json.dumps(body.metadata)})
    return json_response(await tx.body(SQL.get_campaign, campaign))


@router.put("/{campaign_id}/sequence", response_model=sequence_schemas.Sequence, responses=problems(404, 409))
async def put_sequence(campaign_id: UUID, body: sequence_schemas.SequencePut, tx: Writing) -> Response:
    """Set the whole sequence. A running campaign is paused first."""
    campaign = await _open_campaign(tx, campaign_id)
    _refuse_managed(campaign)
    if campaign["status"] == "active":
        raise Conflict("Pause the campaign before changing its sequence.", code="campaign_active")
    _check_types(campaign["capability"], body)
    steps = [{**SAID_NOTHING, "position": index, **step.model_dump()} for index, step in enumerate(body.steps, start=1)]
    await _refuse_late_fallbacks(tx, campaign, steps)
    await tx.run(SQL.put_sequence, {**campaign, "steps": json.dumps(steps)})
    await tx.run(SQL.touch_campaign, campaign)
    tx.wake(campaign["company_id"])
    return json_response(await tx.body(SQL.get_sequence, campaign))


async def _refuse_late_fallbacks(tx: Tx, campaign: Row, steps: list[dict[str, Any]]) -> None:
    """What is said without a value is handed over with each person: refuse one that people were handed over without."""
    late = {
        key for key, (variable, _) in uses([step_of(row) for row in steps]).items() if variable.fallback is not None
    }
    if not late or not (await tx.one(SQL.has_handed_over, campaign) or {})["has_handed_over"]:
        return
    late -= uses(await steps_of(tx, campaign)).keys()
    if late:
        raise Conflict(
            "People were handed over without these fallbacks, and would get none. Keep to the variables and fallbacks "
            "that the sequence has had, or clone the campaign.",
            code="fallback_after_hand_over",
        )


def _check_types(capability: str, body: sequence_schemas.SequencePut) -> None:
    allowed = sequence_schemas.STEP_TYPES[capability]
    foreign = [index for index, step in enumerate(body.steps) if step.type not in allowed]
    if foreign:
        raise Unprocessable(
            f"The steps of this campaign are {', '.join(sorted(allowed))}.",
            code="step_type_not_supported",
            errors=[{"pointer": f"/steps/{index}/type", "code": "step_type_not_supported"} for index in foreign],
        )


@router.get("/{campaign_id}/sequence", response_model=sequence_schemas.Sequence, responses=problems(404))
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
    await _refuse_errors(tx, campaign_id)
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


async def _check_limits(tx: Tx, campaign: Row, body: schemas.CampaignCreate | schemas.CampaignUpdate) -> None:
    """Refuse a schedule whose hours cannot be kept, and leaving out the way to unsubscribe where that is not allowed.
    `campaign` is what stands so far."""
    omits = body.settings is not None and body.settings.unsubscribe == "none"
    if body.schedule is None and not omits:
        return
    limits = await tx.one(SQL.limits, campaign)
    if limits is None:  # the company's absence is said by what is written next
        return
    given = {name: value for name, value in _columns(body.schedule).items() if value}
    clocks = {name: time.fromisoformat(given[name]) for name in ("send_from", "send_until") if name in given}
    wanted = {**campaign, **given, **clocks, **limits, "unsubscribe": "none"}
    findings = [
        *(preflight.way_out(wanted) if omits else ()),
        *(preflight.zone(wanted) if body.schedule is not None else ()),
    ]
    if findings:
        errors = [{"pointer": each.pointer, "code": each.code} for each in findings]
        raise Unprocessable(findings[0].detail, code=findings[0].code, errors=errors)


async def _refuse_errors(tx: Tx, campaign_id: UUID, codes: frozenset[str] | None = None) -> None:
    """Refuse with what the preflight finds wrong, or with some of it."""
    _, _, wrong = await judged(tx, campaign_id)
    wrong = [each for each in wrong if codes is None or each.code in codes]
    if wrong:
        errors = [{"pointer": each.pointer, "code": each.code, "detail": each.detail} for each in wrong]
        raise CampaignNotReady(" ".join(each.detail for each in wrong[:MOST_SAID]), errors=errors)


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
    tx.wake(campaign["company_id"], urgent=status != "active")
    return json_response(await tx.body(SQL.get_campaign, campaign), status=202)
