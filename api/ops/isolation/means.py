"""By what a wall is tried: the superuser arranges, a tier acts in the own context, and how it ends is compared."""

import re
from collections.abc import Mapping
from typing import Any

from psycopg import sql

from api.db.queries import Query
from api.ops.isolation.arguments import Arguments
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage
from api.ops.isolation.statements import Statement, Values

NAMED = re.compile(rb"%\((\w+)\)s")
Params = Mapping[str, Any]


def statement_of(query: Query, params: Params) -> Statement:
    """Return a named query as a statement to try."""
    names = [name.decode() for name in NAMED.findall(query.sql)]
    text = sql.SQL(NAMED.sub(b"%s", query.sql).decode())  # pyright: ignore[reportArgumentType]
    return Statement(sql.Composed([text]), tuple(params[name] for name in names))


class Means:
    """What every wall on the own tenant's rows is tried with."""

    def __init__(self, arena: Stage, arguments: Arguments, section: Section) -> None:
        self.arena = arena
        self.arguments = arguments
        self.section = section
        self.own = arena.cast.own

    def row(self, table: str) -> Values:
        """Return the own row of a table."""
        return self.arguments.rows.of(self.arguments.catalog.relations[table], self.own) or {}

    def arrange(self, query: Query, params: Params, *, triggers: bool = False) -> list[dict[str, Any]]:
        """Run a statement as the superuser, its triggers off unless they are wanted."""
        with self.arena.behind() as conn:
            if not triggers:
                conn.execute(b"set session_replication_role = replica")
            cursor = conn.execute(query.sql, params)
            names = [column.name for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []
            conn.execute(b"set session_replication_role = origin")
            return rows

    def act(self, tier: str, query: Query, params: Params, *, entered: bool = True) -> Outcome:
        """Run a statement as a tier in the own context, and undo it."""
        conn = self.arena.of(tier)
        with conn.transaction(force_rollback=True):
            if entered:
                self.arena.place.enter(conn, tier, self.own)
            return attempt(conn, statement_of(query, params), keep=True)

    def expect(self, wall: str, what: str, outcome: Outcome, *, ends: str, passes: bool = False) -> None:
        """Compare how something ended, a code of Postgres or the first value, with how it must."""
        ended = outcome.sqlstate or (str(outcome.rows[0][-1]) if outcome.rows else str(outcome.count))
        self.section.count(wall, "positives" if passes else "probes")
        if ended != ends:
            text = f"{wall}, {what}: it ended in {ended}, not in {ends} ({outcome.text()})"
            self.section.fail(wall, text, "failed positives" if passes else "leaks")
