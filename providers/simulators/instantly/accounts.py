"""The workspace of a key: each starts with three mailboxes under a domain of its own."""

import hashlib

from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import Caller, RefusedError
from providers.simulators.instantly.senders import mailboxes
from providers.simulators.kit.accounts import is_test_key
from providers.simulators.kit.store import Object, Store

_BORN = "2025-10-20T08:37:45.853Z"
_EVERYTHING = ("all:all",)


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
