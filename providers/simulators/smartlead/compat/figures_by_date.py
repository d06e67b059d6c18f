"""A campaign's figures between two days, by step, by variant and by mailbox."""

import json
from datetime import date

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.requests import Call, Routes, answer, invalid
from providers.simulators.smartlead.validation import Fields, Required, page, text, text_or_number

routes = Routes()

_MOST_DAYS = 31
_DAYS: Fields = {
    "start_date": Required(text(empty=False)),
    "end_date": Required(text(empty=False)),
    "time_zone": text(),
}
_SOME_DAYS: Fields = {"start_date": text(empty=False), "end_date": text(empty=False), "time_zone": text()}
COUNTED = (
    "count(*) as sent, count(distinct m.map_id) as unique_sent, coalesce(sum(m.open_count), 0) as open,"
    " coalesce(sum(m.open_count > 0), 0) as unique_open, coalesce(sum(m.click_count), 0) as click,"
    " coalesce(sum(m.click_count > 0), 0) as unique_click, coalesce(sum(m.reply_time is not null), 0) as reply,"
    " coalesce(sum(m.is_bounced), 0) as bounce, coalesce(sum(m.is_unsubscribed), 0) as unsubscribed"
)


def days(query: Object) -> tuple[str, str]:
    """Return the first moment of the query's first day and the last of its last, or refuse."""
    bounds = [query[name] for name in ("start_date", "end_date")]
    try:
        first, last = (date.fromisoformat(bound) for bound in bounds)
    except ValueError:
        raise invalid("Invalid date. Please use the format YYYY-MM-DD") from None
    if first > last:
        raise invalid("start_date cannot be greater than end_date")
    return f"{first}T00:00:00.000Z", f"{last}T23:59:59.999Z"


def _short(query: Object) -> tuple[str, str]:
    since, until = days(query)
    if (date.fromisoformat(until[:10]) - date.fromisoformat(since[:10])).days > _MOST_DAYS:
        raise invalid("The difference between start_date and end_date cannot be more than 30 days")
    return since, until


def _span(query: Object) -> tuple[str, str]:
    if ("start_date" in query) != ("end_date" in query):
        raise invalid("Both start_date and end_date are required")
    return days(query) if "start_date" in query else ("", "9999")


def _counts(call: Call, since: str, until: str) -> Object:
    found = call.store.one(
        f"select {COUNTED} from messages m"  # noqa: S608 - words of our own
        " where m.campaign_id = ? and m.kind = 'SENT' and m.time between ? and ?",
        call.campaign_id,
        since,
        until,
    )
    return dict(found) if found else {}


def _leads(call: Call, condition: str) -> int:
    query = f"select count(*) from campaign_leads c where c.campaign_id = ? and {condition}"  # noqa: S608 - as above
    return call.store.value(query, call.campaign_id)


def _head(call: Call, campaign: Row) -> Object:
    return {
        "id": campaign["id"],
        "user_id": call.account.id,
        "created_at": campaign["created_at"],
        "status": campaign["status"],
        "name": campaign["name"],
        "start_date": call.query["start_date"],
        "end_date": call.query["end_date"],
    }


@routes.on("GET", "/campaigns/{campaign_id}/analytics-by-date", query=_DAYS)
def by_date(call: Call) -> Response:
    """Return a campaign's totals between two days, as strings."""
    campaign = call.campaign()
    counts = _counts(call, *_short(call.query))
    steps = call.store.value("select count(*) from sequences where campaign_id = ?", call.campaign_id)
    more = {
        "block": _leads(call, "c.status = 'BLOCKED'"),
        "total": _leads(call, "true"),
        "sequence": steps,
        "drafted": 0,
    }
    shown = {f"{name}_count": str(count) for name, count in {**counts, **more}.items()}
    unknown = dict.fromkeys(("parent_campaign_id", "client_name", "client_email", "client_company_name", "tags"))
    return answer({**_head(call, campaign), **shown, "client_id": campaign["client_id"], **unknown})


@routes.on("GET", "/campaigns/{campaign_id}/top-level-analytics-by-date", query=_DAYS)
def top_level(call: Call) -> Response:
    """Return a campaign's few main totals between two days."""
    campaign = call.campaign()
    counts = _counts(call, *_short(call.query))
    head = _head(call, campaign)
    names = ("sent", "open", "click", "reply", "bounce", "unsubscribed")
    return answer(
        {
            **{name: head[name] for name in ("id", "name", "status", "start_date", "end_date")},
            "total_count": str(_leads(call, "true")),
            **{f"{name}_count": str(counts[name]) for name in names},
            "skipped_count": "0",
            "positive_reply_count": str(_leads(call, "c.is_replied = 1 and c.category_id in (1, 2, 5)")),
            "failed_count": "0",
            "stopped_count": str(_leads(call, "c.status = 'STOPPED'")),
        }
    )


@routes.on("GET", "/campaigns/{campaign_id}/sequence-analytics", query=_SOME_DAYS)
def by_step(call: Call) -> Response:
    """Return the totals of each step."""
    call.campaign()
    since, until = _span(call.query)
    rows = call.store.all(
        f"select s.id as step_id, count(m.id) as written, {COUNTED} from sequences s"  # noqa: S608 - words of our own
        " left join messages m on m.sequence_id = s.id and m.kind = 'SENT' and m.time between ? and ?"
        " where s.campaign_id = ? group by s.id order by s.seq_number",
        since,
        until,
        call.campaign_id,
    )
    return answer({"ok": True, "data": [_step(row) for row in rows]})


def _step(row: Row) -> Object:
    counts = {f"{name}_count": str(row[name]) for name in ("open", "click", "reply", "bounce", "unsubscribed")}
    never = (
        "skipped",
        "failed",
        "stopped",
        "positive_reply",
        "ln_connection_req_pending",
        "ln_connection_req_accepted",
    )
    return {
        "email_campaign_seq_id": row["step_id"],
        "sent_count": str(row["written"]),
        **counts,
        **{f"{name}_count": "0" for name in never},
    }


@routes.on("GET", "/campaigns/{campaign_id}/variant-statistics", query=_SOME_DAYS)
def by_variant(call: Call) -> Response:
    """Return the totals of each variant; a step that has none is left out."""
    call.campaign()
    since, until = _span(call.query)
    rows = call.store.all(
        "select v.id as variant_id, v.variant_label, s.id as step_id, s.seq_number,"  # noqa: S608 - words of our own
        f" count(m.id) as written, {COUNTED} from variants v join sequences s on s.id = v.sequence_id"
        " left join messages m on m.sequence_id = s.id and m.variant_id = v.id and m.kind = 'SENT'"
        " and m.time between ? and ? where s.campaign_id = ? group by v.id order by s.seq_number, v.id",
        since,
        until,
        call.campaign_id,
    )
    return answer({"ok": True, "data": [_variant(row) for row in rows]})


def _variant(row: Row) -> Object:
    names = ("open", "click", "reply", "bounce", "unsubscribed")
    return {
        "email_campaign_seq_id": row["step_id"],
        "seq_number": row["seq_number"],
        "seq_variant_id": row["variant_id"],
        "variant_label": row["variant_label"],
        "sent_count": str(row["written"]),
        **{f"{name}_count": str(row[name]) for name in names},
    }


@routes.on(
    "GET",
    "/campaigns/{campaign_id}/mailbox-statistics",
    query={**page(20), "client_id": text_or_number, **_SOME_DAYS},
)
def by_mailbox(call: Call) -> Response:
    """Return the totals of each mailbox the campaign wrote from."""
    call.campaign()
    since, until = _span(call.query)
    rows = call.store.all(
        f"select a.id as mailbox_id, a.from_email, a.fields, {COUNTED} from messages m"  # noqa: S608 - words of our own
        " join email_accounts a on a.account_id = m.account_id and a.from_email = m.sender"
        " where m.campaign_id = ? and m.kind = 'SENT' and m.time between ? and ?"
        " group by a.id order by a.id limit ? offset ?",
        call.campaign_id,
        since,
        until,
        call.query.get("limit", 20),
        call.query.get("offset", 0),
    )
    return answer({"ok": True, "data": [_mailbox(row) for row in rows]})


def _mailbox(row: Row) -> Object:
    names = ("sent", "open", "click", "reply", "bounce", "unsubscribed")
    own = {"email_account_id": row["mailbox_id"], "from_email": row["from_email"]}
    kind = json.loads(row["fields"])["type"]
    return {**own, "type": kind, **{f"{name}_count": str(row[name]) for name in names}}
