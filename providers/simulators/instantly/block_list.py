"""The workspace's block list: addresses and domains nobody is ever added from."""

import re
from collections.abc import Sequence

from starlette.responses import Response

from providers.simulators.instantly import ajv, entities, ids
from providers.simulators.instantly.exchange import PAGE, Call, RefusedError, Routes, answer, thing
from providers.simulators.kit.store import Object, Store

routes = Routes()

_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_NARROWED: ajv.Fields = {"domains_only": ajv.boolean(), "search": ajv.text()}


class Blocked:
    """Answers whether an address, or its domain, is blocked."""

    def __init__(self, store: Store, workspace: str) -> None:
        self._store = store
        self._workspace = workspace

    def __contains__(self, email: str) -> bool:
        domain = email.rpartition("@")[2]
        return any(entities.named(self._store, self._workspace, "block", value) for value in (email, domain))


def _clean(value: str) -> str | None:
    text = value.strip().lower()
    local, _, domain = text.rpartition("@")
    return text if _DOMAIN.fullmatch(domain) and ("@" not in text or local) else None


def _put(store: Store, workspace: str, value: str) -> Object:
    found = entities.named(store, workspace, "block", value)
    if found:
        return found
    fields: Object = {
        "id": ids.ordered_id(store),
        "timestamp_created": store.clock.stamp(),
        "organization_id": workspace,
        "bl_value": value,
        "is_domain": "@" not in value,
    }
    return entities.create(store, workspace, "block", fields, name=value)


def block(store: Store, workspace: str, email: str) -> None:
    """Block an address."""
    _put(store, workspace, email)


@routes.on("POST", "/block-lists-entries", "block_list_entries:create", body={"bl_value": ajv.Required(ajv.text())})
def create(call: Call) -> Response:
    """Block an address or a domain."""
    value = _clean(call.body["bl_value"])
    if value is None:
        raise RefusedError(400, "Invalid email or domain")
    return thing(_put(call.store, call.workspace, value))


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
    body={"bl_values": ajv.Required(ajv.array(ajv.text(), least=1, most=1000))},
)
def create_many(call: Call) -> Response:
    """Block many at once; what is no address or domain is counted."""
    values = [_clean(value) for value in call.body["bl_values"]]
    good = [value for value in values if value]
    rows = [entities.shown(_put(call.store, call.workspace, value)) for value in good]
    return answer({"items": rows, "valid_count": len(good), "invalid_count": len(values) - len(good)})


@routes.on(
    "POST",
    "/block-lists-entries/bulk-delete",
    "block_list_entries:delete",
    body={"ids": ajv.Required(ajv.array(ajv.text(), least=1, most=1000))},
)
def delete_many(call: Call) -> Response:
    """Delete the named entries."""
    found = [entities.find(call.store, call.workspace, "block", identity) for identity in call.body["ids"]]
    return _remove(call, [row for row in found if row])


@routes.on("GET", "/block-lists-entries/{id}", "block_list_entries:read")
def read(call: Call) -> Response:
    """Read one entry."""
    return thing(call.find("block"))


@routes.on("PATCH", "/block-lists-entries/{id}", "block_list_entries:update", body={"bl_value": ajv.text()})
def change(call: Call) -> Response:
    """Change what an entry blocks."""
    found = call.find("block")
    value = _clean(call.body.get("bl_value", found["bl_value"]))
    if value is None:
        raise RefusedError(400, "Invalid email or domain")
    return thing(call.save("block", {**found, "bl_value": value, "is_domain": "@" not in value}, name=value))


@routes.on("DELETE", "/block-lists-entries/{id}", "block_list_entries:delete")
def delete(call: Call) -> Response:
    """Delete one entry."""
    found = call.find("block")
    _remove(call, [found])
    return thing(found)
