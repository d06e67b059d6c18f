"""Statistics and analytics: the figures come as strings."""

import json

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.common import categories
from providers.simulators.smartlead.figures import counters
from providers.simulators.smartlead.requests import Call, Routes, answer
from providers.simulators.smartlead.validation import choice, moment, number, page

routes = Routes()

# Words of our own, never taken from a request.
_EMAIL_STATES = {
    "opened": "m.open_count > 0",
    "clicked": "m.click_count > 0",
    "replied": "m.reply_time is not null",
    "unsubscribed": "m.is_unsubscribed = 1",
    "bounced": "m.is_bounced = 1",
}


@routes.on(
    "GET",
    "/campaigns/{campaign_id}/statistics",
    query={
        **page(1000),
        "email_sequence_number": number(least=1, most=20),
        "email_status": choice(*_EMAIL_STATES),
        "sent_time_start_date": moment,
        "sent_time_end_date": moment,
    },
)
def statistics(call: Call) -> Response:
    """List one row per sent email; the total is a string."""
    call.campaign()
    query, offset, limit = call.query, call.query.get("offset", 0), call.query.get("limit", 100)
    where, values = "m.campaign_id = ? and m.kind = 'SENT'", [call.campaign_id]
    conditions = {
        "email_sequence_number": "m.seq_number = ?",
        "sent_time_start_date": "m.time >= ?",
        "sent_time_end_date": "m.time <= ?",
    }
    for name, condition in conditions.items():
        if name in query:
            where += f" and {condition}"
            values.append(query[name])
    if "email_status" in query:
        where += f" and {_EMAIL_STATES[query['email_status']]}"
    rows = call.store.all(
        f"select m.* from messages m where {where} order by m.id limit ? offset ?",  # noqa: S608 - built above
        *values,
        limit,
        offset,
    )
    total = call.store.value(f"select count(*) from messages m where {where}", *values)  # noqa: S608 - as above
    data = [_statistic(call, row) for row in rows]
    return answer({"total_stats": str(total), "data": data, "offset": offset, "limit": limit})


def _statistic(call: Call, row: Row) -> Object:
    lead = call.store.one(
        "select l.first_name, l.last_name, c.category_id from campaign_leads c"
        " join leads l on l.id = c.lead_id where c.id = ?",
        row["map_id"],
    )
    names = [lead["first_name"], lead["last_name"]] if lead else []
    category = categories.named(lead["category_id"]) if lead else None
    return {
        "lead_name": " ".join(name for name in names if name),
        "lead_email": row["recipient"],
        "lead_category": category["name"] if category else None,
        "sequence_number": row["seq_number"],
        "stats_id": row["stats_id"],
        "email_campaign_seq_id": row["sequence_id"],
        "seq_variant_id": row["variant_id"],
        "email_subject": row["subject"],
        "email_message": row["body"],
        "sent_time": row["time"],
        "open_time": row["open_time"],
        "click_time": row["click_time"],
        "reply_time": row["reply_time"],
        "open_count": row["open_count"],
        "click_count": row["click_count"],
        "is_unsubscribed": bool(row["is_unsubscribed"]),
        "is_bounced": bool(row["is_bounced"]),
    }


@routes.on("GET", "/campaigns/{campaign_id}/analytics")
def analytics(call: Call) -> Response:
    """Return a campaign's totals as strings, with its leads by state as numbers."""
    campaign = call.campaign()
    fields = json.loads(campaign["fields"])
    totals, states = (
        counters.read(call.store, call.campaign_id),
        counters.lead_states(call.store, call.campaign_id),
    )
    steps = call.store.value("select count(*) from sequences where campaign_id = ?", call.campaign_id)
    whole = sum(states.values())
    names = ("sent", "open", "click", "reply", "unique_sent", "unique_open", "unique_click", "bounce")
    counts: Object = {f"{name}_count": totals.get(name, 0) for name in names}
    counts |= {
        "unsubscribed_count": totals.get("unsubscribed", 0),
        "block_count": states.get("BLOCKED", 0),
        "total_count": whole,
        "sequence_count": steps,
        "drafted_count": 0,
    }
    return answer(
        {
            "id": campaign["id"],
            "user_id": call.account.id,
            "created_at": campaign["created_at"],
            "status": campaign["status"],
            "name": campaign["name"],
            **{name: str(count) for name, count in counts.items()},
            "tags": None,
            "client_id": campaign["client_id"],
            "parent_campaign_id": fields["parent_campaign_id"],
            "campaign_lead_stats": _lead_stats(call, states, whole),
            "team_member_id": None,
            "send_as_plain_text": fields["send_as_plain_text"],
            "client_name": None,
            "client_email": None,
            "client_company_name": None,
        }
    )


def _lead_stats(call: Call, states: dict[str, int], whole: int) -> Object:
    interested = call.store.value(
        "select count(*) from campaign_leads where campaign_id = ? and category_id = 1", call.campaign_id
    )
    return {
        "total": whole,
        "paused": states.get("PAUSED", 0),
        "blocked": states.get("BLOCKED", 0),
        "revenue": 0,
        "stopped": states.get("STOPPED", 0),
        "completed": states.get("COMPLETED", 0),
        "inprogress": states.get("INPROGRESS", 0),
        "interested": interested,
        "notStarted": states.get("STARTED", 0),
    }
