"""`/v1/stats` and `/partner/v1/stats`: what happened, by day, company, campaign, step or sender; as JSON or CSV."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from api.access.caller import CompanyFilter, Reader, Reads
from api.db.queries import beside
from api.errors import Unprocessable
from api.http.exporting import to_csv
from api.http.figures import Figures
from api.http.openapi.problems import problems
from api.http.responses import json_response
from api.http.routes import Guarded
from api.http.timezones import WholeHoursTimezone
from api.stats.schemas import Stats

SQL = beside(__file__)
LONGEST = timedelta(days=1100)
KEYS = {
    "day": ("day",),
    "company": ("company_id", "name"),
    "campaign": ("campaign_id", "name"),
    "step": ("campaign_id", "name", "step"),
    "sender": ("sender_id", "name"),
}
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
router = APIRouter(prefix="/v1/stats", route_class=Guarded, tags=["stats"])
partner_router = APIRouter(prefix="/partner/v1/stats", route_class=Guarded, tags=["stats"])

First = Annotated[
    date | None, Query(alias="from", description="The first day; without it, the last day and the 29 before it.")
]
Last = Annotated[date | None, Query(alias="to", description="The last day, which counts too; without it, today.")]
Zone = Annotated[WholeHoursTimezone | None, Query(description="Where days begin; without it, where the company is.")]
OfCampaign = Annotated[UUID | None, Query(description="Only this campaign's.")]
OfSender = Annotated[UUID | None, Query(description="Only what this sender sent, and what came of it.")]


@router.get("", response_model=Stats, responses={**problems(), **CSV})
async def company_stats(
    request: Request,
    reads: Reads,
    *,
    group_by: Literal["day", "campaign", "step", "sender"] = "day",
    first_day: First = None,
    last_day: Last = None,
    timezone: Zone = None,
    campaign_id: OfCampaign = None,
    sender_id: OfSender = None,
    company_id: CompanyFilter = None,
) -> Response:
    """Return what happened from one day to another, in groups. With `Accept: text/csv`, as CSV."""
    params = {
        "group_by": group_by, "first_day": first_day, "last_day": last_day, "timezone": timezone,
        "campaign_id": campaign_id, "sender_id": sender_id, "company_id": reads.one_company(company_id),
    }  # fmt: skip
    return await _stats(request, reads, params)


@partner_router.get("", response_model=Stats, responses={**problems(), **CSV})
async def partner_stats(
    request: Request,
    reads: Reads,
    *,
    group_by: Literal["day", "company", "campaign", "step", "sender"] = "company",
    first_day: First = None,
    last_day: Last = None,
    timezone: Annotated[
        WholeHoursTimezone | None,
        Query(description="Where days begin; without it, where the company is that is asked for, else UTC."),
    ] = None,
    campaign_id: OfCampaign = None,
    sender_id: OfSender = None,
    company_id: Annotated[UUID | None, Query(description="Only this company's.")] = None,
) -> Response:
    """Return what happened in all companies of the organization, or in one. With `Accept: text/csv`, as CSV."""
    params = {
        "group_by": group_by, "first_day": first_day, "last_day": last_day, "timezone": timezone,
        "campaign_id": campaign_id, "sender_id": sender_id, "company_id": company_id,
    }  # fmt: skip
    return await _stats(request, reads, params)


async def _stats(request: Request, reads: Reader, params: dict[str, Any]) -> Response:
    first, last = params["first_day"], params["last_day"]
    if first is not None and last is not None and first > last:
        raise Unprocessable(
            "`from` must not be after `to`.", code="range_empty", errors=[{"pointer": "?from", "code": "range_empty"}]
        )
    if first is not None and (last or datetime.now(UTC).date()) - first > LONGEST:
        raise Unprocessable(
            f"Ask for {LONGEST.days} days at most.",
            code="range_too_long",
            errors=[{"pointer": "?from", "code": "range_too_long"}],
        )
    body = await reads.body(SQL.stats, params)
    if "text/csv" not in request.headers.get("accept", ""):
        return json_response(body)
    document = json.loads(body or b"{}")
    columns = [*KEYS[document["group_by"]], *Figures.model_fields]
    lines = [[row[column] for column in columns] for row in document["data"]]
    name = f"stats-{document['group_by']}-{document['from']}-{document['to']}"
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(to_csv([columns, *lines]), media_type="text/csv; charset=utf-8", headers=headers)
