"""What the senders did, by campaign."""

from collections.abc import Iterable

from starlette.responses import Response

from providers.simulators.heyreach.figures.statistics import BODY, by_day, figures, rows_of
from providers.simulators.heyreach.requests import Call, Routes, answer
from providers.simulators.kit.store import Object, Row

routes = Routes()


@routes.on("POST", "/stats/GetOverallStatsByCampaign", body=BODY)
def by_campaign(call: Call) -> Response:
    """Return the figures of each campaign, of each day and of the whole time."""
    rows = [row for row in rows_of(call) if row["campaign_id"] is not None]
    days = {day: _per_campaign(part) for day, part in by_day(rows).items()}
    return answer({"byDayStats": days, "overallStats": _per_campaign(rows)})


def _per_campaign(rows: Iterable[Row]) -> list[Object]:
    parts: dict[int, list[Row]] = {}
    for row in rows:
        parts.setdefault(row["campaign_id"], []).append(row)
    return [{"campaignId": campaign_id, **figures(part)} for campaign_id, part in sorted(parts.items())]
