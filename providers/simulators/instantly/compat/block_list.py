"""Many entries of the block list at once, and reading or changing one."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.leads.block_list import NARROWED, chosen, clean, put, remove
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer, thing

routes = Routes()


@routes.on("DELETE", "/block-lists-entries", "block_list_entries:delete", query=NARROWED)
def wipe(call: Call) -> Response:
    """Delete all entries that match; without a filter that is every one."""
    return remove(call, chosen(call))


@routes.on("GET", "/block-lists-entries/download", "block_list_entries:read", query=NARROWED)
def download(call: Call) -> Response:
    """Return the list as CSV."""
    lines = ["Blocked Email,Date", *(f"{row['bl_value']},{row['timestamp_created']}" for row in chosen(call))]
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
    return remove(call, [row for row in found if row])


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
