"""The arguments of functions that are probed: own values, and everything by which another tenant could be named."""

import json
import secrets
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from api.ops.isolation.actors import Cast, Tenant
from api.ops.isolation.catalog import Catalog
from api.ops.isolation.targets import Rows

LATER = "2100-01-01T00:00:00Z"
OWNERS = ("id", "org_id", "company_id", "company", "user_id", "actor_user_id", "credential_id", "subject")
PLAIN: dict[str, Any] = {
    "integer": 10, "bigint": 10, "double precision": 3600.0, "boolean": True, "bigint[]": [], "jsonb": "{}",
    "timestamp with time zone": LATER,
}  # fmt: skip
TEXTS = {"task": "account.work", "action": "probe_call", "reason": "operator", "cap": None, "role": "org_admin"}


class Arguments:
    """Values by type and by tenant, out of one sampled row of every table."""

    def __init__(self, catalog: Catalog, rows: Rows, cast: Cast) -> None:
        self.catalog = catalog
        self.rows = rows
        self.cast = cast

    def values_of(self, tenant: Tenant, kind: str) -> list[str]:
        """Return all values of a type in a tenant's rows, and its own ids."""
        found = [str(tenant.org_id), str(tenant.company_id)] if kind == "uuid" else []
        for relation in self.catalog.tenant_relations:
            row = self.rows.of(relation, tenant) or {}
            found += [str(row[name]) for name, column in relation.columns.items() if row and column.type == kind]
        return sorted({value for value in found if value not in ("None", "")})

    def theirs(self, victim: Tenant, kind: str) -> list[str]:
        """Return the values that are in a victim's rows and not in the own ones."""
        own = set(self.values_of(self.cast.own, kind))
        return [value for value in self.values_of(victim, kind) if value not in own]

    def own(self, argument: tuple[str, str]) -> Any:
        """Return a value with which a function can do its work for its caller."""
        name, kind = argument
        if kind == "uuid":
            return self._own_id(name)
        if kind == "bytea":
            return "\\x" + secrets.token_hex(32)
        if kind == "text[]" and name == "scopes":
            return None
        if kind == "text[]":
            return [text for tenant in self.cast.tenants for text in self.values_of(tenant, "text")]
        if kind == "text" and name == "wanted":
            row = self._row("entitlements")
            return row.get("capability", "none")
        return TEXTS.get(name, "probe") if kind == "text" else PLAIN.get(kind)

    def _own_id(self, name: str) -> str | None:
        if name == "person":
            return self._row("sessions").get("user_id")
        if name == "webhook_id":
            return str(uuid4())
        if name in ("org", "org_id"):
            return str(self.cast.own.org_id)
        return None if name == "before" else str(self.cast.own.company_id)

    def _row(self, table: str) -> dict[str, Any]:
        relation = self.catalog.relations.get(table)
        return (self.rows.of(relation, self.cast.own) if relation else None) or {}

    def pairs(self, argument: tuple[str, str], victim: Tenant) -> Iterator[tuple[Any, Any]]:
        """Yield values that name a victim's rows, each with one of its shape that names no row."""
        name, kind = argument
        if (
            name == "webhook_id"
        ):  # our own process makes it up; within an organization a taken one is the key's to refuse
            taken = {str((self.rows.of(self.catalog.relations["inbound_webhooks"], victim) or {}).get("id"))}
            yield from ((value, str(uuid4())) for value in self.theirs(victim, kind) if value not in taken)
        elif kind in ("uuid", "text", "bytea"):
            yield from ((value, _of_no_row(kind, value)) for value in self.theirs(victim, kind))
            if kind == "text":
                yield from ((value, str(uuid4())) for value in self.theirs(victim, "uuid"))
        elif kind in ("uuid[]", "text[]"):
            yield from (([value], [_of_no_row(kind[:-2], value)]) for value in self.theirs(victim, kind[:-2]))
        elif kind in ("json", "jsonb"):
            for value in self.theirs(victim, "uuid"):
                yield _named(value), _named(str(uuid4()))
            both = {"org_id": str(victim.org_id), "company_id": str(victim.company_id)}
            yield json.dumps(both), json.dumps({**both, "company_id": str(uuid4())})


def _named(value: str) -> str:
    return json.dumps(dict.fromkeys(OWNERS, value))


def _of_no_row(kind: str, value: str) -> str:
    if kind == "uuid":
        return str(uuid4())
    if kind == "bytea":
        return "\\x" + secrets.token_hex(max(len(value) // 2 - 1, 1))
    return secrets.token_hex(6) + ("@nobody.example" if "@" in value else "")
