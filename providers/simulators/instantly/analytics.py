"""Counting what happened: by campaign, in all, by day, by step, and by mailbox and day."""

from datetime import datetime, timedelta
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import ajv
from providers.simulators.instantly.campaign_rules import STATES
from providers.simulators.instantly.exchange import Call, RefusedError, Routes, answer
from providers.simulators.kit import clock
from providers.simulators.kit.store import Object, Row

routes = Routes()

_DATES: ajv.Fields = {"start_date": ajv.text(), "end_date": ajv.text()}
_IDS: ajv.Fields = {"id": ajv.text("uuid"), "ids": ajv.array(ajv.text("uuid")), **_DATES}
_STATE = ajv.number(among=STATES)
_INTERESTS = {"total_interested": 1, "total_meeting_booked": 2, "total_meeting_completed": 3, "total_closed": 4}
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


_SUMS = (
    "count(*) as n, sum(first) as leads, sum(first_of_step) as lead_steps,"
    " sum(first and coalesce(step, 0) = 0) as first_steps"
)


def tally(call: Call, where: str, *values: Any) -> Tally:
    """Count what happened under some conditions."""
    sql = f"select kind, {_SUMS} from happenings where {where} group by kind"  # noqa: S608 - names are our own
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


def _counts(sums: Tally) -> Object:
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


def _chosen(call: Call) -> list[Object]:
    wanted = {call.query["id"]} if "id" in call.query else set(call.query.get("ids") or [])
    state = call.query.get("campaign_status")
    rows = [row for row in call.every("campaign") if not wanted or row["id"] in wanted]
    return [row for row in rows if state in (None, row["status"])]


def _value(call: Call, campaign: Object) -> float:
    workspace = call.find("workspace", call.workspace)
    return float(campaign.get("pl_value") or workspace.get("default_opportunity_value") or 0)


@routes.on("GET", "/campaigns/analytics", query={**_IDS, "exclude_total_leads_count": ajv.boolean()})
def by_campaign(call: Call) -> Response:
    """Count by campaign; those where nothing happened yet are left out."""
    return answer([row for row in (_of_campaign(call, campaign) for campaign in _chosen(call)) if row])


def _of_campaign(call: Call, campaign: Object) -> Object | None:
    where, values = between(call, "campaign = ?", campaign["id"])
    counts = _counts(tally(call, where, *values))
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
        "total_opportunity_value": counts["total_opportunities"] * _value(call, campaign),
    }


@routes.on(
    "GET",
    "/campaigns/analytics/overview",
    query={**_IDS, "campaign_status": _STATE, "expand_crm_events": ajv.boolean()},
)
def overview(call: Call) -> Response:
    """Count over all campaigns chosen."""
    total: Object = _counts(Tally([])) | {"total_opportunity_value": 0} | dict.fromkeys(_INTERESTS, 0)
    expand = bool(call.query.get("expand_crm_events"))
    for campaign in _chosen(call):
        where, values = between(call, "campaign = ?", campaign["id"])
        sums = tally(call, where, *values)
        counts = _counts(sums)
        counts["total_opportunity_value"] = counts["total_opportunities"] * _value(call, campaign)
        for name, value in _INTERESTS.items():
            kind = f"interest:{value}"
            counts[name] = sums.all(kind) if expand else sums.unique(kind)
        total = {name: total[name] + counts[name] for name in total}
    return answer(total)


_DAILY = (
    ("opened", "unique_opened", "open"),
    ("replies", "unique_replies", "reply"),
    ("replies_automatic", "unique_replies_automatic", "auto"),
    ("clicks", "unique_clicks", "click"),
)


def _short(sums: Tally) -> Object:
    pairs = [((name, sums.all(kind)), (unique, sums.unique(kind))) for name, unique, kind in _DAILY]
    return {"sent": sums.all("sent"), **dict(part for pair in pairs for part in pair)}


def _groups(call: Call, group: str, where: str, values: list[Any]) -> dict[tuple[Any, ...], Tally]:
    sql = (
        f"select {group}, kind, {_SUMS} from happenings where {where}"  # noqa: S608 - names are our own
        f" group by {group}, kind order by {group}"
    )
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in call.store.all(sql, *values):
        groups.setdefault(tuple(row[name.strip()] for name in group.split(",")), []).append(row)
    return {key: Tally(rows) for key, rows in groups.items()}


@routes.on(
    "GET",
    "/campaigns/analytics/daily",
    query={"campaign_id": ajv.text("uuid"), **_DATES, "campaign_status": _STATE},
)
def by_day(call: Call) -> Response:
    """Count by day; days without activity are left out."""
    wanted = [row["id"] for row in _chosen(call) if call.query.get("campaign_id", row["id"]) == row["id"]]
    marks = ", ".join("?" for _ in wanted)
    where, values = between(call, f"campaign in ({marks})", *wanted)
    return answer(
        [
            {
                "date": day,
                **_short(sums),
                "contacted": sums.unique("sent"),
                "new_leads_contacted": sums.first_steps(),
                "opportunities": sums.all("opportunity"),
                "unique_opportunities": sums.unique("opportunity"),
            }
            for (day,), sums in _groups(call, "day", where, values).items()
        ]
    )


@routes.on(
    "GET",
    "/campaigns/analytics/steps",
    query={"campaign_id": ajv.text("uuid"), **_DATES, "include_opportunities_count": ajv.boolean()},
)
def by_campaign_step(call: Call) -> Response:
    """Count by step and variant, both as texts."""
    campaign = call.query.get("campaign_id")
    condition = ("campaign = ?", campaign) if campaign else ("workspace = ?", call.workspace)
    where, values = between(call, f"{condition[0]} and subsequence_id is null", condition[1])
    more = bool(call.query.get("include_opportunities_count"))
    return answer(by_step(call, where, values, base=int(call.options["steps_base"]), more=more))


def by_step(call: Call, where: str, values: list[Any], *, base: int, more: bool) -> list[Object]:
    """Return the counts of each step and variant."""
    rows: list[Object] = []
    for (step, variant), sums in _groups(call, "step, variant", where, values).items():
        row = {
            "step": None if step is None else str(step + base),
            "variant": None if variant is None else str(variant),
            **_short(sums),
        }
        if more:
            row |= {name: f("opportunity") for name, f in _opportunities(sums).items()}
            row |= {"meetings_booked": sums.all("interest:2"), "won": sums.all("interest:4")}
        rows.append(row)
    return rows


def _opportunities(sums: Tally) -> dict[str, Any]:
    return {"opportunities": sums.all, "unique_opportunities": sums.unique}


@routes.on("GET", "/accounts/analytics/daily", query={**_DATES, "emails": ajv.array(ajv.text(), least=1, most=200)})
def by_mailbox(call: Call) -> Response:
    """Count by mailbox and day."""
    documented = call.options["account_daily"] == "documented"
    if documented and "emails" not in call.query:
        raise RefusedError(400, "querystring must have required property 'emails'")
    where, values = between(call, "workspace = ?", call.workspace)
    if "start_date" not in call.query:
        where += " and day >= ?"
        values.append((call.store.clock.now().date() - timedelta(days=30)).isoformat())
    groups = _groups(call, "day, eaccount", where, values)
    rows = [_mailbox_row(day, email, sums) for (day, email), sums in groups.items()]
    if documented:
        return answer([row for row in rows if row["email_account"] in call.query["emails"]])
    extra = [_mailbox_row(rows[-1]["date"], "", Tally([]))] if rows else []
    return answer([*rows, *extra])


def _mailbox_row(day: str, email: str | None, sums: Tally) -> Object:
    return {
        "date": day,
        "email_account": email or "",
        **_short(sums),
        "bounced": sums.all("bounce"),
        "contacted": sums.unique("sent"),
        "new_leads_contacted": sums.first_steps(),
    }
