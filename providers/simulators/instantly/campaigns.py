"""Creating, changing, starting and stopping campaigns."""

from starlette.responses import Response

from providers.simulators.instantly import ajv, campaign_rules, entities, ids
from providers.simulators.instantly.exchange import Call, RefusedError, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()

_DRAFT, _ACTIVE, _PAUSED = 0, 1, 2


@routes.on(
    "POST",
    "/campaigns",
    "campaigns:create",
    body={
        **campaign_rules.WRITABLE,
        "name": ajv.Required(ajv.text()),
        "campaign_schedule": ajv.Required(campaign_rules.SCHEDULE),
        "ai_sdr_id": ajv.text("uuid", null=True),
    },
)
def create(call: Call) -> Response:
    """Create a draft."""
    _check_senders(call)
    return thing(_keep(call, campaign_rules.written(call.body)))


def _keep(call: Call, fields: Object) -> Object:
    campaign: Object = {
        "open_tracking": False,
        **fields,
        "id": ids.random_id(),
        "status": _DRAFT,
        "timestamp_created": call.now,
        "timestamp_updated": call.now,
        "organization": call.workspace,
    }
    return entities.create(call.store, call.workspace, "campaign", campaign, name=campaign["name"])


def _check_senders(call: Call) -> None:
    wanted: list[str] = call.body.get("email_list") or []
    for email in wanted:
        if entities.find(call.store, call.workspace, "account", email.lower()) is None:
            raise RefusedError(400, f"Account not found or not eligible for sending: {email}")


@routes.on("GET", "/campaigns/{id}", "campaigns:read")
def read(call: Call) -> Response:
    """Read one campaign."""
    return thing(call.find("campaign"))


@routes.on("PATCH", "/campaigns/{id}", "campaigns:update", body=campaign_rules.WRITABLE)
def change(call: Call) -> Response:
    """Change a campaign; lists are replaced as a whole."""
    found = call.find("campaign")
    _check_senders(call)
    changed = {**found, **campaign_rules.written(call.body), "timestamp_updated": call.now}
    return thing(call.save("campaign", changed, name=changed["name"]))


@routes.on("DELETE", "/campaigns/{id}", "campaigns:delete")
def delete(call: Call) -> Response:
    """Delete a campaign with its leads and subsequences."""
    found = call.find("campaign")
    call.store.run("delete from leads where campaign = ?", found["id"])
    call.store.run("delete from entities where parent = ? and kind = 'subsequence'", found["id"])
    entities.delete(call.store, call.workspace, "campaign", found["id"])
    return thing(found)


def put_status(call: Call, campaign: Object, status: int) -> Object:
    """Move a campaign to another status."""
    changed = {**campaign, "status": status, "not_sending_status": None, "timestamp_updated": call.now}
    return call.save("campaign", changed)


@routes.on("POST", "/campaigns/{id}/activate", "campaigns:update")
def activate(call: Call) -> Response:
    """Start or resume a campaign, also one without senders or leads."""
    return thing(put_status(call, call.find("campaign"), _ACTIVE))


@routes.on("POST", "/campaigns/{id}/pause", "campaigns:update")
def pause(call: Call) -> Response:
    """Pause a campaign."""
    return thing(put_status(call, call.find("campaign"), _PAUSED))


_NOT_COPIED = {"core_variables", "custom_variables", "not_sending_status", "_shared_until"}


def _copy(call: Call, campaign: Object, name: str) -> Object:
    fields = {key: value for key, value in campaign.items() if key not in _NOT_COPIED}
    return _keep(call, {**fields, "name": name})


@routes.on("POST", "/campaigns/{id}/duplicate", "campaigns:create", body=ajv.optional(ajv.obj({"name": ajv.text()})))
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
    body={"variables": ajv.Required(ajv.array(ajv.text()))},
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
    return answer({"count": len([one for one in call.every("campaign") if one["status"] != _DRAFT])})
