"""Webhook configuration: written with arrays, answered with maps, read with arrays."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.categories import CATEGORIES
from providers.simulators.smartlead.exchange import Call, RefusedError, Routes, answer, done, invalid
from providers.simulators.smartlead.validation import (
    Required,
    anything,
    array,
    boolean,
    mapping,
    nullable,
    number,
    text,
    text_or_number,
)

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
LEVELS = {
    "1": "user",
    "2": "client",
    "3": "campaign",
    "user": "user",
    "client": "client",
    "campaign": "campaign",
}
_CATEGORY_NAMES = {category["name"] for category in CATEGORIES}
_CATEGORY_IDS = {str(category["id"]): category["name"] for category in CATEGORIES}


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


def _mapped(hook: Row) -> Object:
    return {
        "id": hook["id"],
        "name": hook["name"],
        "webhook_url": hook["webhook_url"],
        "email_campaign_id": hook["campaign_id"],
        "event_type_map": dict.fromkeys(json.loads(hook["event_types"]), True),
        "category_id_map": dict.fromkeys(json.loads(hook["categories"]), True),
    }


def _find(call: Call, hook_id: int | None) -> Row:
    found = call.store.one("select * from webhooks where id = ? and account_id = ?", hook_id, call.account.id)
    if found is None:
        raise RefusedError(404, {"error": "Webhook not found - Invalid id."})
    return found


def _save(call: Call, hook_id: int | None, columns: Object) -> Row:
    if hook_id is None:
        stamps = {"created_at": call.now, "updated_at": call.now}
        hook_id = call.store.insert("webhooks", {"account_id": call.account.id, **columns, **stamps})
    else:
        _find(call, hook_id)
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
    return _find(call, hook_id)


def _columns(body: Object, **place: Any) -> Object:
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
    if hook_id is not None and _find(call, hook_id)["campaign_id"] != call.campaign_id:
        raise RefusedError(404, {"error": "Webhook not found - Invalid id."})
    place = {"level": "campaign", "campaign_id": call.campaign_id, "client_id": campaign["client_id"]}
    return answer(_mapped(_save(call, hook_id, _columns(call.body, **place))))


@routes.on("DELETE", "/campaigns/{campaign_id}/webhooks", body={"id": Required(number())})
def delete_from_campaign(call: Call) -> Response:
    """Delete the campaign's webhook named in the body."""
    call.campaign()
    hook = _find(call, call.body["id"])
    if hook["campaign_id"] != call.campaign_id:
        raise RefusedError(404, {"error": "Webhook not found - Invalid id."})
    return _delete(call, hook["id"])


def _delete(call: Call, hook_id: int) -> Response:
    _find(call, hook_id)
    call.store.run("delete from webhooks where id = ?", hook_id)
    return done()


@routes.on(
    "POST",
    "/webhook/create",
    body={
        "webhook_url": Required(text(empty=False)),
        "association_type": Required(text_or_number),
        "email_campaign_id": nullable(number()),
        "client_id": nullable(number()),
        "name": nullable(text()),
        "event_type_map": nullable(mapping()),
        "category_id_map": nullable(mapping()),
        "event_type": anything,
        "category_id": anything,
        "webhook_type": anything,
        "force_create": boolean,
    },
)
def create(call: Call) -> Response:
    """Create a webhook for the whole account, a client or a campaign."""
    body = call.body
    level = LEVELS.get(body["association_type"])
    if level is None:
        raise invalid(f"Invalid association_type - {body['association_type']}")
    event_map: Object = body.get("event_type_map") or {}
    category_map: Object = body.get("category_id_map") or {}
    events = [name for name, on in event_map.items() if on]
    wanted = [key for key, on in category_map.items() if on]
    lists = {"event_types": events, "categories": [_CATEGORY_IDS.get(key, key) for key in wanted]}
    place = {"level": level, "campaign_id": _its_campaign(call, level), "client_id": body.get("client_id")}
    hook = _save(call, None, _columns({**body, **lists}, **place))
    return answer({"ok": True, "id": hook["id"], "webhook_url": hook["webhook_url"]})


def _its_campaign(call: Call, level: str) -> int | None:
    if level != "campaign":
        return None
    asked = call.body.get("email_campaign_id")
    found = call.store.one(
        "select 1 from campaigns where id = ? and account_id = ? and deleted_at is null",
        asked,
        call.account.id,
    )
    if found is None:
        raise RefusedError(404, {"error": "Campaign not found - Invalid campaign_id."})
    return asked


@routes.on("GET", "/webhook/{webhook_id}")
def read(call: Call) -> Response:
    """Read a webhook of any level."""
    hook = _find(call, call.params["webhook_id"])
    return answer({**shown(hook), **_mapped(hook), "association_type": hook["level"]})


@routes.on(
    "PUT",
    "/webhook/update/{webhook_id}",
    body={
        "name": text(),
        "webhook_url": text(empty=False),
        "event_types": array(text()),
        "categories": array(text()),
    },
)
def update(call: Call) -> Response:
    """Change a webhook of any level."""
    hook = _find(call, call.params["webhook_id"])
    saved = _save(call, hook["id"], _columns({**shown(hook), **call.body}))
    return answer({"ok": True, **_mapped(saved)})


@routes.on("DELETE", "/webhook/delete", body={"id": Required(number())})
def delete_by_body(call: Call) -> Response:
    """Delete the webhook named in the body."""
    return _delete(call, call.body["id"])


@routes.on("DELETE", "/webhook/delete/{webhook_id}")
def delete_by_path(call: Call) -> Response:
    """Delete the webhook named in the path, the other documented form."""
    return _delete(call, call.params["webhook_id"])
