"""Custom tags, and what they are put on."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import PAGE, Call, RefusedError, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()

_ACCOUNT, _CAMPAIGN = 1, 2
_LABEL = validation.text(pattern=r".*\S.*", least=1)


def _check_label(call: Call, label: str, identity: str = "") -> str:
    trimmed = label.strip()
    found = entities.named(call.store, call.workspace, "tag", trimmed)
    if found and found["id"] != identity:
        raise RefusedError(409, "A tag with this name already exists.")
    return trimmed


@routes.on(
    "POST",
    "/custom-tags",
    "custom_tags:create",
    body={"label": validation.Required(_LABEL), "description": validation.text(null=True)},
)
def create(call: Call) -> Response:
    """Create a tag; its label is unique."""
    label = _check_label(call, call.body["label"])
    fields = {
        **call.body,
        "label": label,
        "id": ids.random_id(),
        "timestamp_created": call.now,
        "timestamp_updated": call.now,
        "organization_id": call.workspace,
    }
    return thing(entities.create(call.store, call.workspace, "tag", fields, name=label))


@routes.on(
    "GET",
    "/custom-tags",
    "custom_tags:read",
    query={**PAGE, "search": validation.text(), "resource_ids": validation.text(), "tag_ids": validation.text()},
)
def list_all(call: Call) -> Response:
    """List tags by rising id."""
    query = call.query
    rows = [row for row in call.every("tag") if query.get("search", "").lower() in row["label"].lower()]
    if "tag_ids" in query:
        rows = [row for row in rows if row["id"] in query["tag_ids"].split(",")]
    if "resource_ids" in query:
        wanted = set(query["resource_ids"].split(","))
        used = {link["tag_id"] for link in call.every("tag_link") if link["resource_id"] in wanted}
        rows = [row for row in rows if row["id"] in used]
    return call.page(sorted(rows, key=lambda row: row["id"]))


@routes.on("GET", "/custom-tags/{id}", "custom_tags:read")
def read(call: Call) -> Response:
    """Read one tag."""
    return thing(call.find("tag"))


@routes.on(
    "PATCH",
    "/custom-tags/{id}",
    "custom_tags:update",
    body={"label": _LABEL, "description": validation.text(null=True)},
)
def change(call: Call) -> Response:
    """Change a tag."""
    found = call.find("tag")
    label = _check_label(call, call.body.get("label", found["label"]), found["id"])
    changed = {**found, **call.body, "label": label, "timestamp_updated": call.now}
    return thing(call.save("tag", changed, name=label))


@routes.on("DELETE", "/custom-tags/{id}", "custom_tags:delete")
def delete(call: Call) -> Response:
    """Delete a tag and take it off everything."""
    found = call.find("tag")
    for link in call.every("tag_link"):
        if link["tag_id"] == found["id"]:
            entities.delete(call.store, call.workspace, "tag_link", link["id"])
    entities.delete(call.store, call.workspace, "tag", found["id"])
    return thing(found)


@routes.on(
    "POST",
    "/custom-tags/toggle-resource",
    body={
        "tag_ids": validation.Required(validation.array(validation.text("uuid"), least=1)),
        "resource_type": validation.Required(validation.number(among=(_ACCOUNT, _CAMPAIGN))),
        "assign": validation.Required(validation.boolean()),
        "resource_ids": validation.array(validation.text(), least=1),
        "excluded_resource_ids": validation.array(validation.text(), least=1),
        "selected_all": validation.boolean(),
        "filter": validation.anything,
        "search": validation.text(),
    },
)
def toggle(call: Call) -> Response:
    """Put tags on mailboxes or campaigns, or take them off."""
    body = call.body
    kind = "account" if body["resource_type"] == _ACCOUNT else "campaign"
    every = [row["id"] for row in call.every(kind)] if body.get("selected_all") else body.get("resource_ids", [])
    chosen = [one for one in every if one not in body.get("excluded_resource_ids", [])]
    for tag in body["tag_ids"]:
        call.find("tag", tag)
        for resource in chosen:
            _link(call, tag, resource.lower(), assign=body["assign"])
    return answer({"success": True})


def _link(call: Call, tag: str, resource: str, *, assign: bool) -> None:
    parent = f"{call.workspace}/{resource}"
    links = [link for link in entities.of_parent(call.store, "tag_link", parent) if link["tag_id"] == tag]
    for link in links if not assign else []:
        entities.delete(call.store, call.workspace, "tag_link", link["id"])
    if not assign or links:
        return
    fields: Object = {
        "id": ids.ordered_id(call.store),
        "tag_id": tag,
        "resource_id": resource,
        "resource_type": call.body["resource_type"],
        "timestamp_created": call.now,
        "organization_id": call.workspace,
    }
    entities.create(call.store, call.workspace, "tag_link", fields, parent=parent)


@routes.on(
    "GET",
    "/custom-tag-mappings",
    "custom_tag_mappings:read",
    query={**PAGE, "resource_ids": validation.text()},
)
def mappings(call: Call) -> Response:
    """List what tags are put on, the newest first."""
    wanted = {one.lower() for one in call.query.get("resource_ids", "").split(",") if one}
    rows = [row for row in reversed(call.every("tag_link")) if not wanted or row["resource_id"] in wanted]
    return call.page(rows, "timestamp_created", down=True)
