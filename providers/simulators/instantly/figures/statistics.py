"""Counting what happened, by campaign."""

from datetime import datetime
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.kit import clock
from providers.simulators.kit.store import Object, Row

routes = Routes()

DATES: validation.Fields = {"start_date": validation.text(), "end_date": validation.text()}
IDS: validation.Fields = {"id": validation.text("uuid"), "ids": validation.array(validation.text("uuid")), **DATES}
_NAMED = {"open": "open", "reply": "reply", "auto": "reply_count_automatic", "click": "link_click"}


class Tally:
    """How often each kind of thing happened: at all, to how many leads, and to how many leads by step."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = {row["kind"]: row for row in rows}

    def _of(self, kind: str, column: str) -> int:
        row = self._rows.get(kind)
        return 0 if row is None else int(row[column])

    def all(self, kind: str) -> int:
        """Return how often it happened."""
        return self._of(kind, "n")

    def unique(self, kind: str) -> int:
        """Return to how many leads it happened."""
        return self._of(kind, "leads")

    def unique_by_step(self, kind: str) -> int:
        """Return to how many leads it happened, counting each step."""
        return self._of(kind, "lead_steps")

    def first_steps(self) -> int:
        """Return how many leads got their first mail."""
        return self._of("sent", "first_steps")


SUMS = (
    "count(*) as n, sum(first) as leads, sum(first_of_step) as lead_steps,"
    " sum(first and coalesce(step, 0) = 0) as first_steps"
)


def tally(call: Call, where: str, *values: Any) -> Tally:
    """Count what happened under some conditions."""
    sql = f"select kind, {SUMS} from happenings where {where} group by kind"  # noqa: S608 - names are our own
    return Tally(call.store.all(sql, *values))


def between(call: Call, where: str, *values: Any) -> tuple[str, list[Any]]:
    """Narrow conditions to the dates of the query, or refuse dates that are the wrong way round."""
    days: list[datetime | None] = []
    for name in ("start_date", "end_date"):
        text = call.query.get(name)
        day = clock.parse(text) if text else None
        if text and day is None:
            raise RefusedError(400, {"message": f"Invalid {name.replace('_', ' ')}"})
        days.append(day)
    start, end = days
    if start and end and start > end:
        raise RefusedError(400, {"message": "Start Date must be earlier than End Date"})
    parts, bound = [where], list(values)
    for sign, day in ((">=", start), ("<=", end)):
        if day:
            parts.append(f"day {sign} ?")
            bound.append(day.date().isoformat())
    return " and ".join(parts), bound


def counts_of(sums: Tally) -> Object:
    """Return the counts that every answer about a campaign has."""
    counts: Object = {}
    for kind, stem in _NAMED.items():
        name = stem if stem.endswith("automatic") else f"{stem}_count"
        counts[name] = sums.all(kind)
        counts[f"{name}_unique"] = sums.unique(kind)
        counts[f"{name}_unique_by_step"] = sums.unique_by_step(kind)
    return {
        **counts,
        "emails_sent_count": sums.all("sent"),
        "contacted_count": sums.unique("sent"),
        "new_leads_contacted_count": sums.first_steps(),
        "bounced_count": sums.all("bounce"),
        "unsubscribed_count": sums.all("unsubscribe"),
        "total_opportunities": sums.unique("opportunity"),
    }


def chosen(call: Call) -> list[Object]:
    """Return the campaigns that the query asks for."""
    wanted = {call.query["id"]} if "id" in call.query else set(call.query.get("ids") or [])
    state = call.query.get("campaign_status")
    rows = [row for row in call.every("campaign") if not wanted or row["id"] in wanted]
    return [row for row in rows if state in (None, row["status"])]


def value_of(call: Call, campaign: Object) -> float:
    """Return what one opportunity of a campaign is worth."""
    workspace = call.find("workspace", call.workspace)
    return float(campaign.get("pl_value") or workspace.get("default_opportunity_value") or 0)


@routes.on("GET", "/campaigns/analytics", query={**IDS, "exclude_total_leads_count": validation.boolean()})
def by_campaign(call: Call) -> Response:
    """Count by campaign; those where nothing happened yet are left out."""
    return answer([row for row in (_of_campaign(call, campaign) for campaign in chosen(call)) if row])


def _of_campaign(call: Call, campaign: Object) -> Object | None:
    where, values = between(call, "campaign = ?", campaign["id"])
    counts = counts_of(tally(call, where, *values))
    leads = call.store.value("select count(*) from leads where campaign = ?", campaign["id"])
    if not leads and not any(counts.values()):
        return None
    done = call.store.value("select count(*) from leads where campaign = ? and status = 3", campaign["id"])
    return {
        "campaign_name": campaign["name"],
        "campaign_id": campaign["id"],
        "campaign_status": campaign["status"],
        "campaign_is_evergreen": bool(campaign.get("is_evergreen")),
        "leads_count": 0 if call.query.get("exclude_total_leads_count") else leads,
        **counts,
        "completed_count": done,
        "total_opportunity_value": counts["total_opportunities"] * value_of(call, campaign),
    }
