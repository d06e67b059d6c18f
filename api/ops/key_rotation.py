"""Rotating keys without a moment in which something does not open.

Context keys live in the database alone. Ticket keys are known to both sides, session and encryption keys to our
processes: those are settings, `kid:base64` lists whose first entry signs or seals while all entries verify or open.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import psycopg

from api.access.vault import SealedField, Vault
from api.db.pool import Database, Row
from api.db.queries import Query, beside
from api.db.ticket import hmac_pads
from api.organizations.operator import Operator

SQL = beside(__file__, "key_rotation.sql")
PAGE = 500
Say = Callable[[str], None]


@dataclass(frozen=True)
class Bodies:
    """A table whose `body` is sealed, and how many of them are looked at at once."""

    table: str
    read: Query
    write: Query
    page: int = PAGE


def new_kid() -> str:
    """Return a name for a key that no other has."""
    return f"k{secrets.token_hex(4)}"


def key_states(database_url: str) -> list[tuple[str, str, str, str]]:
    """Return kind, kid, when it was made and whether it is retired, of every key that the database holds."""
    with psycopg.connect(database_url) as conn:
        conn.execute("set role outbound_owner")
        rows = conn.execute(SQL.key_states.sql).fetchall()
    return [
        (kind, kid, f"{made:%Y-%m-%d %H:%M}", "retired" if retired else "in use") for kind, kid, made, retired in rows
    ]


def add_key(database_url: str, kind: str, kid: str, key: bytes) -> None:
    """Have the database know one more key. The newest context key signs from the next transaction on."""
    inner, outer = hmac_pads(key)
    with psycopg.connect(database_url) as conn:
        conn.execute("set role outbound_owner")
        conn.execute(SQL.add_key.sql, {"kind": kind, "kid": kid, "inner_pad": inner, "outer_pad": outer})


def retire_keys(database_url: str, kind: str, kept: list[str]) -> list[str]:
    """End every key of a kind but those kept, and return which ended."""
    with psycopg.connect(database_url) as conn:
        conn.execute("set role outbound_owner")
        return [row[0] for row in conn.execute(SQL.retire_keys.sql, {"kind": kind, "kept": kept}).fetchall()]


async def reseal_everything(db: Database, vault: Vault, say: Say) -> int:
    """Put every stored secret under the first encryption key, organization by organization. Return how many it was.

    May be ended and run again at any time: what is under the first key already is passed over.
    """
    total = 0
    before: UUID | None = None
    while page := await Operator(db, vault).list_ids(before, PAGE):
        for org_id in page:
            total += await _reseal_connections(db, vault, org_id)
            for bodies in _bodies():
                total += await _reseal_bodies(db, vault, org_id, bodies)
            say(f"{org_id}: {total} secrets sealed anew so far")
        before = page[-1]
    return total


async def _reseal_connections(db: Database, vault: Vault, org_id: UUID) -> int:
    done, after = 0, UUID(int=0)
    while True:
        async with db.by_job(org_id) as tx:
            rows = await tx.many(SQL.sealed_connections, {"after": after, "amount": PAGE})
            for row in rows:
                fresh = {
                    f"fresh_{column}": _resealed(vault, org_id, "connections", column, row)
                    for column in ("credential", "hook_token")
                }
                if any(fresh[f"fresh_{column}"] != row[column] for column in ("credential", "hook_token")):
                    done += await tx.run(SQL.reseal_connection, {**row, **fresh})
        if not rows:
            return done
        after = rows[-1]["id"]


def _bodies() -> list[Bodies]:
    return [
        Bodies("inbound_webhooks", SQL.sealed_webhooks, SQL.reseal_webhook),
        Bodies("import_chunks", SQL.sealed_chunks, SQL.reseal_chunk, 10),  # of 1 MiB each
        Bodies("import_results", SQL.sealed_results, SQL.reseal_results, 50),
    ]


async def _reseal_bodies(db: Database, vault: Vault, org_id: UUID, bodies: Bodies) -> int:
    done, after = 0, UUID(int=0)
    while True:
        async with db.by_job(org_id) as tx:
            rows = await tx.many(bodies.read, {"after": after, "amount": bodies.page})
            for row in rows:
                fresh = _resealed(vault, org_id, bodies.table, "body", row)
                if fresh != row["body"]:
                    done += await tx.run(bodies.write, {**row, "fresh": fresh})
        if not rows:
            return done
        after = rows[-1]["id"]


def _resealed(vault: Vault, org_id: UUID, table: str, column: str, row: Row) -> bytes | None:
    """Return the secret under the first key; as it is when it is there already, or was destroyed."""
    sealed = row[column]
    if sealed is None or vault.is_current(bytes(sealed)):
        return sealed
    place = SealedField(org_id, table, column, row["id"])
    return vault.seal(vault.unseal(bytes(sealed), place), place)
