"""Webhook subscriptions: one event each, or all of them."""

import asyncio
import json
import time

import httpx
from starlette.responses import Response

from providers.simulators.instantly import ajv, entities, ids
from providers.simulators.instantly.exchange import PAGE, Call, Later, RefusedError, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()

ACTIVE, DISABLED = 1, -1
_STANDARD = {
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
_CUSTOM = {
    "custom_label_any_positive": "Lead is marked with any positive custom label",
    "custom_label_any_negative": "Lead is marked with any negative custom label",
}
_LISTED = ("all_events", *_STANDARD)
_SUBSCRIBED = (*_LISTED, "lead_no_show", "supersearch_enrichment_completed")
_URL = ajv.text(pattern="^https?://")
_WRITABLE: ajv.Fields = {
    "campaign": ajv.text("uuid", null=True),
    "name": ajv.text(null=True),
    "target_hook_url": _URL,
    "event_type": ajv.text(among=_SUBSCRIBED, null=True),
    "custom_interest_value": ajv.number(null=True),
    "headers": ajv.mapping(ajv.text(), null=True),
}
_TEST_TIMEOUT = 10.0


@routes.on("POST", "/webhooks", "webhooks:create", body={**_WRITABLE, "target_hook_url": ajv.Required(_URL)})
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
    query={**PAGE, "campaign": ajv.text("uuid"), "event_type": ajv.text(among=_LISTED)},
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


@routes.on("GET", "/webhooks/event-types")
def event_types(call: Call) -> Response:
    """List what can be subscribed to."""
    del call
    rows = [{"id": name, "label": label, "type": "standard"} for name, label in _STANDARD.items()]
    custom = [{"id": name, "label": label, "type": "custom_label"} for name, label in _CUSTOM.items()]
    return answer({"event_types": [*rows, *custom]})


@routes.on("GET", "/webhooks/{id}", "webhooks:read")
def read(call: Call) -> Response:
    """Read one subscription."""
    return thing(call.find("webhook"))


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


@routes.on("POST", "/webhooks/{id}/test")
def send_test(call: Call) -> Later:
    """Post something to the address and tell how it went, always with a 200."""
    hook = call.find("webhook")
    body = {
        "timestamp": call.now,
        "event_type": hook.get("event_type") or "all_events",
        "workspace": call.workspace,
        "test": True,
    }
    return Later(lambda: _try(hook, body))


async def _try(hook: Object, body: Object) -> Response:
    began = time.monotonic()
    told: Object = {}
    own: dict[str, str] = hook.get("headers") or {}
    try:
        async with asyncio.timeout(_TEST_TIMEOUT), httpx.AsyncClient(trust_env=False) as client:
            headers = {"Content-Type": "application/json", **own}
            response = await client.post(hook["target_hook_url"], content=json.dumps(body), headers=headers)
        told["status_code"] = response.status_code
        good = response.is_success
        if not good:
            told["error"] = f"HTTP {response.status_code}: {response.reason_phrase}"
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as failure:
        good, told["error"] = False, type(failure).__name__
    message = {"message": "Webhook test successful"} if good else {}
    return answer({"success": good, **message, "response_time_ms": round((time.monotonic() - began) * 1000), **told})
