"""`/v1/campaigns/{id}/leads` and `/v1/leads`: adding people, and reading who is where."""

import asyncio
import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.access.caller import CompanyFilter, Reads
from api.db.queries import beside
from api.errors import Conflict, UnsupportedMediaType
from api.http.body import read_body
from api.http.idempotency import Writes, Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded
from api.http.schemas import Text
from api.leads import schemas
from api.leads.adding import add_rows
from api.leads.reading import read_rows
from providers.identity import domain_key, email_key

SQL = beside(__file__)
router = APIRouter(prefix="/v1", route_class=Guarded, tags=["leads"])
MEDIA_TYPES = ("application/json", "text/csv", "application/x-ndjson")
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 10,000 rows or 10 MiB. A CSV needs a header row with a column `email` or "
        "`linkedin_url`; columns other than these, first_name, last_name and company_name become `custom` fields.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/LeadsAdd"}},
            "text/csv": {
                "schema": {"type": "string", "format": "csv"},
                "example": "email,first_name\nmaria@example.com,Maria\n",
            },
            "application/x-ndjson": {
                "schema": {"type": "string", "format": "ndjson"},
                "example": '{"email": "maria@example.com"}\n',
            },
        },
    }
}


@router.post(
    "/campaigns/{campaign_id}/leads",
    response_model=schemas.LeadsAdded,
    responses=problems(404, 409, 413, 415),
    openapi_extra=REQUEST_BODY,
)
async def add_leads(campaign_id: UUID, request: Request, write: Writes) -> Response:
    """Add people to a campaign. Every row is judged by itself; the good ones are in when this answers."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType("Send application/json, text/csv or application/x-ndjson.")
    async with write.transaction(last=False) as tx:
        company_id: UUID = or_404(await tx.one(SQL.campaign_exists, {"id": campaign_id}))["company_id"]
    # Read and judged outside the transaction: a slow sender holds no connection. And judged in turn: a long list takes
    # seconds of a processor, which everybody else needs too.
    body = await read_body(request)
    async with request.app.state.lists.take(company_id):
        rows = await asyncio.to_thread(read_rows, media_type, body)
    async with write.transaction(last=True) as tx:
        campaign = or_404(await tx.one(SQL.lock_campaign, {"id": campaign_id}))
        if campaign["status"] in ("completed", "archived"):
            raise Conflict(f"The campaign is {campaign['status']}.", code=f"campaign_{campaign['status']}")
        added, body = await add_rows(tx, campaign, rows)
        if added and campaign["status"] == "active":
            tx.wake(campaign["company_id"])
        return await write.finish(tx, json_response(body))


@router.get("/campaigns/{campaign_id}/leads", response_model=schemas.CampaignLeadList, responses=problems(404))
async def list_campaign_leads(
    campaign_id: UUID,
    reads: Reads,
    page: PageDep,
    status: Annotated[str | None, Query(max_length=30, pattern="^[a-z]+$")] = None,
    push_state: Annotated[str | None, Query(max_length=30, pattern="^[a-z]+$")] = None,
) -> Response:
    """List a campaign's people, newest first."""
    filters = {"campaign_id": campaign_id, "status": status, "push_state": push_state}
    return json_response(or_404(await reads.body(SQL.list_campaign_leads, {**filters, **page.by_id()})))


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
        tx.wake(enrolment["company_id"])
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
        tx.wake(enrolment["company_id"])
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
        tx.wake(enrolment["company_id"])
    return json_response(await tx.body(SQL.get_enrolment, enrolment), status=202)


@router.post("/leads/{lead_id}/unsubscribe", response_model=schemas.Lead, responses=problems(404))
async def unsubscribe_lead(lead_id: UUID, tx: Writing) -> Response:
    """Never contact a person again: by address and by profile, as far as both are known."""
    lead = or_404(await tx.one(SQL.lock_lead, {"id": lead_id}))
    unsubscribed = await tx.one(SQL.unsubscribe, {"id": lead_id}) or {}
    if unsubscribed["written"]:
        await tx.run(SQL.note_unsubscribed, {"id": lead_id, "company_id": lead["company_id"]})
        tx.wake(lead["company_id"])
    return json_response(await tx.body(SQL.get_lead, {"id": lead_id}))


@router.get("/leads", response_model=schemas.LeadList, responses=problems())
async def list_leads(
    reads: Reads,
    page: PageDep,
    company_id: CompanyFilter = None,
    email: Annotated[Text | None, Query(max_length=320, description="This address, in any spelling.")] = None,
    domain: Annotated[Text | None, Query(max_length=255, description="Everybody of this mail domain.")] = None,
) -> Response:
    """List people, newest first, or find one by address."""
    # A statement for each filter: one for all could not keep a plan that uses the index of the filter given.
    query = SQL.list_leads
    if email is not None:
        query = SQL.list_leads_by_email
    elif domain is not None:
        query = SQL.list_leads_by_domain
    # What cannot be folded is nobody's address, and finds nobody.
    folded = {"email": email and (email_key(email) or ""), "domain": domain and (domain_key(domain) or "")}
    filters = {"company_id": company_id, **folded}
    return json_response(await reads.body(query, {**filters, **page.by_id()}))


@router.get("/leads/{lead_id}", response_model=schemas.Lead, responses=problems(404))
async def get_lead(lead_id: UUID, reads: Reads) -> Response:
    """Return one person."""
    return json_response(or_404(await reads.body(SQL.get_lead, {"id": lead_id})))


@router.get("/leads/{lead_id}/contactability", response_model=schemas.Contactability, responses=problems(404))
async def get_contactability(lead_id: UUID, reads: Reads) -> Response:
    """Return whether a person may be contacted, and what the company knows against it.

    `contactable` is false where any do-not-contact list covers them; only the company's own lists are named. That they
    bounced, replied or are in a campaign is said, and decides nothing.
    """
    return json_response(or_404(await reads.body(SQL.contactability, {"id": lead_id})))


@router.patch("/leads/{lead_id}", response_model=schemas.Lead, responses=problems(404, 412))
async def update_lead(lead_id: UUID, body: schemas.LeadUpdate, tx: Writing, if_match: IfMatch = None) -> Response:
    """Change what we know of a person. Messages that were handed over already keep what they were given."""
    lead = or_404(await tx.one(SQL.lock_lead, {"id": lead_id}))
    check_match(if_match, lead["body"])
    change: dict[str, Any] = body.model_dump(exclude={"custom", "metadata"})
    for name in ("custom", "metadata"):
        given = getattr(body, name)
        change[name] = None if given is None else json.dumps(given)
    await tx.run(SQL.update_lead, {"id": lead_id, **change})
    return json_response(await tx.body(SQL.get_lead, {"id": lead_id}))
