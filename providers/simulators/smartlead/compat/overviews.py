"""Figures over the whole account: in total, by day, by campaign, by mailbox and by category."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.common import categories
from providers.simulators.smartlead.compat.figures_by_date import days
from providers.simulators.smartlead.requests import Call, Routes, answer
from providers.simulators.smartlead.validation import Fields, Required, anything, number, text

routes = Routes()

CLIENTS: Fields = {"client_ids": text()}
PERIOD: Fields = {
    "start_date": Required(text(empty=False)),
    "end_date": Required(text(empty=False)),
    "timezone": text(),
    **CLIENTS,
    "campaign_ids": text(),
}
PAGED: Fields = {**PERIOD, "full_data": text(), "limit": number(least=1), "offset": number(least=0)}
_POSITIVE_IDS = "(1, 2, 5)"  # as the categories say
_COUNTED = (
    "count(*) as sent, coalesce(sum(m.open_count > 0), 0) as opened,"
    " coalesce(sum(m.reply_time is not null), 0) as replied, coalesce(sum(m.is_bounced), 0) as bounced,"
    " coalesce(sum(m.is_unsubscribed), 0) as unsubscribed, count(distinct m.map_id) as unique_lead_count,"
    " count(distinct case when m.open_count > 0 then m.map_id end) as unique_open_count,"
    f" coalesce(sum(m.reply_time is not null and c.category_id in {_POSITIVE_IDS}), 0) as positive_replied"
)
_FROM = (
    " from messages m join campaign_leads c on c.id = m.map_id join campaigns p on p.id = m.campaign_id"
    " where m.account_id = ? and m.kind = 'SENT' and p.deleted_at is null and m.time between ? and ?"
)
_DOMAIN = "substr(m.sender, instr(m.sender, '@') + 1)"


def fetched(message: str, **data: Any) -> Response:
    """Return figures in the envelope all of them come in."""
    return answer({"success": True, "message": f"{message} fetched successfully!", "data": data})


def scope(call: Call) -> tuple[str, list[Any]]:
    """Return which messages the query wants: conditions, and all its values."""
    where, values = "", list[Any]([call.account.id, *days(call.query)])
    for name, column in (("client_ids", "p.client_id"), ("campaign_ids", "p.id")):
        chosen = call.query.get(name)
        if chosen:
            where += f" and cast({column} as text) in (select value from json_each(?))"  # noqa: S608 - our own names
            values.append(json.dumps([part.strip() for part in chosen.split(",")]))
    return where, values


def grouped(call: Call, key: str, more: str = "") -> list[Row]:
    """Return the totals for each value of a column."""
    where, values = scope(call)
    page = (call.query.get("limit", -1), call.query.get("offset", 0))
    return call.store.all(
        f"select {key} as key, {_COUNTED}{more}{_FROM}{where} group by {key} order by {key} limit ? offset ?",
        *values,
        *page,
    )


def rates(row: Row) -> Object:
    """Return totals as the provider shows them: counts, and shares as texts."""
    names = ("sent", "opened", "replied", "positive_replied", "bounced", "unique_lead_count", "unique_open_count")
    shares = {
        "open_rate": (row["unique_open_count"], row["unique_lead_count"]),
        "reply_rate": (row["replied"], row["unique_lead_count"]),
        "positive_reply_rate": (row["positive_replied"], row["replied"]),
        "bounce_rate": (row["bounced"], row["sent"]),
    }
    return {**{name: row[name] for name in names}, **{name: percent(*parts) for name, parts in shares.items()}}


def percent(part: int, whole: int) -> str:
    """Return a share as a text."""
    return f"{100 * part / whole if whole else 0:.2f}%"


@routes.on("GET", "/analytics/overall-stats-v2", query={**PERIOD, "is_agency": anything, "full_data": text()})
def overall(call: Call) -> Response:
    """Return the totals of the account."""
    where, values = scope(call)
    found = call.store.all(f"select {_COUNTED}{_FROM}{where}", *values)
    return fetched("Overall Stats", overall_stats=rates(found[0]))


@routes.on("GET", "/analytics/day-wise-overall-stats", query=PERIOD)
@routes.on("GET", "/analytics/day-wise-overall-stats-by-sent-time", query=PERIOD)
def by_day(call: Call) -> Response:
    """Return the totals of each day of the query, days without a message included."""
    names = ("sent", "opened", "replied", "bounced", "unsubscribed")
    return fetched("Email engagement stats", day_wise_stats=list(_daily(call, names)))


@routes.on("GET", "/analytics/day-wise-positive-reply-stats", query=PERIOD)
@routes.on("GET", "/analytics/day-wise-positive-reply-stats-by-sent-time", query=PERIOD)
def positive_by_day(call: Call) -> Response:
    """Return how many replies of each day were welcome."""
    return fetched("Day wise positive reply stats", day_wise_stats=list(_daily(call, ("positive_replied",))))


def _daily(call: Call, names: Iterable[str]) -> Iterable[Object]:
    rows = {row["key"]: row for row in grouped(call, "substr(m.time, 1, 10)")}
    first, last = (date.fromisoformat(bound[:10]) for bound in days(call.query))
    for number_ in range((last - first).days + 1):
        day = first + timedelta(days=number_)
        row = rows.get(day.isoformat())
        counts = {name: row[name] if row else 0 for name in names}
        yield {"date": f"{day:%d %b}", "day_name": f"{day:%A}", "email_engagement_metrics": counts}


@routes.on("GET", "/analytics/campaign/list", query=CLIENTS)
def list_campaigns(call: Call) -> Response:
    """List the account's campaigns."""
    rows = call.store.all(
        "select * from campaigns where account_id = ? and deleted_at is null order by id desc", call.account.id
    )
    shown = [{name: row[name] for name in ("id", "name", "status", "client_id")} for row in rows]
    return fetched("Campaign list", campaign_list=shown)


@routes.on("GET", "/analytics/campaign/overall-stats", query=PAGED)
def by_campaign(call: Call) -> Response:
    """Return the totals of each campaign that sent a message."""
    rows = grouped(call, "p.id", ", p.name as campaign_name")
    shown = [{"id": row["key"], "campaign_name": row["campaign_name"], **rates(row)} for row in rows]
    return fetched("Campaign wise performance", campaign_wise_performance=shown)


@routes.on("GET", "/analytics/campaign/response-stats", query={**PERIOD, "full_data": text()})
def responses(call: Call) -> Response:
    """Return how each campaign was answered."""
    refused = ", coalesce(sum(m.reply_time is not null and c.category_id in (3, 4)), 0) as refused"
    rows = grouped(call, "p.id", ", p.name as campaign_name" + refused)
    return fetched("Campaign wise response stats", campaign_wise_response_stats=[_response(row) for row in rows])


def _response(row: Row) -> Object:
    return {
        "email_campaign_id": row["key"],
        "email_campaign_name": row["campaign_name"],
        "total_response": row["replied"],
        "total_positive_response": row["positive_replied"],
        "total_negative_response": row["refused"],
        "total_neutral_response": row["replied"] - row["positive_replied"] - row["refused"],
    }


@routes.on("GET", "/analytics/mailbox/name-wise-health-metrics", query={**PAGED, "is_bounced": anything})
def by_mailbox(call: Call) -> Response:
    """Return the totals of each mailbox that sent a message."""
    rows = grouped(call, "m.sender")
    return fetched(
        "Email health metrics", email_health_metrics=[{"from_email": row["key"], **rates(row)} for row in rows]
    )


@routes.on("GET", "/analytics/mailbox/domain-wise-health-metrics", query=PAGED)
def by_domain(call: Call) -> Response:
    """Return the totals of each domain that sent a message."""
    rows = grouped(call, _DOMAIN)
    return fetched(
        "Domain health metrics", domain_health_metrics=[{"domain": row["key"], **rates(row)} for row in rows]
    )


@routes.on("GET", "/analytics/lead/category-wise-response", query=PERIOD)
def by_category(call: Call) -> Response:
    """Return how the replies were sorted, with each group's share."""
    replied = [row for row in grouped(call, "c.category_id") if row["replied"]]
    whole = sum(row["replied"] for row in replied)
    groups = [_group(row, whole) for row in replied]
    sentiments = [{"sentiment_type": name} for name in ("positive", "neutral", "negative")]
    sorted_ = {"filter": sentiments, "leadResponseGrouping": groups}
    return fetched("Category-wise responses", lead_responses_by_category=sorted_)


def _group(row: Row, whole: int) -> Object:
    category = categories.named(row["key"])
    counted = {"total_response": row["replied"], "percentage": percent(row["replied"], whole)}
    if category is None:
        return {**counted, "name": "Uncategorized"}
    return {**counted, "name": category["name"], "sentiment_type": category["sentiment_type"] or "neutral"}
