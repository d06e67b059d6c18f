"""Webhook subscriptions: one event each, or all of them."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import PAGE, Call, RefusedError, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()

ACTIVE, DISABLED = 1, -1
STANDARD = {
    "email_sent": "Email Sent",
    "email_bounced": "Email Bounced",
    "email_opened": "Email Opened",
    "email_link_clicked": "Email Link Clicked",
    "reply_received": "Reply Received",
    "lead_unsubscribed": "Lead Unsubscribed",
    "campaign_completed": "Campaign Completed",
    "account_error": "Email Account Error",
    "lead_interested": "Lead is marked as interested",
    "lead_not_interested": "Lead is marked as not interested",
    "lead_neutral": "Lead is marked as neutral",
    "lead_meeting_booked": "Lead status changed to 'Meeting Booked'",
    "lead_meeting_completed": "Lead status changed to 'Meeting Complete | Not Closed'",
    "lead_closed": "Lead status changed to 'Closed'",
    "lead_out_of_office": "Lead status changed to 'Out of Office'",
    "lead_wrong_person": "Lead status changed to 'Wrong Person'",
}
_LISTED = ("all_events", *STANDARD)
_SUBSCRIBED = (*_LISTED, "lead_no_show", "supersearch_enrichment_completed")
_URL = validation.text(pattern="^https?://")
_WRITABLE: validation.Fields = {
    "campaign": validation.text("uuid", null=True),
    "name": validation.text(null=True),
    "target_hook_url": _URL,
    "event_type": validation.text(among=_SUBSCRIBED, null=True),
    "custom_interest_value": validation.number(null=True),
    "headers": validation.mapping(validation.text(), null=True),
}


@routes.on("POST", "/webhooks", "webhooks:create", body={**_WRITABLE, "target_hook_url": validation.Required(_URL)})
def create(call: Call) -> Response:
    """Subscribe."""
    if call.faults.strikes("webhook_plan"):
        raise RefusedError(402, "Workspace does not have an active paid plan")
    if call.body.get("campaign"):
        call.find("campaign", call.body["campaign"])
    fields: Object = {
        **call.body,
        "id": ids.ordered_id(call.store),
        "organization": call.workspace,
        "timestamp_created": call.now,
        "status": ACTIVE,
        "_failures": 0,
    }
    return thing(entities.create(call.store, call.workspace, "webhook", fields))


@routes.on(
    "GET",
    "/webhooks",
    query={**PAGE, "campaign": validation.text("uuid"), "event_type": validation.text(among=_LISTED)},
)
def list_all(call: Call) -> Response:
    """List subscriptions, the newest first; the last page has no cursor."""
    query = call.query
    rows = [
        row
        for row in reversed(call.every("webhook"))
        if all(row.get(name) == query[name] for name in ("campaign", "event_type") if name in query)
    ]
    after = query.get("starting_after")
    rest = [row for row in rows if after is None or row["id"] < after]
    page = rest[: call.limit()]
    cursor = {"next_starting_after": page[-1]["id"]} if len(rest) > len(page) else {}
    return answer({"items": [entities.shown(row) for row in page], **cursor})


@routes.on("PATCH", "/webhooks/{id}", "webhooks:update", body=_WRITABLE)
def change(call: Call) -> Response:
    """Change a subscription."""
    return thing(call.save("webhook", {**call.find("webhook"), **call.body}))


@routes.on("DELETE", "/webhooks/{id}", "webhooks:delete")
def delete(call: Call) -> Response:
    """Unsubscribe; what was not delivered yet never will be."""
    found = call.find("webhook")
    entities.delete(call.store, call.workspace, "webhook", found["id"])
    call.store.run("delete from outbox where webhook_id = ?", found["id"])
    return thing(found)


@routes.on("POST", "/webhooks/{id}/resume", "webhooks:update")
def resume(call: Call) -> Response:
    """Deliver again; what was missed stays missed."""
    found = call.find("webhook")
    return thing(call.save("webhook", {**found, "status": ACTIVE, "timestamp_error": None, "_failures": 0}))
