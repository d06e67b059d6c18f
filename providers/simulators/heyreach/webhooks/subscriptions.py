"""Webhook configuration: one event type each, and nothing keeps a caller from making the same one twice."""

import json

from starlette.responses import Response

from providers.simulators.heyreach.requests import Call, Routes, answer, empty, refusal
from providers.simulators.heyreach.requests import page as paged
from providers.simulators.heyreach.validation import Required, array, choice, flag, page, text, whole
from providers.simulators.kit.store import Object, Row

routes = Routes()

EVENT_TYPES = (
    "CONNECTION_REQUEST_SENT",
    "CONNECTION_REQUEST_ACCEPTED",
    "MESSAGE_SENT",
    "MESSAGE_REPLY_RECEIVED",
    "INMAIL_SENT",
    "INMAIL_REPLY_RECEIVED",
    "EVERY_MESSAGE_REPLY_RECEIVED",
    "FOLLOW_SENT",
    "LIKED_POST",
    "VIEWED_PROFILE",
    "CAMPAIGN_COMPLETED",
    "LEAD_TAG_UPDATED",
)
WEBHOOK_ID = {"webhookId": Required(whole())}
_EVENT_TYPE = choice("Webhooks.PublicWebhookEventType", *EVENT_TYPES)


def shown(row: Row) -> Object:
    """Return a webhook as the provider shows it."""
    return {
        "id": row["id"],
        "webhookName": row["name"],
        "webhookUrl": row["url"],
        "eventType": row["event_type"],
        "campaignIds": json.loads(row["campaign_ids"]),
        "isActive": bool(row["is_active"]),
    }


def find(call: Call) -> Row:
    """Return the workspace's webhook that the query names, or refuse."""
    webhook_id = call.query["webhookId"]
    found = call.store.one("select * from webhooks where id = ? and workspace_id = ?", webhook_id, call.workspace.id)
    if found is None:
        raise refusal("The webhook does not exist.", 404)
    return found


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise refusal("The webhook URL is invalid.")


@routes.on(
    "POST",
    "/webhooks/CreateWebhook",
    body={
        "webhookName": Required(text(3, 25)),
        "webhookUrl": Required(text()),
        "eventType": Required(_EVENT_TYPE),
        "campaignIds": array(whole()),
        "isActive": flag,
    },
)
def create(call: Call) -> Response:
    """Create a webhook and answer with its id alone."""
    body = call.body
    _check_url(body["webhookUrl"])
    webhook_id = call.store.insert(
        "webhooks",
        {
            "workspace_id": call.workspace.id,
            "name": body["webhookName"],
            "url": body["webhookUrl"],
            "event_type": body["eventType"],
            "campaign_ids": json.dumps(body["campaignIds"] or []),
            "is_active": body["isActive"] is not False,
        },
    )
    return answer({"webhookId": webhook_id})


@routes.on("POST", "/webhooks/GetAllWebhooks", body={**page(usual=100), "includeCustomHeaders": flag})
def list_all(call: Call) -> Response:
    """List the workspace's webhooks."""
    rows = call.store.all("select * from webhooks where workspace_id = ? order by id", call.workspace.id)
    return paged(call, [shown(row) for row in rows])


@routes.on(
    "PATCH",
    "/webhooks/UpdateWebhook",
    query=WEBHOOK_ID,
    body={
        "webhookName": text(3, 25),
        "webhookUrl": text(),
        "eventType": _EVENT_TYPE,
        "campaignIds": array(whole()),
        "isActive": flag,
    },
)
def update(call: Call) -> Response:
    """Change what is given of a webhook; null keeps what was there."""
    kept = shown(find(call))
    wanted = {**kept, **{name: value for name, value in call.body.items() if value is not None}}
    _check_url(wanted["webhookUrl"])
    call.store.run(
        "update webhooks set name = ?, url = ?, event_type = ?, campaign_ids = ?, is_active = ? where id = ?",
        wanted["webhookName"],
        wanted["webhookUrl"],
        wanted["eventType"],
        json.dumps(wanted["campaignIds"]),
        wanted["isActive"],
        kept["id"],
    )
    return empty()


@routes.on("DELETE", "/webhooks/DeleteWebhook", query=WEBHOOK_ID)
def delete(call: Call) -> Response:
    """Delete a webhook."""
    call.store.run("delete from webhooks where id = ?", find(call)["id"])
    return empty()
