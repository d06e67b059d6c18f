"""Workspaces: each key the simulator is started with is one, with three mailboxes under a domain of its own."""

import hashlib

from starlette.responses import Response

from providers.simulators.instantly import ajv, entities, ids, mailboxes
from providers.simulators.instantly.exchange import PAGE, Call, Caller, RefusedError, Routes, answer, thing
from providers.simulators.kit.accounts import is_test_key
from providers.simulators.kit.store import Object, Store

routes = Routes()

_BORN = "2025-10-20T08:37:45.853Z"
_EVERYTHING = ("all:all",)
_VERBS = ("read", "create", "update", "delete", "all")


def open_workspace(store: Store, api_key: str) -> str:
    """Return the id of this key's workspace, creating it with its mailboxes if it is new."""
    identity = ids.derived(api_key, "workspace")
    if entities.find(store, identity, "workspace", identity) is None:
        _create(store, api_key, identity)
    return identity


def _create(store: Store, api_key: str, identity: str) -> None:
    mark = hashlib.sha256(api_key.encode()).hexdigest()[:6]
    owner = ids.derived(api_key, "owner")
    stamps = {"timestamp_created": _BORN, "timestamp_updated": _BORN}
    workspace: Object = {
        "id": identity,
        **stamps,
        "owner": owner,
        "name": f"Workspace {mark}",
        "plan_id": "pid_hg_v1",
        "add_unsub_to_block": False,
        "default_opportunity_value": 1000,
        "org_logo_url": None,
        "scheduled_for_removal_at": None,
    }
    entities.create(store, identity, "workspace", workspace)
    key: Object = {
        "id": ids.derived(api_key, "key"),
        "name": "First key",
        "scopes": list(_EVERYTHING),
        "key": api_key,
        "organization_id": identity,
        **stamps,
    }
    entities.create(store, identity, "api_key", key, name=api_key)
    member: Object = {
        "id": ids.derived(api_key, "member"),
        "email": f"owner@mail-{mark}.example",
        "user_id": owner,
        "name": {"first": "Olga", "last": "Owner"},
        "role": "owner",
        "timestamp_created": _BORN,
        "workspace_id": identity,
        "accepted": True,
    }
    entities.create(store, identity, "member", member)
    mailboxes.open_three(store, identity, f"mail-{mark}.example", _BORN)


def caller(store: Store, header: str | None) -> Caller:
    """Return whose key an Authorization header holds, or refuse with a 401."""
    if not header:
        raise RefusedError(401, "Missing Authorization header")
    word, _, key = header.partition(" ")
    if word.lower() != "bearer" or not key.strip():
        raise RefusedError(401, "Invalid authorization header")
    by_name = "select workspace, id from entities where kind = 'api_key' and name = ?"
    row = store.one(by_name, key.strip())
    if row is None and is_test_key(key.strip()):
        with store.transaction():
            open_workspace(store, key.strip())
        row = store.one(by_name, key.strip())
    if row is None:
        raise RefusedError(401, "Invalid authorization header or API key")
    found = entities.find(store, row["workspace"], "api_key", row["id"]) or {}
    workspace = entities.find(store, row["workspace"], "workspace", row["workspace"]) or {}
    return Caller(row["workspace"], workspace["owner"], found["scopes"])


@routes.on("GET", "/workspaces/current", "workspaces:read")
def read(call: Call) -> Response:
    """Read the key's workspace."""
    return thing(call.find("workspace", call.workspace))


@routes.on(
    "PATCH",
    "/workspaces/current",
    "workspaces:update",
    body={"name": ajv.text(), "org_logo_url": ajv.text(null=True)},
)
def change(call: Call) -> Response:
    """Change the workspace's name or logo."""
    found = call.find("workspace", call.workspace)
    return thing(call.save("workspace", {**found, **call.body, "timestamp_updated": call.now}))


def _scope(value: object, place: ajv.Place) -> object:
    resource, _, verb = str(value).partition(":")
    if not isinstance(value, str) or not resource or verb not in _VERBS:
        raise place.wrong("must be equal to one of the allowed values")
    return value


@routes.on(
    "POST",
    "/api-keys",
    "api_keys:create",
    body={"name": ajv.Required(ajv.text()), "scopes": ajv.Required(ajv.array(_scope))},
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
    query={**PAGE, "accepted": ajv.boolean(), "search": ajv.text()},
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
