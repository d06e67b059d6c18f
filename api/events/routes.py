"""`/v1/events`: what happened, in neutral words, in an order that can be followed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from api.access.caller import CompanyFilter, Reads
from api.db.queries import beside
from api.events.schemas import Event, EventList
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded

SQL = beside(__file__)
router = APIRouter(prefix="/v1/events", route_class=Guarded, tags=["events"])


@router.get("", response_model=EventList, responses=problems())
async def list_events(
    reads: Reads,
    page: PageDep,
    *,
    company_id: CompanyFilter = None,
    type: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z_]+\.[a-z_]+$")] = None,  # its name in the query
    campaign_id: UUID | None = None,
    lead_id: UUID | None = None,
    after_sequence: Annotated[int | None, Query(ge=0, description="Only what came after this number.")] = None,
) -> Response:
    """List events, oldest first. To follow them, remember the last `sequence` and ask for what came after."""
    bounds = page.by_sequence()
    if after_sequence is not None and page.cursor is None:
        bounds["after"] = after_sequence
    filters = {"type": type, "campaign_id": campaign_id, "lead_id": lead_id}
    target = {"company_id": reads.one_company(company_id)}
    return json_response(await reads.body(SQL.list_events, {**target, **filters, **bounds}))


@router.get("/{event_id}", response_model=Event, responses=problems(404))
async def get_event(event_id: UUID, reads: Reads) -> Response:
    """Return one event."""
    return json_response(or_404(await reads.body(SQL.get_event, {"id": event_id})))
