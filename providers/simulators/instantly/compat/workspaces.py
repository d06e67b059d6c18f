"""The key's workspace as it is read and changed, its keys, its members and what it pays."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import PAGE, Call, Routes, answer, thing

routes = Routes()

_VERBS = ("read", "create", "update", "delete", "all")


@routes.on("GET", "/workspaces/current", "workspaces:read")
def read(call: Call) -> Response:
    """Read the key's workspace."""
    return thing(call.find("workspace", call.workspace))


@routes.on(
    "PATCH",
    "/workspaces/current",
    "workspaces:update",
    body={"name": validation.text(), "org_logo_url": validation.text(null=True)},
)
def change(call: Call) -> Response:
    """Change the workspace's name or logo."""
    found = call.find("workspace", call.workspace)
    return thing(call.save("workspace", {**found, **call.body, "timestamp_updated": call.now}))


def _scope(value: object, place: validation.Place) -> object:
    resource, _, verb = str(value).partition(":")
    if not isinstance(value, str) or not resource or verb not in _VERBS:
        raise place.wrong("must be equal to one of the allowed values")
    return value


@routes.on(
    "POST",
    "/api-keys",
    "api_keys:create",
    body={"name": validation.Required(validation.text()), "scopes": validation.Required(validation.array(_scope))},
)
def create_key(call: Call) -> Response:
    """Create a key that may do what its scopes say; the answer alone holds it."""
    identity = ids.random_id()
    key = ids.api_key(identity)
    stamps = {"timestamp_created": call.now, "timestamp_updated": call.now}
    fields = {"id": identity, **call.body, "key": key, "organization_id": call.workspace, **stamps}
    return thing(entities.create(call.store, call.workspace, "api_key", fields, name=key))


@routes.on("GET", "/api-keys", "api_keys:read", query=PAGE)
def list_keys(call: Call) -> Response:
    """List keys, with all but their beginnings hidden."""
    rows = sorted(call.every("api_key"), key=lambda row: row["id"])
    return call.page([{**row, "key": f"{row['key'][:6]}********"} for row in rows])


@routes.on("DELETE", "/api-keys/{id}", "api_keys:delete")
def delete_key(call: Call) -> Response:
    """Delete a key."""
    found = call.find("api_key")
    entities.delete(call.store, call.workspace, "api_key", found["id"])
    return thing({**found, "key": f"{found['key'][:6]}********"})


@routes.on(
    "GET",
    "/workspace-members",
    "workspace_members:read",
    query={**PAGE, "accepted": validation.boolean(), "search": validation.text()},
)
def list_members(call: Call) -> Response:
    """List members."""
    wanted = call.query.get("search", "").lower()
    accepted = call.query.get("accepted")
    rows = [row for row in call.every("member") if wanted in row["email"]]
    chosen = [row for row in rows if accepted is None or row["accepted"] == accepted]
    return call.page(sorted(chosen, key=lambda row: row["id"]))


@routes.on("GET", "/workspace-members/{id}", "workspace_members:read")
def read_member(call: Call) -> Response:
    """Read one member."""
    return thing(call.find("member"))


@routes.on("GET", "/workspace-billing/subscription-details", "workspace_billing:read")
def read_subscription(call: Call) -> Response:
    """Read what the workspace pays for."""
    subscription = {
        "workspace_id": call.workspace,
        "interval": "month",
        "quantity": 1,
        "product_id": "pid_hg_v1",
        "product_type": "prt_outreach",
        "plan_type": "plt_primary",
        "current_period_end": int(call.store.clock.time()) + 20 * 86_400,
        "cancel_at_time": None,
        "price_in_dollars": 97,
        "price_id": "price_simulated",
    }
    return answer({"subscriptions": [subscription], "all_subs_cancelled": False})
