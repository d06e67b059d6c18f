"""The webhooks of a campaign: written with arrays, answered with maps, read with arrays."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.common.categories import CATEGORIES
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done, invalid
from providers.simulators.smartlead.validation import Required, array, nullable, number, text

routes = Routes()

EVENT_TYPES = (
    "EMAIL_SENT",
    "FIRST_EMAIL_SENT",
    "EMAIL_OPEN",
    "EMAIL_LINK_CLICK",
    "EMAIL_REPLY",
    "EMAIL_BOUNCE",
    "LEAD_UNSUBSCRIBED",
    "LEAD_CATEGORY_UPDATED",
    "CAMPAIGN_STATUS_CHANGED",
    "UNTRACKED_REPLIES",
    "MANUAL_STEP_REACHED",
    "EMAIL_ACCOUNT_DISCONNECTED",
    "LINKEDIN_DISCONNECTED",
)
_CATEGORY_NAMES = {category["name"] for category in CATEGORIES}


def _check(url: str, event_types: list[str], categories: list[str]) -> None:
    if not url.startswith(("http://", "https://")):
        raise invalid(f"Invalid webhook_url - {url}")
    for event_type in event_types:
        if event_type not in EVENT_TYPES:
            raise invalid(f"Invalid event_types - {event_type}")
    for category in categories:
        if category not in _CATEGORY_NAMES:
            raise invalid(f"Invalid category - {category}")


def shown(hook: Row) -> Object:
    """Return a webhook as lists show it."""
    return {
        "id": hook["id"],
        "name": hook["name"],
        "created_at": hook["created_at"],
        "updated_at": hook["updated_at"],
        "webhook_url": hook["webhook_url"],
        "email_campaign_id": hook["campaign_id"],
        "event_types": json.loads(hook["event_types"]),
        "categories": json.loads(hook["categories"]),
    }


def mapped(hook: Row) -> Object:
    """Return a webhook as writes answer it."""
    return {
        "id": hook["id"],
        "name": hook["name"],
        "webhook_url": hook["webhook_url"],
        "email_campaign_id": hook["campaign_id"],
        "event_type_map": dict.fromkeys(json.loads(hook["event_types"]), True),
        "category_id_map": dict.fromkeys(json.loads(hook["categories"]), True),
    }


def find(call: Call, hook_id: int | None) -> Row:
    """Return the account's webhook of this id, or refuse."""
    found = call.store.one("select * from webhooks where id = ? and account_id = ?", hook_id, call.account.id)
    if found is None:
        raise RefusedError(404, {"error": "Webhook not found - Invalid id."})
    return found


def save(call: Call, hook_id: int | None, columns: Object) -> Row:
    """Write a webhook, a new one where there is no id, and return it."""
    if hook_id is None:
        stamps = {"created_at": call.now, "updated_at": call.now}
        hook_id = call.store.insert("webhooks", {"account_id": call.account.id, **columns, **stamps})
    else:
        find(call, hook_id)
        call.store.run(
            "update webhooks set name = ?, webhook_url = ?, event_types = ?, categories = ?, updated_at = ?"
            " where id = ?",
            columns["name"],
            columns["webhook_url"],
            columns["event_types"],
            columns["categories"],
            call.now,
            hook_id,
        )
    return find(call, hook_id)


def columns_of(body: Object, **place: Any) -> Object:
    """Return the columns of a webhook from a checked body, or refuse it."""
    _check(body["webhook_url"], body["event_types"], body["categories"])
    return {
        **place,
        "name": body.get("name") or "",
        "webhook_url": body["webhook_url"],
        "event_types": json.dumps(body["event_types"]),
        "categories": json.dumps(body["categories"]),
    }


@routes.on("GET", "/campaigns/{campaign_id}/webhooks")
def list_of_campaign(call: Call) -> Response:
    """List a campaign's webhooks."""
    call.campaign()
    rows = call.store.all("select * from webhooks where campaign_id = ? order by id", call.campaign_id)
    return answer([shown(row) for row in rows])


@routes.on(
    "POST",
    "/campaigns/{campaign_id}/webhooks",
    body={
        "id": nullable(number()),
        "name": Required(text()),
        "webhook_url": Required(text(empty=False)),
        "event_types": Required(array(text(), filled=True)),
        "categories": Required(array(text(), filled=True)),
    },
)
def put_on_campaign(call: Call) -> Response:
    """Create a campaign's webhook, or change it when its id is given."""
    campaign = call.campaign()
    hook_id = call.body.get("id")
    if hook_id is not None and find(call, hook_id)["campaign_id"] != call.campaign_id:
        raise RefusedError(404, {"error": "Webhook not found - Invalid id."})
    place = {"level": "campaign", "campaign_id": call.campaign_id, "client_id": campaign["client_id"]}
    return answer(mapped(save(call, hook_id, columns_of(call.body, **place))))


@routes.on("DELETE", "/campaigns/{campaign_id}/webhooks", body={"id": Required(number())})
def delete_from_campaign(call: Call) -> Response:
    """Delete the campaign's webhook named in the body."""
    call.campaign()
    hook = find(call, call.body["id"])
    if hook["campaign_id"] != call.campaign_id:
        raise RefusedError(404, {"error": "Webhook not found - Invalid id."})
    return delete(call, hook["id"])


def delete(call: Call, hook_id: int) -> Response:
    """Delete a webhook."""
    find(call, hook_id)
    call.store.run("delete from webhooks where id = ?", hook_id)
    return done()
