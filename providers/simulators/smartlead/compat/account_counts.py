"""How many campaigns, mailboxes, leads and clients an account has, by kind."""

import json

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.compat.overviews import CLIENTS, PAGED, PERIOD, fetched, grouped, percent, rates
from providers.simulators.smartlead.requests import Call, Routes
from providers.simulators.smartlead.validation import text

routes = Routes()

_STATES = ("ACTIVE", "PAUSED", "DRAFTED", "COMPLETED", "STOPPED")


@routes.on("GET", "/analytics/campaign/status-stats", query=CLIENTS)
def by_status(call: Call) -> Response:
    """Count the campaigns of each status, as texts."""
    rows = call.store.all(
        "select status, count(*) as n from campaigns where account_id = ? and deleted_at is null group by status",
        call.account.id,
    )
    counts = {row["status"]: row["n"] for row in rows}
    stats = [{"status": state.capitalize(), "total_count": str(counts.get(state, 0))} for state in _STATES]
    return fetched("Campaign status stats", campaign_status_stats=stats)


@routes.on("GET", "/analytics/mailbox/overall-stats", query=CLIENTS)
def mailboxes(call: Call) -> Response:
    """Count the mailboxes that are connected, in use, and not warmed up."""
    rows = call.store.all(
        "select fields, exists (select 1 from campaign_email_accounts c where c.email_account_id = a.id) as used"
        " from email_accounts a where account_id = ?",
        call.account.id,
    )
    details: list[Object] = [json.loads(row["fields"]) for row in rows]
    stats = {
        "total_connected": len(rows),
        "in_use": sum(row["used"] for row in rows),
        "disconnected": sum(not mailbox["is_smtp_success"] for mailbox in details),
        "enabled_without_warmup": sum(mailbox["warmup_details"] is None for mailbox in details),
    }
    return fetched("Overall mailbox stats", overall_mailbox_stats=stats)


@routes.on("GET", "/analytics/mailbox/provider-wise-overall-performance", query={**PERIOD, "full_data": text()})
def by_provider(call: Call) -> Response:
    """Return the totals of each kind of mailbox; the figures are texts."""
    kind = (
        "(select json_extract(a.fields, '$.type') from email_accounts a"
        " where a.account_id = m.account_id and a.from_email = m.sender)"
    )
    shown = [{"email_provider": row["key"] or "SMTP", **_texts(row)} for row in grouped(call, kind)]
    return fetched("Email providers performance overview", email_providers_performance_overview={"overall": shown})


def _texts(row: Row) -> dict[str, str]:
    return {name: str(value) for name, value in rates(row).items()}


@routes.on("GET", "/analytics/lead/overall-stats", query=PERIOD)
def leads(call: Call) -> Response:
    """Count the leads written to for the first time, and those written to again."""
    counts = {"total": 0, "new": 0, "follow_up": 0}
    for row in grouped(call, "m.seq_number = 1"):
        counts["new" if row["key"] else "follow_up"] = row["unique_lead_count"]
    counts["total"] = counts["new"] + counts["follow_up"]
    shares = {name: f"{round(100 * counts[name] / (counts['total'] or 1))}%" for name in ("new", "follow_up")}
    return fetched("Lead stats", lead_stats={"count": counts, "percentage": shares})


@routes.on("GET", "/analytics/campaign/follow-up-reply-rate", query=PERIOD)
def follow_ups(call: Call) -> Response:
    """Return how often a step after the first one was answered."""
    later = next((row for row in grouped(call, "m.seq_number > 1") if row["key"]), None)
    sent, replied = (later["sent"], later["replied"]) if later else (0, 0)
    rate, campaigns = percent(replied, sent), len(grouped(call, "p.id"))
    stats = {
        "total_followups": sent,
        "followup_replies": replied,
        "followup_reply_rate": rate,
        "avg_followups_per_campaign": round(sent / (campaigns or 1), 1),
    }
    return fetched("Follow-up reply rate stats", followup_reply_rate=rate, followup_stats=stats)


def _clients(call: Call) -> dict[int, str]:
    rows = call.store.all("select id, fields from clients where account_id = ? order by id", call.account.id)
    return {row["id"]: json.loads(row["fields"])["name"] for row in rows}


@routes.on("GET", "/analytics/client/list", query=CLIENTS)
def list_clients(call: Call) -> Response:
    """List the clients."""
    return fetched("Client list", client_list=[{"id": key, "name": name} for key, name in _clients(call).items()])


@routes.on("GET", "/analytics/client/overall-stats", query={**PAGED, "filter": text()})
def by_client(call: Call) -> Response:
    """Return the totals of each client that has campaigns which sent a message."""
    names = _clients(call)
    rows = [row for row in grouped(call, "p.client_id", ", count(distinct p.id) as campaigns") if row["key"] in names]
    shown = [
        {
            "client_id": row["key"],
            "client_name": names[row["key"]],
            "total_campaigns_count": str(row["campaigns"]),
            "campaign_stats": {
                **rates(row),
                "client_health": percent(row["positive_replied"], row["unique_lead_count"]),
            },
        }
        for row in rows
    ]
    return fetched("Client wise performance", client_wise_performance=shown)
