"""One entry of the block list at a time, all of them at once, and the list as a file."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.leads.block_list import NARROWED, chosen, clean, put, remove
from providers.simulators.instantly.requests import Call, RefusedError, Routes, thing

routes = Routes()


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


@routes.on("DELETE", "/block-lists-entries/{id}", "block_list_entries:delete")
def delete(call: Call) -> Response:
    """Delete one entry."""
    found = call.find("block")
    remove(call, [found])
    return thing(found)


@routes.on("DELETE", "/block-lists-entries", "block_list_entries:delete", query=NARROWED)
def wipe(call: Call) -> Response:
    """Delete all entries that match; without a filter that is every one."""
    return remove(call, chosen(call))


@routes.on("GET", "/block-lists-entries/download", "block_list_entries:read", query=NARROWED)
def download(call: Call) -> Response:
    """Return the list as CSV."""
    lines = ["Blocked Email,Date", *(f"{row['bl_value']},{row['timestamp_created']}" for row in chosen(call))]
    return Response("".join(f"{line}\r\n" for line in lines), media_type="text/csv")


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
