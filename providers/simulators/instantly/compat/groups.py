"""Groups: a workspace that looks after others, and moving mailboxes between them."""

import json

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import PAGE, Call, RefusedError, Routes, answer, thing
from providers.simulators.instantly.senders import mailboxes
from providers.simulators.kit.store import Object

routes = Routes()

_CONFLICT = "The sub workspace already has an active parent or invitation"


def _workspace(call: Call, identity: str) -> Object:
    found = entities.find(call.store, identity, "workspace", identity)
    if found is None:
        raise RefusedError(404, "Resource not found")
    return found


def _groups(call: Call) -> list[Object]:
    return [json.loads(row["fields"]) for row in entities.rows_of_kind(call.store, "group")]


@routes.on(
    "POST",
    "/workspace-group-members",
    "workspace_group_members:create",
    body={"sub_workspace_id": validation.Required(validation.text("uuid"))},
)
def invite(call: Call) -> Response:
    """Invite another workspace of the simulator into one's group; it joins at once."""
    sub = _workspace(call, call.body["sub_workspace_id"])
    subs = {row["sub_workspace_id"] for row in _groups(call)}
    admins = {row["admin_workspace_id"] for row in _groups(call)}
    # A workspace looks after others or is looked after, never both.
    if sub["id"] in subs | admins | {call.workspace} or call.workspace in subs:
        raise RefusedError(409, _CONFLICT)
    fields: Object = {
        "id": ids.random_id(),
        "admin_workspace_id": call.workspace,
        "sub_workspace_id": sub["id"],
        "status": "accepted",
        "timestamp_created": call.now,
        "timestamp_updated": call.now,
        "sub_workspace_name": sub["name"],
        "admin_workspace_name": _workspace(call, call.workspace)["name"],
    }
    return thing(entities.create(call.store, call.workspace, "group", fields))


@routes.on("GET", "/workspace-group-members", "workspace_group_members:read", query=PAGE)
def list_all(call: Call) -> Response:
    """List the workspaces one looks after."""
    return call.page(sorted(call.every("group"), key=lambda row: row["id"]))


@routes.on("GET", "/workspace-group-members/admin", "")
def read_admin(call: Call) -> Response:
    """Tell which workspace looks after one's own."""
    found = next((row for row in _groups(call) if row["sub_workspace_id"] == call.workspace), None)
    if found is None:
        return answer({"workspace_name": _workspace(call, call.workspace)["name"], "has_admin_workspace": False})
    named = {"workspace_name": found["admin_workspace_name"], "has_admin_workspace": True}
    return answer({**named, "workspace_group_member_id": found["id"]})


@routes.on("GET", "/workspace-group-members/{id}", "workspace_group_members:read")
def read(call: Call) -> Response:
    """Read one workspace of the group."""
    return thing(call.find("group"))


@routes.on("DELETE", "/workspace-group-members/{id}", "workspace_group_members:delete")
def remove(call: Call) -> Response:
    """Let a workspace leave the group."""
    found = call.find("group")
    entities.delete(call.store, call.workspace, "group", found["id"])
    return thing(found)


@routes.on(
    "POST",
    "/accounts/move",
    body={
        "emails": validation.Required(validation.array(validation.text(), least=1)),
        "source_workspace_id": validation.Required(validation.text()),
        "destination_workspace_id": validation.Required(validation.text()),
    },
)
def move_mailboxes(call: Call) -> Response:
    """Move mailboxes between one's own workspace and those one looks after."""
    source, target = call.body["source_workspace_id"], call.body["destination_workspace_id"]
    if not {source, target} <= {call.workspace, *(row["sub_workspace_id"] for row in call.every("group"))}:
        raise RefusedError(404, "Resource not found")
    for email in call.body["emails"]:
        mailbox = entities.find(call.store, source, "account", mailboxes.address(email))
        if mailbox is None:
            raise RefusedError(404, "Resource not found")
        entities.delete(call.store, source, "account", mailbox["id"])
        moved = {**mailbox, "organization": target, "timestamp_updated": call.now}
        entities.create(call.store, target, "account", moved, name=mailbox["email"])
    return answer({"status": "success"})
