"""The simulator's memory: one SQLite file that outlives a kill at any moment.

Everything runs on the one event loop thread, so one connection and plain transactions are enough.
"""

import json
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from providers.simulators.kit.clock import Clock

Object = dict[str, Any]
Row = sqlite3.Row
_TABLES = Path(__file__).with_name("tables.sql")


class Store:
    """An open state file; `first_ids` says where the numbering of a table begins."""

    def __init__(self, path: Path, schema: Path, first_ids: Mapping[str, int] | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        # NORMAL survives the end of the process (not of the machine) and costs no fsync per commit.
        self._connection.executescript("pragma journal_mode = wal; pragma synchronous = normal;")
        with self.transaction():
            self._create(schema, first_ids or {})
        self.clock = Clock(self.setting("clock"))

    def _create(self, schema: Path, first_ids: Mapping[str, int]) -> None:
        if self.one("select 1 from sqlite_master where name = 'settings'"):
            return
        for script in (_TABLES, schema):
            self._run_script(script)
        self.many("insert into sqlite_sequence (name, seq) values (?, ?)", first_ids.items())

    def add_tables(self, script: Path) -> None:
        """Create what came after the first version, so that a state file from before gets it too."""
        with self.transaction():
            self._run_script(script)

    def _run_script(self, script: Path) -> None:
        for statement in _statements(script.read_text(encoding="utf-8")):
            self.run(statement)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit what the block did, or nothing of it."""
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement and return how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, row: Object) -> int:
        """Add one row and return its id."""
        return self._connection.execute(_insert_sql(table, row), tuple(row.values())).lastrowid or 0

    def insert_all(self, table: str, rows: Sequence[Object]) -> None:
        """Add rows that all have the same columns."""
        if rows:
            self.many(_insert_sql(table, rows[0]), (tuple(row.values()) for row in rows))

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each row of values."""
        self._connection.executemany(sql, rows)

    def one(self, sql: str, *values: Any) -> Row | None:
        """Return the first row, if any."""
        return self._connection.execute(sql, values).fetchone()

    def all(self, sql: str, *values: Any) -> list[Row]:
        """Return every row."""
        return self._connection.execute(sql, values).fetchall()

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row, or None."""
        row = self.one(sql, *values)
        return row[0] if row else None

    @property
    def changes(self) -> int:
        """Return how many rows have been written since the file was opened: it moves when anything has happened."""
        return self._connection.total_changes

    def setting(self, name: str, default: Any = None) -> Any:
        """Return a named setting."""
        stored = self.value("select value from settings where name = ?", name)
        return default if stored is None else json.loads(stored)

    def put_setting(self, name: str, value: Any) -> None:
        """Keep a named setting."""
        self.run("insert or replace into settings values (?, ?)", name, json.dumps(value))

    def set_clock(self, given: Any) -> None:
        """Change the clock as `Clock.change` understands it, and keep it over a restart."""
        self.clock.change(given)
        with self.transaction():
            self.put_setting("clock", self.clock.kept())

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _insert_sql(table: str, row: Object) -> str:
    marks = ", ".join("?" for _ in row)
    return f"insert into {table} ({', '.join(row)}) values ({marks})"  # noqa: S608 - names are our own


def _statements(script: str) -> Iterator[str]:
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
