"""`/v1/campaigns/{id}/leads`: adding people to a campaign, and reading who is where in it."""

import asyncio
import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.access.caller import Reads
from api.db.queries import beside
from api.errors import Conflict, UnsupportedMediaType
from api.http.body import read_body
from api.http.idempotency import Writes, Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded
from api.http.schemas import Charset, Text
from api.leads import schemas
from api.leads.adding import add_rows, counted
from api.leads.reading import MEDIA_TYPES, LeadList, LeadRow, read_list
from api.tables.table import WORKBOOK

SQL = beside(__file__)
SHOWN_ROWS = 10
router = APIRouter(prefix="/v1", route_class=Guarded, tags=["leads"])
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 10,000 rows or 10 MiB. A file needs a header row in which an address or a profile is "
        "named, or `map`; columns that are none of our fields become `custom` fields.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/LeadsAdd"}},
            "text/csv": {
                "schema": {"type": "string", "format": "csv"},
                "example": "email,first_name\nmaria@example.com,Maria\n",
            },
            WORKBOOK: {"schema": {"type": "string", "format": "binary"}},
            "application/x-ndjson": {
                "schema": {"type": "string", "format": "ndjson"},
                "example": '{"email": "maria@example.com"}\n',
            },
        },
    }
}

ColumnMap = Annotated[
    str | None,
    Query(
        alias="map", max_length=20_000,
        description="Which columns of a file are what, as JSON: "
        '`{"Their column": "first_name"}`; `custom.<key>` for a field of your own, null to leave one out.',
    ),
]  # fmt: skip
Source = Annotated[
    Text | None,
    Query(min_length=1, max_length=200, description="Where these people are known from, where a row does not say."),
]


@router.post(
    "/campaigns/{campaign_id}/leads",
    response_model=schemas.LeadsAdded,
    responses=problems(404, 409, 413, 415),
    openapi_extra=REQUEST_BODY,
)
async def add_leads(
    campaign_id: UUID, request: Request, write: Writes, *, charset: Charset = None, said: ColumnMap = None,
    source: Source = None,
) -> Response:  # fmt: skip
    """Add people to a campaign. Every row is judged by itself; the good ones are in when this answers."""
    async with write.transaction(last=False) as tx:
        company_id: UUID = or_404(await tx.one(SQL.campaign_exists, {"id": campaign_id}))["company_id"]
    listed, rows = await _read(request, company_id, charset, said)
    for row in rows:
        row.lead.source = row.lead.source or source
    async with write.transaction(last=True) as tx:
        campaign = or_404(await tx.one(SQL.lock_campaign, {"id": campaign_id}))
        if campaign["status"] in ("completed", "archived"):
            raise Conflict(f"The campaign is {campaign['status']}.", code=f"campaign_{campaign['status']}")
        added = await add_rows(tx, campaign, rows)
        if added.counts["added"] and campaign["status"] == "active":
            tx.wake(campaign["company_id"])
        document = {"counts": counted(added.counts), "columns": listed.shown_columns(), "results": added.results}
        return await write.finish(tx, json_response(json.dumps(document, ensure_ascii=False).encode()))


@router.post(
    "/campaigns/{campaign_id}/leads:inspect",
    response_model=schemas.ListInspected,
    responses=problems(404, 413, 415),
    openapi_extra=REQUEST_BODY,
)
async def inspect_leads(
    campaign_id: UUID, request: Request, write: Writes, charset: Charset = None, said: ColumnMap = None
) -> Response:
    """Show how a list is understood, and its first ten rows. Nobody is added."""
    async with write.transaction(last=False) as tx:
        company_id: UUID = or_404(await tx.one(SQL.campaign_exists, {"id": campaign_id}))["company_id"]
    listed, rows = await _read(request, company_id, charset, said)
    document = {
        "format": listed.format, "encoding": listed.encoding, "separator": listed.separator, "sheet": listed.sheet,
        "header_line": listed.header_line, "columns": listed.shown_columns(), "received": len(rows),
        "rows": [
            {"index": row.index, "line": row.line, **row.lead.model_dump(mode="json"),
             "reason": row.reason, "notes": row.notes}
            for row in rows[:SHOWN_ROWS]
        ],
    }  # fmt: skip
    return json_response(json.dumps(document, ensure_ascii=False).encode())


async def _read(
    request: Request, company_id: UUID, charset: str | None, said: str | None
) -> tuple[LeadList, list[LeadRow]]:
    """Read a list outside any transaction, since a slow sender holds no connection; and in turn, since a long list
    takes seconds of a processor, which everybody else needs too."""
    media_type, _, _ = request.headers.get("content-type", "").partition(";")
    media_type = media_type.strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"Send one of {', '.join(MEDIA_TYPES)}.")
    body = await read_body(request)
    async with request.app.state.lists.take(company_id):
        return await asyncio.to_thread(_read_all, media_type, body, charset, said)


def _read_all(media_type: str, body: bytes, charset: str | None, said: str | None) -> tuple[LeadList, list[LeadRow]]:
    listed = read_list(media_type, body, charset=charset, said=said)
    return listed, list(listed.rows)


@router.get("/campaigns/{campaign_id}/leads", response_model=schemas.CampaignLeadList, responses=problems(404))
async def list_campaign_leads(
    campaign_id: UUID,
    reads: Reads,
    page: PageDep,
    status: Annotated[str | None, Query(max_length=30, pattern="^[a-z]+$")] = None,
    push_state: Annotated[str | None, Query(max_length=30, pattern="^[a-z]+$")] = None,
) -> Response:
    """List a campaign's people, newest first."""
    wanted = {"campaign_id": campaign_id, **page.by_id()}
    if status is None and push_state is None:
        return json_response(or_404(await reads.body(SQL.list_campaign_leads, wanted)))
    states = {
        "statuses": schemas.STATUSES if status is None else [status],
        "push_states": schemas.PUSH_STATES if push_state is None else [push_state],
    }
    return json_response(or_404(await reads.body(SQL.list_campaign_leads_by_state, {**wanted, **states})))


@router.post(
    "/campaigns/{campaign_id}/leads/{lead_id}/pause",
    response_model=schemas.CampaignLead,
    responses=problems(404, 409),
)
async def pause_lead(campaign_id: UUID, lead_id: UUID, tx: Writing) -> Response:
    """Let one person of a campaign rest until somebody resumes them."""
    place = {"campaign_id": campaign_id, "lead_id": lead_id}
    enrolment = or_404(await tx.one(SQL.lock_enrolment, place))
    if enrolment["status"] not in ("queued", "active", "paused"):
        raise Conflict(f"The person is {enrolment['status']} in this campaign.", code="lead_ended")
    if enrolment["told"] and not enrolment["can_pause"]:
        raise Conflict("Nobody who has been handed over can be paused here.", code="not_supported")
    if not enrolment["rests_for_good"]:
        await tx.run(SQL.pause_enrolment, enrolment)
        tx.wake(enrolment["company_id"], urgent=True)
    return json_response(await tx.body(SQL.get_enrolment, enrolment))


@router.post(
    "/campaigns/{campaign_id}/leads/{lead_id}/resume",
    response_model=schemas.CampaignLead,
    responses=problems(404, 409),
)
async def resume_lead(campaign_id: UUID, lead_id: UUID, tx: Writing) -> Response:
    """Go on with a person who was paused."""
    place = {"campaign_id": campaign_id, "lead_id": lead_id}
    enrolment = or_404(await tx.one(SQL.lock_enrolment, place))
    if enrolment["status"] not in ("queued", "active", "paused"):
        raise Conflict(f"The person is {enrolment['status']} in this campaign.", code="lead_ended")
    if enrolment["status"] == "paused":
        await tx.run(SQL.resume_enrolment, enrolment)
        tx.wake(enrolment["company_id"], urgent=True)
    return json_response(await tx.body(SQL.get_enrolment, enrolment))


@router.delete(
    "/campaigns/{campaign_id}/leads/{lead_id}",
    status_code=202,
    response_model=schemas.CampaignLead,
    responses=problems(404),
)
async def remove_lead(campaign_id: UUID, lead_id: UUID, tx: Writing) -> Response:
    """Take a person out of a campaign: nothing more is sent to them in it. What was counts on in the figures."""
    enrolment = or_404(await tx.one(SQL.lock_enrolment, {"campaign_id": campaign_id, "lead_id": lead_id}))
    if enrolment["status"] in ("queued", "active", "paused"):
        await tx.run(SQL.remove_enrolment, enrolment)
        tx.wake(enrolment["company_id"], urgent=True)
    return json_response(await tx.body(SQL.get_enrolment, enrolment), status=202)
