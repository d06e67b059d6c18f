"""Deleting, copying, sharing and counting campaigns."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.campaigns.campaigns import DRAFT, keep
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()


@routes.on("DELETE", "/campaigns/{id}", "campaigns:delete")
def delete(call: Call) -> Response:
    """Delete a campaign with its leads and subsequences."""
    found = call.find("campaign")
    call.store.run("delete from leads where campaign = ?", found["id"])
    call.store.run("delete from entities where parent = ? and kind = 'subsequence'", found["id"])
    entities.delete(call.store, call.workspace, "campaign", found["id"])
    return thing(found)


_NOT_COPIED = {"core_variables", "custom_variables", "not_sending_status", "_shared_until"}


def _copy(call: Call, campaign: Object, name: str) -> Object:
    fields = {key: value for key, value in campaign.items() if key not in _NOT_COPIED}
    return keep(call, {**fields, "name": name})


@routes.on(
    "POST",
    "/campaigns/{id}/duplicate",
    "campaigns:create",
    body=validation.optional(validation.obj({"name": validation.text()})),
)
def duplicate(call: Call) -> Response:
    """Copy a campaign into a new draft, without its variables."""
    found = call.find("campaign")
    name = call.body.get("name", f"{found['name']} (copy)")
    if not name.strip():
        raise RefusedError(400, {"message": "New campaign name is required"})
    return thing(_copy(call, found, name))


@routes.on("POST", "/campaigns/{id}/share")
def share(call: Call) -> Response:
    """Share a campaign for a week; the only answer without a body."""
    call.save("campaign", {**call.find("campaign"), "_shared_until": call.store.clock.time() + 7 * 86_400})
    return Response(status_code=204)


@routes.on("POST", "/campaigns/{id}/from-export", "campaigns:create")
def from_export(call: Call) -> Response:
    """Take over a shared campaign, also another workspace's."""
    for row in entities.rows_of_kind(call.store, "campaign"):
        found = entities.find(call.store, row["workspace"], "campaign", call.params["id"])
        if found and found.get("_shared_until", 0) > call.store.clock.time():
            return thing(_copy(call, found, found["name"]))
    raise RefusedError(403, {"message": "The requested campaign not shared"})


@routes.on("POST", "/campaigns/{id}/export", "campaigns:read")
def export(call: Call) -> Response:
    """Read a campaign as an export."""
    return thing(call.find("campaign"))


@routes.on(
    "POST",
    "/campaigns/{id}/variables",
    "campaigns:update",
    body={"variables": validation.Required(validation.array(validation.text()))},
)
def add_variables(call: Call) -> Response:
    """Name custom variables the campaign knows."""
    found = call.find("campaign")
    before: Object = found.get("custom_variables") or {}
    known = {**before, **dict.fromkeys(call.body["variables"], True)}
    return thing(call.save("campaign", {**found, "custom_variables": known, "timestamp_updated": call.now}))


@routes.on("GET", "/campaigns/count-launched", "campaigns:read")
def count_launched(call: Call) -> Response:
    """Count the campaigns that were ever started."""
    return answer({"count": len([one for one in call.every("campaign") if one["status"] != DRAFT])})
