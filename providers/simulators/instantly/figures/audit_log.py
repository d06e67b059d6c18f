"""The audit log: what was done through the API."""

import json

from starlette.requests import Request

from providers.simulators.instantly.common import ids
from providers.simulators.instantly.requests import Call, Route
from providers.simulators.kit.store import Object

_ACTIVITIES = {
    ("DELETE", "/leads"): 2,
    ("DELETE", "/leads/{id}"): 2,
    ("DELETE", "/campaigns/{id}"): 3,
    ("POST", "/campaigns/{id}/activate"): 4,
    ("POST", "/campaigns/{id}/pause"): 5,
    ("POST", "/accounts"): 6,
    ("DELETE", "/accounts/{email}"): 7,
    ("POST", "/leads/move"): 8,
    ("POST", "/leads"): 9,
    ("POST", "/leads/add"): 9,
    ("POST", "/leads/merge"): 10,
    ("PATCH", "/campaigns/{id}"): 11,
    ("PATCH", "/subsequences/{id}"): 12,
    ("POST", "/webhooks"): 18,
    ("PATCH", "/webhooks/{id}"): 19,
    ("POST", "/webhooks/{id}/resume"): 21,
    ("PATCH", "/accounts/{email}"): 36,
    ("POST", "/api-keys"): 37,
    ("DELETE", "/api-keys/{id}"): 38,
}
_NAMED = {"campaigns": "campaign_id", "webhooks": "webhook_id", "subsequences": "subsequence_id"}


def note(call: Call, route: Route, request: Request) -> None:
    """Write down what a request did, if it is of a kind that is logged."""
    kind = _ACTIVITIES.get((route.method, route.path))
    if kind is None:
        return
    fields: Object = {
        "user_agent": request.headers.get("user-agent"),
        "user_id": call.caller.user,
        "ip_address": request.client.host if request.client else "127.0.0.1",
        "from_api": True,
        **_places(call, route),
    }
    row = {"id": ids.ordered_id(call.store), "workspace": call.workspace, "at": call.now, "activity_type": kind}
    call.store.insert("audit_log", {**row, "fields": json.dumps(fields)})


def _places(call: Call, route: Route) -> Object:
    name = _NAMED.get(route.path.split("/")[1])
    places: Object = {name: call.params["id"]} if name and "id" in call.params else {}
    campaign = call.body.get("campaign_id") or call.body.get("campaign")
    if campaign and "campaign_id" not in places:
        places["campaign_id"] = campaign
    return {**places, **({"list_id": call.body["list_id"]} if call.body.get("list_id") else {})}
