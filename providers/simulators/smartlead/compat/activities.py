"""What was exchanged with leads over all campaigns, and whether a message was answered."""

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.inbox.history import shown_message
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer
from providers.simulators.smartlead.validation import Required, moment, page, text

routes = Routes()


@routes.on(
    "GET",
    "/campaigns/all-leads-activities",
    query={**page(1000), "event_time_from": moment, "event_time_to": moment},
)
def list_all(call: Call) -> Response:
    """List the account's messages, newest first; there is no filter by campaign."""
    offset, limit = call.query.get("offset", 0), call.query.get("limit", 100)
    rows = call.store.all(
        "select m.*, c.lead_id, l.email, p.name as campaign_name from messages m"
        " join campaign_leads c on c.id = m.map_id join leads l on l.id = c.lead_id"
        " join campaigns p on p.id = m.campaign_id and p.deleted_at is null"
        " where m.account_id = ? and m.time between ? and ? order by m.time desc, m.id desc limit ? offset ?",
        call.account.id,
        call.query.get("event_time_from", ""),
        call.query.get("event_time_to", "9999"),
        limit + 1,
        offset,
    )
    page_ = {"has_more": len(rows) > limit, "offset": offset, "limit": limit}
    return answer({"data": [_shown(row) for row in rows[:limit]], "pagination": page_})


def _shown(row: Row) -> Object:
    return {
        "lead_id": str(row["lead_id"]),
        "email_lead_map_id": str(row["map_id"]),
        "lead_email": row["email"],
        "email_campaign_id": row["campaign_id"],
        "campaign_name": row["campaign_name"],
        **shown_message(row),
    }


@routes.on("GET", "/master-inbox/reply-status", query={"message_id": Required(text(empty=False))})
def reply_status(call: Call) -> Response:
    """Tell whether a message was answered."""
    message_id = call.query["message_id"]
    row = call.store.one("select * from messages where account_id = ? and message_id = ?", call.account.id, message_id)
    if row is None:
        raise RefusedError(404, {"error": "Message not found - Invalid message_id."})
    replied = {"is_replied": row["reply_time"] is not None, "reply_time": row["reply_time"]}
    return answer({"ok": True, "data": {"message_id": message_id, **replied}})
