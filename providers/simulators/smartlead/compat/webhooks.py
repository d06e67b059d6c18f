"""Webhooks of any level: of the whole account, a client or a campaign."""

from starlette.responses import Response

from providers.simulators.kit.store import Object
from providers.simulators.smartlead.common.categories import CATEGORIES
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, invalid
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
from providers.simulators.smartlead.webhooks.subscriptions import columns_of, delete, find, mapped, save, shown

routes = Routes()

LEVELS = {
    "1": "user",
    "2": "client",
    "3": "campaign",
    "user": "user",
    "client": "client",
    "campaign": "campaign",
}
_CATEGORY_IDS = {str(category["id"]): category["name"] for category in CATEGORIES}


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
    hook = save(call, None, columns_of({**body, **lists}, **place))
    return answer({"ok": True, "id": hook["id"], "webhook_url": hook["webhook_url"]})


def _its_campaign(call: Call, level: str) -> int | None:
    if level != "campaign":
        return None
    campaign_id = call.body.get("email_campaign_id")
    found = call.store.one(
        "select 1 from campaigns where id = ? and account_id = ? and deleted_at is null",
        campaign_id,
        call.account.id,
    )
    if found is None:
        raise RefusedError(404, {"error": "Campaign not found - Invalid campaign_id."})
    return campaign_id


@routes.on("GET", "/webhook/{webhook_id}")
def read(call: Call) -> Response:
    """Read a webhook of any level."""
    hook = find(call, call.params["webhook_id"])
    return answer({**shown(hook), **mapped(hook), "association_type": hook["level"]})


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
    hook = find(call, call.params["webhook_id"])
    saved = save(call, hook["id"], columns_of({**shown(hook), **call.body}))
    return answer({"ok": True, **mapped(saved)})


@routes.on("DELETE", "/webhook/delete", body={"id": Required(number())})
def delete_by_body(call: Call) -> Response:
    """Delete the webhook named in the body."""
    return delete(call, call.body["id"])


@routes.on("DELETE", "/webhook/delete/{webhook_id}")
def delete_by_path(call: Call) -> Response:
    """Delete the webhook named in the path, the other documented form."""
    return delete(call, call.params["webhook_id"])
