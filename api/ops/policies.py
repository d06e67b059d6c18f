"""Applies the living pages: only what differs is replaced, so that a second run touches nothing and locks no table.

What is applied is noted by object: the hash of its text, and of what the catalog said of it afterwards. So both a page
that changed and an object that somebody changed by hand are seen. What stands in our schemas and has no home in the
files any more is dropped and named; what guards do-not-contact or the context never is.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from api.db.queries import Query, beside, read
from api.ops.pages import DUE, FENCES, REVOKE, PageError, Statement, sha256, statements

SQL = beside(__file__, "policies.sql")
Connection = psycopg.Connection[tuple[object, ...]]
Say = Callable[[str], None]
Key = tuple[str, str]  # a kind and a name
LOCK_TIMEOUT = "1s"
TRIES = 20
RIGHTS: Key = ("rights", "all")
ALL_DUE: Key = ("view", "jobs.due")
KINDS = ("policy", "trigger", "view", "function")  # what is without a home goes in this order
CREATES = ("create function ", "create procedure ", "create or replace function ", "create or replace procedure ")
GUARDS = ("suppress", "do_not_contact")
GONE = {
    "function": "drop routine {name}", "view": "drop view {name}",
    "trigger": "drop trigger {name}", "policy": "drop policy {name}",
}  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """One object as the catalog has it; `restrictive` is a policy that only takes away."""

    definition: str
    restrictive: bool

    @property
    def sha256(self) -> str:
        """The hash of what the catalog says."""
        return sha256(self.definition)


def apply_policies(conn: Connection, root: Path, say: Say) -> None:
    """Bring functions, views, triggers, rights and policies to what the pages say, in one transaction.

    A table that is busy is waited for one second, and then everything is tried again, so that nobody queues behind us
    for long. Raises PageError, or psycopg's error with nothing changed.
    """
    for attempt in range(1, TRIES + 1):
        try:
            with conn.transaction():
                conn.execute("set local role outbound_owner")
                conn.execute("select set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
                conn.execute("set local check_function_bodies = off")
                told = _Pages(conn, root).apply()
                for line in told or ["policies are up to date"]:
                    say(line)
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            if attempt == TRIES:
                raise
            say(f"a table is busy; nothing was changed, trying again ({attempt} of {TRIES})")
            time.sleep(min(0.1 * attempt, 1.0))


class _Pages:
    """One run over the pages."""

    def __init__(self, conn: Connection, root: Path) -> None:
        self._conn = conn
        self._root = root
        self._statements = statements(root)
        self._records = {(row["kind"], row["name"]): row for row in self._ask(SQL.records)}
        self._known: set[Key] = set()  # what the pages make
        self._applied: dict[Key, str] = {}  # and what of it was applied now, with the hash of its text
        self._told: list[str] = []

    def apply(self) -> list[str]:
        """Apply what differs and return what there is to say of it."""
        for kind in ("function", "view"):
            self._objects(kind)
        self._due()
        self._objects("trigger")
        self._rights()
        self._fences()
        self._homeless(("policy", "trigger", "function"))
        self._note()
        if self._applied:
            kinds = [kind for kind, _ in self._applied]
            counts = (f"{kinds.count(kind)} of kind {kind}" for kind in dict.fromkeys(kinds) if kind != "rights")
            self._told.append(f"applied {', '.join(counts) or 'the grants'}")
        return self._told

    def _ask(self, query: Query, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        with self._conn.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.sql, params or {}).fetchall()

    def _standing(self) -> dict[Key, Standing]:
        return {
            (row["kind"], row["name"]): Standing(row["definition"], row["restrictive"])
            for row in self._ask(SQL.standing)
        }

    def _objects(self, kind: str) -> None:
        standing = self._standing()
        sources = {row["source_sha256"]: key for key, row in self._records.items() if key[0] == kind}
        for statement in (each for each in self._statements if each.kind == kind):
            key = sources.get(statement.sha256)
            if key is None or not self._stands(key, standing):
                key = self._replace(statement)
                self._applied[key] = statement.sha256
            if key in self._known:
                raise PageError(f"{statement.page}: {statement.name} is made by another page, or twice on this one")
            self._known.add(key)

    def _stands(self, key: Key, standing: Mapping[Key, Standing]) -> bool:
        return key in standing and self._records[key]["catalog_sha256"] == standing[key].sha256

    def _replace(self, statement: Statement) -> Key:
        """Run a statement and return which object it has written: of several functions of one name, the one that
        changed."""
        before = self._versions(statement)
        try:
            with self._conn.transaction():
                self._conn.execute(statement.sql.encode())
        except (psycopg.errors.InvalidFunctionDefinition, psycopg.errors.InvalidTableDefinition) as error:
            self._make_anew(statement, list(before) or [statement.name], error)
        if statement.kind != "function":
            return statement.kind, statement.name
        written = [name for name, version in self._versions(statement).items() if before.get(name) != version]
        if len(written) != 1:
            raise PageError(f"{statement.page}: {statement.name} made {len(written)} functions, not one")
        return "function", written[0]

    def _make_anew(self, statement: Statement, names: Sequence[str], error: psycopg.Error) -> None:
        """Drop and create what cannot be replaced: a function with another result, a view with other columns."""
        try:
            if len(names) != 1:
                raise error
            with self._conn.transaction():
                self._conn.execute(GONE[statement.kind].format(name=names[0]).encode())
                self._conn.execute(statement.sql.encode())
        except psycopg.Error as reason:
            raise PageError(
                f"{statement.page}: {statement.name} cannot become what the page says "
                f"({reason.diag.message_primary}). Give it a new name, or drop it in a migration."
            ) from reason

    def _versions(self, statement: Statement) -> dict[str, str]:
        schema, _, name = statement.name.partition(".")
        return {row["name"]: row["version"] for row in self._ask(SQL.versions, {"schema": schema, "function": name})}

    def _rights(self) -> None:
        """Take everything back and grant it anew, where the grants or what anybody holds has changed."""
        script = (self._root / "policies" / REVOKE).read_text(encoding="utf-8")
        grants = [each.sql for each in self._statements if each.kind == "grant"]
        source = sha256("\n".join([script, *grants]))
        record = self._records.get(RIGHTS)
        self._known.add(RIGHTS)
        if record and (record["source_sha256"], record["catalog_sha256"]) == (source, self._held()):
            return
        self._conn.execute("reset role")
        self._conn.execute(script.encode())
        self._conn.execute("set local role outbound_owner")
        for grant in grants:
            self._conn.execute(grant.encode())
        self._applied[RIGHTS] = source

    def _held(self) -> str:
        return sha256(str(self._ask(SQL.rights)[0]["rights"]))

    def _fences(self) -> None:
        fences = read(self._root / "policies" / FENCES)
        for row in self._ask(fences.unfenced_tables):
            self._conn.execute(
                f"alter table {row['name']} enable row level security, force row level security".encode()
            )
            self._told.append(f"switched row level security on for {row['name']}")
        self._generated("policy", fences.wanted_policies)

    def _generated(self, kind: str, wanted: Query) -> None:
        """Bring what a query says there must be; what stands otherwise is made anew."""
        standing = self._standing()
        for row in self._ask(wanted):
            key, source = (kind, str(row["name"])), sha256(row["statement"])
            self._known.add(key)
            if self._stands_as(key, source, standing):
                continue
            if key in standing:
                self._conn.execute(GONE[kind].format(name=row["name"]).encode())
            self._conn.execute(row["statement"].encode())
            self._applied[key] = source

    def _stands_as(self, key: Key, source: str, standing: Mapping[Key, Standing]) -> bool:
        return key in self._records and self._records[key]["source_sha256"] == source and self._stands(key, standing)

    def _due(self) -> None:
        """Make one view of all due views; those that no page makes any more go first."""
        self._known.add(ALL_DUE)
        if self._without_home(("view",)):
            self._conn.execute("drop view if exists jobs.due")
        self._homeless(("view",))
        self._generated("view", read(self._root / "policies" / DUE).wanted_views)

    def _without_home(self, kinds: Sequence[str]) -> list[tuple[Key, Standing]]:
        """Return what stands and no file makes, in the order of the kinds."""
        migrations = _made_by_migrations(self._root)
        return [
            (key, now)
            for key, now in sorted(self._standing().items(), key=lambda item: KINDS.index(item[0][0]))
            if key[0] in kinds and key not in self._known
            and key[1].split("(")[0] not in migrations and not key[1].startswith("touch on ")
        ]  # fmt: skip

    def _homeless(self, kinds: Sequence[str]) -> None:
        for (kind, name), now in self._without_home(kinds):
            if _is_guard(name, now):
                self._told.append(f"warning: no file makes {kind} {name}; it is a guard, so it was left as it is")
                continue
            self._conn.execute(GONE[kind].format(name=name).encode())
            self._told.append(f"dropped {kind} {name}: no file makes it any more")

    def _note(self) -> None:
        if not self._applied and self._records.keys() <= self._known:
            return
        standing = self._standing()
        rows = [
            {
                "kind": key[0],
                "name": key[1],
                "source_sha256": source,
                "catalog_sha256": self._held() if key == RIGHTS else standing[key].sha256,
            }
            for key, source in self._applied.items()
        ]
        self._conn.execute(SQL.record.sql, {"rows": json.dumps(rows)})
        gone = [{"kind": kind, "name": name} for kind, name in self._records.keys() - self._known]
        self._conn.execute(SQL.forget.sql, {"rows": json.dumps(gone)})


def _made_by_migrations(root: Path) -> set[str]:
    """Return the functions that migrations make, because tables lean on them."""
    texts = [path.read_text(encoding="utf-8").lower() for path in sorted((root / "migrations").glob("*.sql"))]
    return {
        line.strip().removeprefix(head).split("(")[0].strip()
        for text in texts
        for line in text.splitlines()
        for head in CREATES
        if line.strip().startswith(head)
    }


def _is_guard(name: str, now: Standing) -> bool:
    """Tell whether an object guards the context or do-not-contact: all of `ctx`, fences, and what names the lists."""
    return now.restrictive or name.startswith("ctx.") or any(word in now.definition for word in GUARDS)
