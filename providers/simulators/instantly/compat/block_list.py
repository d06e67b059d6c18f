"""The entries of the block list: one, or many at once."""

from collections.abc import Sequence

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.leads.block_list import clean, put
from providers.simulators.instantly.requests import PAGE, Call, RefusedError, Routes, answer, thing
from providers.simulators.kit.store import Object

routes = Routes()

_NARROWED: validation.Fields = {"domains_only": validation.boolean(), "search": validation.text()}


@routes.on(
    "POST",
    "/block-lists-entries",
    "block_list_entries:create",
    body={"bl_value": validation.Required(validation.text())},
)
def create(call: Call) -> Response:
    """Block an address or a domain."""
    value = clean(call.body["bl_value"])
    if value is None:
        raise RefusedError(400, "Invalid email or domain")
    return thing(put(call.store, call.workspace, value))


def _chosen(call: Call) -> list[Object]:
    words = call.query.get("search", "").lower()
    rows = [row for row in call.every("block") if words in row["bl_value"]]
    return [row for row in rows if row["is_domain"] or not call.query.get("domains_only")]


@routes.on("GET", "/block-lists-entries", "block_list_entries:read", query={**PAGE, **_NARROWED})
def list_all(call: Call) -> Response:
    """List entries."""
    return call.page(sorted(_chosen(call), key=lambda row: row["id"]))


def _remove(call: Call, rows: Sequence[Object]) -> Response:
    for row in rows:
        entities.delete(call.store, call.workspace, "block", row["id"])
    return answer([entities.shown(row) for row in rows])


@routes.on("DELETE", "/block-lists-entries/{id}", "block_list_entries:delete")
def delete(call: Call) -> Response:
    """Delete one entry."""
    found = call.find("block")
    _remove(call, [found])
    return thing(found)


@routes.on("DELETE", "/block-lists-entries", "block_list_entries:delete", query=_NARROWED)
def wipe(call: Call) -> Response:
    """Delete all entries that match; without a filter that is every one."""
    return _remove(call, _chosen(call))


@routes.on("GET", "/block-lists-entries/download", "block_list_entries:read", query=_NARROWED)
def download(call: Call) -> Response:
    """Return the list as CSV."""
    lines = ["Blocked Email,Date", *(f"{row['bl_value']},{row['timestamp_created']}" for row in _chosen(call))]
    return Response("".join(f"{line}\r\n" for line in lines), media_type="text/csv")


@routes.on(
    "POST",
    "/block-lists-entries/bulk-create",
    "block_list_entries:create",
    body={"bl_values": validation.Required(validation.array(validation.text(), least=1, most=1000))},
)
def create_many(call: Call) -> Response:
    """Block many at once; what is no address or domain is counted."""
    values = [clean(value) for value in call.body["bl_values"]]
    good = [value for value in values if value]
    rows = [entities.shown(put(call.store, call.workspace, value)) for value in good]
    return answer({"items": rows, "valid_count": len(good), "invalid_count": len(values) - len(good)})


@routes.on(
    "POST",
    "/block-lists-entries/bulk-delete",
    "block_list_entries:delete",
    body={"ids": validation.Required(validation.array(validation.text(), least=1, most=1000))},
)
def delete_many(call: Call) -> Response:
    """Delete the named entries."""
    found = [entities.find(call.store, call.workspace, "block", identity) for identity in call.body["ids"]]
    return _remove(call, [row for row in found if row])


@routes.on("GET", "/block-lists-entries/{id}", "block_list_entries:read")
def read(call: Call) -> Response:
    """Read one entry."""
    return thing(call.find("block"))


@routes.on("PATCH", "/block-lists-entries/{id}", "block_list_entries:update", body={"bl_value": validation.text()})
def change(call: Call) -> Response:
    """Change what an entry blocks."""
    found = call.find("block")
    value = clean(call.body.get("bl_value", found["bl_value"]))
    if value is None:
        raise RefusedError(400, "Invalid email or domain")
    return thing(call.save("block", {**found, "bl_value": value, "is_domain": "@" not in value}, name=value))
