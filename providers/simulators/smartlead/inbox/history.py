"""The messages exchanged with a lead."""

import json

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead import enrolment
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer
from providers.simulators.smartlead.validation import boolean, moment

routes = Routes()


def shown_message(row: Row, *, plain: bool = False) -> Object:
    """Return a message as histories show it."""
    common = {
        "stats_id": row["stats_id"],
        "type": "REPLY" if row["kind"] == "REPLY" else "SENT",
        "message_id": row["message_id"],
        "time": row["time"],
        "email_body": enrolment.plain(row["body"]) if plain else row["body"],
    }
    cc = json.loads(row["cc"])
    if row["kind"] == "REPLY":
        return {**common, "cc": cc}
    counts: Object = {"open_count": row["open_count"], "click_count": row["click_count"], "click_details": {}}
    step = {"subject": row["subject"], "email_seq_number": str(row["seq_number"])}
    return {**common, **step, **counts, "cc": cc}


@routes.on(
    "GET",
    "/campaigns/{campaign_id}/leads/{lead_id}/message-history",
    query={"event_time_gt": moment, "show_plain_text_response": boolean},
)
def message_history(call: Call) -> Response:
    """Return the messages exchanged with a lead in a campaign, oldest first."""
    call.campaign()
    map_id = call.store.value(
        "select id from campaign_leads where campaign_id = ? and lead_id = ?",
        call.campaign_id,
        call.params["lead_id"],
    )
    who = enrolment.enrolment(call.store, map_id) if map_id else None
    if who is None:
        raise RefusedError(404, {"error": "Lead not found - Invalid lead_id."})
    rows = enrolment.history(call.store, map_id, call.query.get("event_time_gt", ""))
    plain = bool(call.query.get("show_plain_text_response"))
    shown = [shown_message(row, plain=plain) for row in rows]
    return answer({"history": shown, "from": who.sender, "to": who.email})
