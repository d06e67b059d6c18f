"""The members of a workspace: inviting, changing and removing them, and who owns it."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import Call, RefusedError, Routes, thing
from providers.simulators.kit.store import Object

routes = Routes()

_ROLES = ("owner", "admin", "editor", "view", "client")
_GIVEN = ("admin", "editor", "view")


def _check_role(role: str | None) -> None:
    if role not in {None, *_GIVEN}:
        raise RefusedError(400, f"The role {role} cannot be given")


@routes.on(
    "POST",
    "/workspace-members",
    "workspace_members:create",
    body={
        "email": validation.Required(validation.text("email")),
        "role": validation.Required(validation.text(among=_ROLES)),
        "user_email": validation.text("email", null=True),
        "nickname": validation.text(null=True),
        "permissions": validation.array(validation.text()),
    },
)
def invite(call: Call) -> Response:
    """Invite a person, who never answers."""
    _check_role(call.body["role"])
    email = call.body["email"].lower()
    if any(row["email"] == email for row in call.every("member")):
        raise RefusedError(400, "This user is already a member of the workspace")
    member: Object = {
        "id": ids.random_id(),
        **call.body,
        "email": email,
        "user_id": ids.random_id(),
        "timestamp_created": call.now,
        "workspace_id": call.workspace,
        "accepted": False,
    }
    return thing(entities.create(call.store, call.workspace, "member", member))


@routes.on(
    "PATCH",
    "/workspace-members/{id}",
    "workspace_members:update",
    body={"nickname": validation.text(null=True), "role": validation.text(among=_ROLES)},
)
def change(call: Call) -> Response:
    """Change what a member may do or is called."""
    found = call.find("member")
    if call.body.get("role") != found["role"]:
        _check_role(call.body.get("role"))
        _keep_owner(found, unless="role" not in call.body)
    return thing(call.save("member", {**found, **call.body}))


@routes.on("DELETE", "/workspace-members/{id}", "workspace_members:delete")
def remove(call: Call) -> Response:
    """Remove a member; the owner stays."""
    found = call.find("member")
    _keep_owner(found)
    entities.delete(call.store, call.workspace, "member", found["id"])
    return thing(found)


def _keep_owner(member: Object, *, unless: bool = False) -> None:
    if member["role"] == "owner" and not unless:
        raise RefusedError(400, "The owner of the workspace cannot be changed")


@routes.on(
    "POST",
    "/workspaces/current/change-owner",
    "workspaces:update",
    body={"email": validation.Required(validation.text("email")), "sec": validation.Required(validation.text())},
)
def change_owner(call: Call) -> Response:
    """Hand the workspace to another member; any `sec` will do."""
    members = call.every("member")
    heir = next((row for row in members if row["email"] == call.body["email"].lower()), None)
    if heir is None:
        raise RefusedError(404, "Resource not found")
    for row in members:
        if row["role"] == "owner":
            call.save("member", {**row, "role": "admin"})
    call.save("member", {**heir, "role": "owner"})
    found = call.find("workspace", call.workspace)
    return thing(call.save("workspace", {**found, "owner": heir["user_id"], "timestamp_updated": call.now}))
