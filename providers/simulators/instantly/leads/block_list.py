"""The workspace's block list: addresses and domains from which no lead is ever added."""

import re

from providers.simulators.instantly.common import entities, ids
from providers.simulators.kit.store import Object, Store

_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


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
