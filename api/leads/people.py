"""`/v1/leads`: the people of a company, in whichever campaign they are."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads
from api.db.queries import beside
from api.http.exporting import export, exported
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded
from api.http.schemas import Text
from api.leads import schemas
from api.leads.searching import search_key, search_keys
from providers.identity import domain_key, email_key

SQL = beside(__file__, "people.sql")
router = APIRouter(prefix="/v1/leads", route_class=Guarded, tags=["leads"])
EXPORTED = ("email", "linkedin_url", "first_name", "last_name", "company_name", "source", "source_at")


@router.post("/{lead_id}/unsubscribe", response_model=schemas.Lead, responses=problems(404))
async def unsubscribe_lead(lead_id: UUID, tx: Writing) -> Response:
    """Never contact a person again: by address and by profile, as far as both are known."""
    lead = or_404(await tx.one(SQL.lock_lead, {"id": lead_id}))
    unsubscribed = await tx.one(SQL.unsubscribe, {"id": lead_id}) or {}
    if unsubscribed["written"]:
        await tx.run(SQL.note_unsubscribed, {"id": lead_id, "company_id": lead["company_id"]})
        tx.wake(lead["company_id"], urgent=True)
    return json_response(await tx.body(SQL.get_lead, {"id": lead_id}))


@router.get("", response_model=schemas.LeadList, responses=problems())
async def list_leads(
    reads: Reads,
    page: PageDep,
    *,
    company_id: CompanyFilter = None,
    email: Annotated[Text | None, Query(max_length=320, description="This address, in any spelling.")] = None,
    domain: Annotated[Text | None, Query(max_length=255, description="Everybody of this mail domain.")] = None,
    source: Annotated[Text | None, Query(max_length=200, description="Everybody known from this source.")] = None,
    q: Annotated[
        Text | None,
        Query(min_length=2, max_length=100, description="The beginning of a name, a company's name or an address."),
    ] = None,
) -> Response:
    """List people, newest first, find one by address, or search."""
    # A statement for each filter: one for all could not keep a plan that uses the index of the filter given.
    query = SQL.list_leads
    if q is not None:
        query = SQL.search_leads
    elif email is not None:
        query = SQL.list_leads_by_email
    elif domain is not None:
        query = SQL.list_leads_by_domain
    elif source is not None:
        query = SQL.list_leads_by_source
    # What cannot be folded is nobody's address, and finds nobody.
    folded = {"email": email and (email_key(email) or ""), "domain": domain and (domain_key(domain) or "")}
    searched = {"name": search_key(q), "address": q and (q.strip().lower() or None)}
    filters = {"company_id": company_id, **folded, **searched, "source": source}
    return json_response(await reads.body(query, {**filters, **page.by_id()}))


@router.get("/export", response_class=Response, responses=exported("Everybody, oldest first, as CSV."))
async def export_leads(
    reads: Reads,
    company_id: CompanyFilter = None,
    source: Annotated[Text | None, Query(max_length=200, description="Everybody known from this source.")] = None,
) -> Response:
    """Return people as CSV, which can be sent back as it is; each custom field is a column `custom.<key>`."""
    params = {"company_id": company_id, "source": source}
    keys: list[str] = json.loads(await reads.body(SQL.custom_keys, params) or b"[]")

    def lines(row: dict[str, Any]) -> list[list[Any]]:
        return [[*(row[name] for name in EXPORTED), *(row["custom"].get(key) for key in keys)]]

    columns = [*EXPORTED, *(f"custom.{key}" for key in keys)]
    return await export(reads, SQL.export_leads, params, columns=columns, lines=lines, name="leads")


@router.get("/{lead_id}", response_model=schemas.Lead, responses=problems(404))
async def get_lead(lead_id: UUID, reads: Reads) -> Response:
    """Return one person."""
    return json_response(or_404(await reads.body(SQL.get_lead, {"id": lead_id})))


@router.get("/{lead_id}/contactability", response_model=schemas.Contactability, responses=problems(404))
async def get_contactability(lead_id: UUID, reads: Reads) -> Response:
    """Return whether a person may be contacted, and what the company knows against it.

    `contactable` is false where any do-not-contact list covers them; only the company's own lists are named. That they
    bounced, replied or are in a campaign is said, and decides nothing.
    """
    return json_response(or_404(await reads.body(SQL.contactability, {"id": lead_id})))


@router.patch("/{lead_id}", response_model=schemas.Lead, responses=problems(404, 412))
async def update_lead(lead_id: UUID, body: schemas.LeadUpdate, tx: Writing, if_match: IfMatch = None) -> Response:
    """Change what we know of a person. Messages that were handed over already keep what they were given."""
    lead = or_404(await tx.one(SQL.lock_lead, {"id": lead_id}))
    check_match(if_match, lead["body"])
    change: dict[str, Any] = body.model_dump(exclude={"custom", "metadata"})
    change |= search_keys(body.first_name, body.last_name, body.company_name)
    for name in ("custom", "metadata"):
        given = getattr(body, name)
        change[name] = None if given is None else json.dumps(given)
    await tx.run(SQL.update_lead, {"id": lead_id, **change})
    return json_response(await tx.body(SQL.get_lead, {"id": lead_id}))
