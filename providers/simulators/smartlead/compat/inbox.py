"""The other lists of the master inbox, and reading one conversation."""

from starlette.responses import Response

from providers.simulators.smartlead.inbox.conversations import (
    BODY,
    CONVERSATIONS,
    MOST,
    QUERY,
    list_replies,
    listed,
    shown,
)
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer
from providers.simulators.smartlead.validation import Fields, choice

routes = Routes()

_SCHEDULED: Fields = {**BODY, "sortBy": choice("SCHEDULED_TIME_ASC", "SCHEDULED_TIME_DESC")}
_REMINDED: Fields = {**BODY, "sortBy": choice("REMINDER_TIME_ASC", "REMINDER_TIME_DESC")}

routes.on("POST", "/master-inbox/views", query=QUERY, body=BODY)(list_replies)


@routes.on("POST", "/master-inbox/sent", query=QUERY, body=BODY)
def list_sent(call: Call) -> Response:
    """List conversations we wrote in."""
    return listed(call, "c.last_sent_at")


@routes.on("POST", "/master-inbox/unread-replies", query=QUERY, body=BODY)
def list_unread(call: Call) -> Response:
    """List conversations with an unread reply."""
    return listed(call, "c.last_reply_at", "and coalesce(k.is_read, 0) = 0")


@routes.on("POST", "/master-inbox/reminders", query=QUERY, body=_REMINDED)
def list_reminders(call: Call) -> Response:
    """List conversations with a reminder."""
    return listed(call, "coalesce(c.last_reply_at, c.last_sent_at)", "and k.reminder is not null")


@routes.on("POST", "/master-inbox/important", query=QUERY, body=BODY)
@routes.on("POST", "/master-inbox/archived", query=QUERY, body=BODY)
@routes.on("POST", "/master-inbox/snoozed", query=QUERY, body=BODY)
@routes.on("POST", "/master-inbox/scheduled", query=QUERY, body=_SCHEDULED)
def list_none(call: Call) -> Response:
    """List nothing: no call of the API puts a conversation there."""
    return answer({"ok": True, "data": [], "offset": call.body.get("offset", 0), "limit": call.body.get("limit", MOST)})


@routes.on("POST", "/master-inbox/assigned-me", query=QUERY, body=BODY)
def list_mine(call: Call) -> Response:
    """Fail as the live service does here."""
    del call
    raise RefusedError(500, {"message": 'column "undefined" does not exist'})


@routes.on("GET", "/master-inbox/{campaign_lead_map_id}", query=QUERY)
def read(call: Call) -> Response:
    """Read one conversation."""
    map_id = call.params["campaign_lead_map_id"]
    row = call.store.one(f"{CONVERSATIONS} and c.id = ?", call.account.id, map_id)
    if row is None:
        raise RefusedError(404, {"error": "Lead not found - Invalid campaign_lead_map_id."})
    with_history = bool(call.query.get("fetch_message_history"))
    return answer({"ok": True, "data": shown(call, row, with_history=with_history)})
