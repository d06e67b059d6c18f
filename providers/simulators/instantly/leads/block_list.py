"""The workspace's block list: addresses and domains from which no lead is ever added."""

import re
from collections.abc import Sequence

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, ids
from providers.simulators.instantly.requests import PAGE, Call, Routes, answer
from providers.simulators.kit.store import Object, Store

routes = Routes()

_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
NARROWED: validation.Fields = {"domains_only": validation.boolean(), "search": validation.text()}


class Blocked:
    """Answers whether an address, or its domain, is blocked."""

    def __init__(self, store: Store, workspace: str) -> None:
        self._store = store
        self._workspace = workspace

    def __contains__(self, email: str) -> bool:
        domain = email.rpartition("@")[2]
        return any(entities.named(self._store, self._workspace, "block", value) for value in (email, domain))


def clean(value: str) -> str | None:
    """Return an address or domain as it is kept, or None for anything else."""
    text = value.strip().lower()
    local, _, domain = text.rpartition("@")
    return text if _DOMAIN.fullmatch(domain) and ("@" not in text or local) else None


def put(store: Store, workspace: str, value: str) -> Object:
    """Block an address or a domain, if it is not blocked yet, and return the entry."""
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
    put(store, workspace, email)


def chosen(call: Call) -> list[Object]:
    """Return the entries that the query asks for."""
    words = call.query.get("search", "").lower()
    rows = [row for row in call.every("block") if words in row["bl_value"]]
    return [row for row in rows if row["is_domain"] or not call.query.get("domains_only")]


@routes.on("GET", "/block-lists-entries", "block_list_entries:read", query={**PAGE, **NARROWED})
def list_all(call: Call) -> Response:
    """List entries."""
    return call.page(sorted(chosen(call), key=lambda row: row["id"]))


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


def remove(call: Call, rows: Sequence[Object]) -> Response:
    """Delete these entries and answer with them."""
    for row in rows:
        entities.delete(call.store, call.workspace, "block", row["id"])
    return answer([entities.shown(row) for row in rows])
