"""Applies the living pages: only what differs is replaced, so that a second run touches nothing and locks no table.

What is applied is noted by object: the hash of its text, and of what the catalog said of it afterwards. So both a page
that changed and an object that was changed by hand are seen. What stands in our schemas and has no home in the
files any more is dropped and named; what guards do-not-contact or the context never is.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import psycopg

from api.ops.comparing import ALL_DUE, Comparison, Part
from api.ops.pages import PageError, Statement, sha256
from api.ops.standing import RIGHTS, SQL, Connection, Key

Say = Callable[[str], None]
LOCK_TIMEOUT = "1s"
TRIES = 20
T = TypeVar("T")
GONE = {
    "function": "drop routine {name}", "view": "drop view {name}",
    "trigger": "drop trigger {name}", "policy": "drop policy {name}",
}  # fmt: skip


def apply_policies(conn: Connection, root: Path, say: Say) -> None:
    """Bring functions, views, triggers, rights and policies to what the pages say.

    Functions, views and rights change in one transaction, which locks no table; then each table's triggers and policies
    in one of their own, so that a table is never without its fence, and no lock is waited for under
    another. A busy table is waited for one second, `TRIES` times. Raises PageError, or psycopg's error with the
    transaction undone; what was applied before stands, and the next run goes on from there.
    """
    _Pages(conn, root, say).apply()


class _Pages:
    """One run over the pages."""

    def __init__(self, conn: Connection, root: Path, say: Say) -> None:
        self._conn = conn
        self._say = say
        self._pages = Comparison(conn, root)
        self._catalog = self._pages.catalog
        self._applied: dict[Key, str] = {}  # what was applied now, with the hash of its text
        self._lines: list[str] = []
        self._total: list[Key] = []

    def apply(self) -> None:
        """Apply what differs, and say what that was."""
        self._in_turn(self._catalog.read_records)
        self._in_turn(self._refuse_strangers)
        for table in self._in_turn(self._pages.unfenced):
            self._in_turn(lambda table=table: self._switch_on(table))
        self._in_turn(self._shared)
        for name, parts in self._in_turn(self._tables).items():
            self._in_turn(lambda parts=parts: self._table(parts), name)
        self._in_turn(self._rest)
        self._lines.sort(key=lambda line: not line.startswith("warning"))
        if self._total:
            kinds = [kind for kind, _ in self._total]
            counts = (f"{kinds.count(kind)} of kind {kind}" for kind in dict.fromkeys(kinds) if kind != "rights")
            self._lines.append(f"applied {', '.join(counts) or 'the grants'}")
        for line in self._lines:
            self._say(line)
        if all(line.startswith("warning") for line in self._lines):
            self._say("policies are up to date")

    def _in_turn(self, work: Callable[[], T], name: str = "") -> T:
        """Do one thing in a transaction as the owner, and again when a table was busy."""
        for attempt in range(1, TRIES + 1):
            before = self._pages.known.copy(), self._lines.copy()
            try:
                with self._conn.transaction():
                    self._conn.execute("set local role outbound_owner")
                    # Whatever the database's own path is, the catalog prints names with their schema.
                    self._conn.execute("set local search_path = pg_catalog, pg_temp")
                    self._conn.execute("select set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
                    self._conn.execute("set local check_function_bodies = off")
                    result = work()
                    self._catalog.note(self._applied)
                    self._conn.execute("reset role")  # where this is a savepoint of another's transaction
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                self._pages.known, self._lines = before
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
        for name, owner in self._pages.strangers():
            raise PageError(
                f"{name} stands in a schema of the engine and belongs to {owner}, so nothing can fence it: move it to "
                "a schema of your own, or give it to outbound_owner."
            )
        self._lines += [f"warning: {row['text']}" for row in self._catalog.ask(SQL.dangers)]

    def _switch_on(self, table: str) -> None:
        self._conn.execute(f"alter table {table} enable row level security, force row level security".encode())
        self._lines.append(f"switched row level security on for {table}")

    def _shared(self) -> None:
        """Functions, views and rights: what locks no table."""
        for kind in ("function", "view"):
            self._objects(kind)
        self._due()
        self._rights()

    def _tables(self) -> dict[str, list[Part]]:
        """Return what there is to do at each table, having named the guards that no file makes."""
        todo = self._pages.tables()
        self._tell_of_guards(self._pages.guards(("policy", "trigger")))
        return todo

    def _tell_of_guards(self, guards: Sequence[Key]) -> None:
        for kind, name in guards:
            self._lines.append(f"warning: no file makes {kind} {name}; it is a guard, so it was left as it is")

    def _table(self, parts: Sequence[Part]) -> None:
        """Bring one table's triggers and policies to what they are to be."""
        for part in parts:
            kind, name = part.key
            if part.sql is None or (kind == "policy" and part.stands):
                self._conn.execute(GONE[kind].format(name=name).encode())
            if part.sql is None:
                self._lines.append(f"dropped {kind} {name}: no file makes it any more")
                continue
            self._conn.execute(part.sql.encode())
            self._applied[part.key] = sha256(part.sql)

    def _rest(self) -> None:
        """Functions without a home go when no trigger calls them any more; then what is gone is forgotten."""
        if self._homeless(("function",)):  # what went took its grants along
            self._catalog.note({RIGHTS: self._pages.rights_source()})
        self._catalog.forget(self._catalog.records.keys() - self._pages.known)

    def _objects(self, kind: str) -> None:
        for statement, standing in self._pages.objects(kind):
            key = standing
            if key is None:
                key = self._replace(statement)
                self._applied[key] = statement.sha256
            if key in self._pages.known:
                raise PageError(f"{statement.page}: {statement.name} is made by another page, or twice on this one")
            self._pages.known.add(key)

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
        """Take everything back and grant it anew, where the grants or the privileges that stand have changed."""
        script, *grants = self._pages.grants()
        source = self._pages.rights_source()
        self._pages.known.add(RIGHTS)
        if self._catalog.stands(RIGHTS, source, {}):
            return
        self._conn.execute("reset role")
        self._conn.execute(script.encode())
        self._conn.execute("set local role outbound_owner")
        for grant in grants:
            self._conn.execute(grant.encode())
        self._applied[RIGHTS] = source

    def _due(self) -> None:
        """Make one view of all due views; those that no page makes any more go first."""
        self._pages.known.add(ALL_DUE)
        if any(name.startswith("jobs.due_") for (_, name), _ in self._pages.without_home(("view",))):
            self._conn.execute("drop view if exists jobs.due")
        self._homeless(("view",))
        for text in self._pages.due():
            self._conn.execute("drop view if exists jobs.due")
            self._conn.execute(text.encode())
            self._applied[ALL_DUE] = sha256(text)

    def _homeless(self, kinds: Sequence[str]) -> bool:
        """Drop what has no home, in rounds, since one may hang on another. Return whether anything went.

        What something else still hangs on is left and named; so are guards.
        """
        gone, kept = False, dict[Key, str]()
        guards = self._pages.guards(kinds)
        while True:
            left = [key for key, now in self._pages.without_home(kinds) if not now.guard]
            kept = {key: reason for key in left if (reason := self._drop(key)) is not None}
            gone = gone or len(kept) < len(left)
            if len(kept) == len(left):
                break
        self._tell_of_guards(guards)
        for (kind, name), reason in kept.items():
            self._lines.append(f"warning: no file makes {kind} {name}; it was left, since {reason}")
        return gone

    def _drop(self, key: Key) -> str | None:
        """Drop an object; return what holds it, or None when it is gone."""
        kind, name = key
        try:
            with self._conn.transaction():
                self._conn.execute(GONE[kind].format(name=name).encode())
        except psycopg.errors.DependentObjectsStillExist as error:
            return (error.diag.message_detail or "something hangs on it").split("\n")[0]
        self._lines.append(f"dropped {kind} {name}: no file makes it any more")
        return None
