"""Counting over all campaigns, by day, by step, and by mailbox and day."""

from datetime import timedelta
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.campaigns.rules import STATES
from providers.simulators.instantly.figures.statistics import (
    DATES,
    IDS,
    SUMS,
    Tally,
    between,
    chosen,
    counts_of,
    tally,
    value_of,
)
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.kit.store import Object, Row

routes = Routes()

_STATE = validation.number(among=STATES)
_INTERESTS = {"total_interested": 1, "total_meeting_booked": 2, "total_meeting_completed": 3, "total_closed": 4}


@routes.on(
    "GET",
    "/campaigns/analytics/overview",
    query={**IDS, "campaign_status": _STATE, "expand_crm_events": validation.boolean()},
)
def overview(call: Call) -> Response:
    """Count over all campaigns chosen."""
    total: Object = counts_of(Tally([])) | {"total_opportunity_value": 0} | dict.fromkeys(_INTERESTS, 0)
    expand = bool(call.query.get("expand_crm_events"))
    for campaign in chosen(call):
        where, values = between(call, "campaign = ?", campaign["id"])
        sums = tally(call, where, *values)
        counts = counts_of(sums)
        counts["total_opportunity_value"] = counts["total_opportunities"] * value_of(call, campaign)
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
        f"select {group}, kind, {SUMS} from happenings where {where}"  # noqa: S608 - names are our own
        f" group by {group}, kind order by {group}"
    )
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in call.store.all(sql, *values):
        groups.setdefault(tuple(row[name.strip()] for name in group.split(",")), []).append(row)
    return {key: Tally(rows) for key, rows in groups.items()}


@routes.on(
    "GET",
    "/campaigns/analytics/daily",
    query={"campaign_id": validation.text("uuid"), **DATES, "campaign_status": _STATE},
)
def by_day(call: Call) -> Response:
    """Count by day; days without activity are left out."""
    wanted = [row["id"] for row in chosen(call) if call.query.get("campaign_id", row["id"]) == row["id"]]
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
    query={"campaign_id": validation.text("uuid"), **DATES, "include_opportunities_count": validation.boolean()},
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


@routes.on(
    "GET",
    "/accounts/analytics/daily",
    query={**DATES, "emails": validation.array(validation.text(), least=1, most=200)},
)
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
