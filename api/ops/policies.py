"""Applies the living pages: only what differs is replaced, so that a second run touches nothing and locks no table.

What is applied is noted by object: the hash of its text, and of what the catalog said of it afterwards. So both a page
that changed and an object that somebody changed by hand are seen. What stands in our schemas and has no home in the
files any more is dropped and named; what guards do-not-contact or the context never is.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg

from api.db.queries import read
from api.ops.pages import DUE, FENCES, REVOKE, PageError, Statement, made_by_migrations, sha256, statements
from api.ops.standing import RIGHTS, SQL, Catalog, Connection, Key, Standing

Say = Callable[[str], None]
LOCK_TIMEOUT = "1s"
TRIES = 20
ALL_DUE: Key = ("view", "jobs.due")
KINDS = ("policy", "trigger", "view", "function")  # what is without a home goes in this order
T = TypeVar("T")
GONE = {
    "function": "drop routine {name}", "view": "drop view {name}",
    "trigger": "drop trigger {name}", "policy": "drop policy {name}",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One thing to do at a table: make this (`sql`), or take it away. `stands`: one of the name is there already."""

    key: Key
    sql: str | None
    stands: bool


def apply_policies(conn: Connection, root: Path, say: Say) -> None:
    """Bring functions, views, triggers, rights and policies to what the pages say.

    Functions, views and rights change in one transaction, which locks no table; then each table's triggers and policies
    in one of their own, so that a table is never without its fence, and nobody who holds one table is waited for while
    we hold another. A busy table is waited for one second, `TRIES` times. Raises PageError, or psycopg's error with the
    transaction undone; what was applied before stands, and the next run goes on from there.
    """
    _Pages(conn, root, say).apply()


class _Pages:
    """One run over the pages."""

    def __init__(self, conn: Connection, root: Path, say: Say) -> None:
        self._conn = conn
        self._root = root
        self._say = say
        self._statements = statements(root)
        self._catalog = Catalog(conn)
        self._fences = read(root / "policies" / FENCES)
        self._in_migrations = made_by_migrations(root)
        self._known: set[Key] = set()  # what the pages make
        self._applied: dict[Key, str] = {}  # and what of it was applied now, with the hash of its text
        self._told: list[str] = []
        self._total: list[Key] = []

    def apply(self) -> None:
        """Apply what differs, and say what that was."""
        self._in_turn(self._catalog.read_records)
        self._in_turn(self._refuse_strangers)
        for row in self._in_turn(lambda: self._catalog.ask(self._fences.unfenced_tables)):
            self._in_turn(lambda row=row: self._switch_on(row["name"]))
        self._in_turn(self._shared)
        for name, parts in self._in_turn(self._tables).items():
            self._in_turn(lambda parts=parts: self._table(parts), name)
        self._in_turn(self._rest)
        self._told.sort(key=lambda line: not line.startswith("warning"))
        if self._total:
            kinds = [kind for kind, _ in self._total]
            counts = (f"{kinds.count(kind)} of kind {kind}" for kind in dict.fromkeys(kinds) if kind != "rights")
            self._told.append(f"applied {', '.join(counts) or 'the grants'}")
        for line in self._told:
            self._say(line)
        if all(line.startswith("warning") for line in self._told):
            self._say("policies are up to date")

    def _in_turn(self, work: Callable[[], T], name: str = "") -> T:
        """Do one thing in a transaction as the owner, and again when a table was busy."""
        for attempt in range(1, TRIES + 1):
            before = self._known.copy(), self._told.copy()
            try:
                with self._conn.transaction():
                    self._conn.execute("set local role outbound_owner")
                    # Whatever the database's own path is, names are told with their schema.
                    self._conn.execute("set local search_path = pg_catalog, pg_temp")
                    self._conn.execute("select set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
                    self._conn.execute("set local check_function_bodies = off")
                    result = work()
                    self._catalog.note(self._applied)
                    self._conn.execute("reset role")  # where this is a savepoint of somebody else's transaction
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                self._known, self._told = before
                self._applied = {}
                if attempt == TRIES:
                    raise
                self._say(f"{name or 'a table'} is busy, trying again ({attempt} of {TRIES})")
                time.sleep(min(0.1 * attempt, 1.0))
            else:
                self._total += self._applied
                self._applied = {}
                return result
        raise AssertionError("unreachable")

    def _refuse_strangers(self) -> None:
        for row in self._catalog.ask(SQL.strangers):
            raise PageError(
                f"{row['name']} stands in a schema of the engine and belongs to {row['owner']}, so nothing can fence "
                "it: move it to a schema of your own, or give it to outbound_owner."
            )
        self._told += [f"warning: {row['text']}" for row in self._catalog.ask(SQL.dangers)]

    def _switch_on(self, table: str) -> None:
        self._conn.execute(f"alter table {table} enable row level security, force row level security".encode())
        self._told.append(f"switched row level security on for {table}")

    def _shared(self) -> None:
        """Functions, views and rights: what locks no table."""
        for kind in ("function", "view"):
            self._objects(kind)
        self._due()
        self._rights()

    def _tables(self) -> dict[str, list[Part]]:
        """Return what there is to do at each table: triggers and policies that differ, and those without a home."""
        standing = self._catalog.standing()
        todo: dict[str, list[Part]] = {}
        triggers = [each for each in self._statements if each.kind == "trigger"]
        wanted = [("trigger", each.name, each.sql) for each in triggers]
        wanted += [("policy", row["name"], row["statement"]) for row in self._catalog.ask(self._fences.wanted_policies)]
        for kind, name, sql in wanted:
            key: Key = (kind, name)
            if key in self._known:
                raise PageError(f"{kind} {name} is made by two pages, or twice on one")
            self._known.add(key)
            if not self._catalog.stands(key, sha256(sql), standing):
                todo.setdefault(name.rpartition(" on ")[2], []).append(Part(key, sql, key in standing))
        for (kind, name), now in self._without_home(("policy", "trigger")):
            if now.guard:
                self._told.append(f"warning: no file makes {kind} {name}; it is a guard, so it was left as it is")
            else:
                todo.setdefault(name.rpartition(" on ")[2], []).append(Part((kind, name), None, True))
        return todo

    def _table(self, parts: Sequence[Part]) -> None:
        """Bring one table's triggers and policies to what they are to be."""
        for part in parts:
            kind, name = part.key
            if part.sql is None or (kind == "policy" and part.stands):
                self._conn.execute(GONE[kind].format(name=name).encode())
            if part.sql is None:
                self._told.append(f"dropped {kind} {name}: no file makes it any more")
                continue
            self._conn.execute(part.sql.encode())
            self._applied[part.key] = sha256(part.sql)

    def _rest(self) -> None:
        """Functions without a home go when no trigger calls them any more; then what is gone is forgotten."""
        if self._homeless(("function",)):  # nobody holds anything on what went
            self._catalog.note({RIGHTS: sha256("\n".join(self._grants()))})
        self._catalog.forget(self._catalog.records.keys() - self._known)

    def _objects(self, kind: str) -> None:
        standing = self._catalog.standing()
        sources = {row["source_sha256"]: key for key, row in self._catalog.records.items() if key[0] == kind}
        for statement in (each for each in self._statements if each.kind == kind):
            key = sources.get(statement.sha256)
            if key is None or not self._catalog.stands(key, statement.sha256, standing):
                key = self._replace(statement)
                self._applied[key] = statement.sha256
            if key in self._known:
                raise PageError(f"{statement.page}: {statement.name} is made by another page, or twice on this one")
            self._known.add(key)

    def _replace(self, statement: Statement) -> Key:
        """Run a statement and return which object it has written: of several functions of one name, the one that
        changed."""
        schema, _, function = statement.name.partition(".")
        before = self._catalog.versions(schema, function)
        try:
            with self._conn.transaction():
                self._conn.execute(statement.sql.encode())
        except (psycopg.errors.InvalidFunctionDefinition, psycopg.errors.InvalidTableDefinition) as error:
            self._make_anew(statement, list(before) or [statement.name], error)
        if statement.kind != "function":
            self._uncomment(statement, statement.name)
            return statement.kind, statement.name
        written = [
            name for name, version in self._catalog.versions(schema, function).items() if before.get(name) != version
        ]
        if len(written) != 1:
            raise PageError(f"{statement.page}: {statement.name} made {len(written)} functions, not one")
        self._uncomment(statement, written[0])
        return "function", written[0]

    def _uncomment(self, statement: Statement, name: str) -> None:
        """Take a comment away that the page does not have: to replace an object keeps it."""
        if "\ncomment on " not in statement.sql.lower():
            what = "routine" if statement.kind == "function" else statement.kind
            self._conn.execute(f"comment on {what} {name} is null".encode())

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

    def _rights(self) -> None:
        """Take everything back and grant it anew, where the grants or what anybody holds has changed."""
        script, *grants = self._grants()
        source = sha256("\n".join([script, *grants]))
        self._known.add(RIGHTS)
        if self._catalog.stands(RIGHTS, source, {}):
            return
        self._conn.execute("reset role")
        self._conn.execute(script.encode())
        self._conn.execute("set local role outbound_owner")
        for grant in grants:
            self._conn.execute(grant.encode())
        self._applied[RIGHTS] = source

    def _grants(self) -> list[str]:
        script = (self._root / "policies" / REVOKE).read_text(encoding="utf-8")
        return [script, *(each.sql for each in self._statements if each.kind == "grant")]

    def _due(self) -> None:
        """Make one view of all due views; those that no page makes any more go first."""
        self._known.add(ALL_DUE)
        if any(name.startswith("jobs.due_") for (_, name), _ in self._without_home(("view",))):
            self._conn.execute("drop view if exists jobs.due")
        self._homeless(("view",))
        standing = self._catalog.standing()
        for row in self._catalog.ask(read(self._root / "policies" / DUE).wanted_views):
            source = sha256(row["statement"])
            if not self._catalog.stands(ALL_DUE, source, standing):
                self._conn.execute("drop view if exists jobs.due")
                self._conn.execute(row["statement"].encode())
                self._applied[ALL_DUE] = source

    def _without_home(self, kinds: Sequence[str]) -> list[tuple[Key, Standing]]:
        """Return what stands and no file makes, in the order of the kinds."""
        return [
            (key, now)
            for key, now in sorted(self._catalog.standing().items(), key=lambda item: KINDS.index(item[0][0]))
            if key[0] in kinds and key not in self._known
            and key[1].split("(")[0] not in self._in_migrations and not key[1].startswith("touch on ")
        ]  # fmt: skip

    def _homeless(self, kinds: Sequence[str]) -> bool:
        """Drop what has no home, in rounds, since one may hang on another. Return whether anything went.

        What something else still hangs on is left and named; so are guards.
        """
        gone, held = False, dict[Key, str]()
        guards = [key for key, now in self._without_home(kinds) if now.guard]
        while True:
            left = [key for key, now in self._without_home(kinds) if not now.guard]
            held = {key: reason for key in left if (reason := self._drop(key)) is not None}
            gone = gone or len(held) < len(left)
            if len(held) == len(left):
                break
        for kind, name in guards:
            self._told.append(f"warning: no file makes {kind} {name}; it is a guard, so it was left as it is")
        for (kind, name), reason in held.items():
            self._told.append(f"warning: no file makes {kind} {name}; it was left, since {reason}")
        return gone

    def _drop(self, key: Key) -> str | None:
        """Drop an object; return what holds it, or None when it is gone."""
        kind, name = key
        try:
            with self._conn.transaction():
                self._conn.execute(GONE[kind].format(name=name).encode())
        except psycopg.errors.DependentObjectsStillExist as error:
            return (error.diag.message_detail or "something hangs on it").split("\n")[0]
        self._told.append(f"dropped {kind} {name}: no file makes it any more")
        return None
