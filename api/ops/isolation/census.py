"""A census of every tenant: how many of its rows each table has, and what is in them, before and after something."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import sql

from api.db.queries import beside
from api.ops.isolation.actors import Tenant
from api.ops.isolation.catalog import Connection, ask
from api.ops.isolation.stage import Stage

SQL = beside(__file__, "census.sql")
PART = (
    "select {label}, coalesce(({org})::text, ''), coalesce(({company})::text, ''), count(*), "
    "sum(hashtextextended(t::text, 0))::text from {table} as t group by 1, 2, 3"
)


class Lot(NamedTuple):
    """The rows of one table that belong to one organization and company; empty for rows of none."""

    table: str
    org: str
    company: str


Counts = Mapping[Lot, tuple[int, str]]
Changes = Mapping[Lot, int]


class Census:
    """Counts all rows in one statement, as a superuser."""

    def __init__(self, conn: Connection) -> None:
        parts = [_part(row) for row in ask(conn, SQL.counted_tables)]
        self.statement = sql.SQL(" union all ").join(parts)

    def take(self, conn: Connection) -> Counts:
        """Return how things stand."""
        rows = conn.execute(self.statement, prepare=True).fetchall()
        return {Lot(*row[:3]): (row[3], row[4]) for row in rows}


def _part(row: Mapping[str, Any]) -> sql.Composed:
    return sql.SQL(PART).format(
        label=f"{row['schema']}.{row['name']}", table=sql.Identifier(row["schema"], row["name"]),
        org=sql.SQL(row["org"]), company=sql.SQL(row["company"]),
    )  # fmt: skip


def changes(before: Counts, after: Counts) -> Changes:
    """Return by how many rows each lot that is not what it was has grown."""
    nothing = (0, "")
    lots = before.keys() | after.keys()
    return {
        lot: after.get(lot, nothing)[0] - before.get(lot, nothing)[0]
        for lot in lots
        if before.get(lot, nothing) != after.get(lot, nothing)
    }


def strangers(changed: Changes, own: Tenant, *, whole: bool = False, operator: bool = False) -> Sequence[Lot]:
    """Return the lots that are not the tenant's. `whole`: its whole organization is; `operator`: so is no tenant."""
    companies = ("", str(own.company_id))
    return sorted(
        lot
        for lot in changed
        if lot.org != str(own.org_id) or not (whole or lot.company in companies)
        if lot.org or not operator
    )


class Watch:
    """How things stood when a stage was entered, and what has changed since."""

    def __init__(self, arena: Stage) -> None:
        self.arena = arena
        with arena.behind() as conn:
            self.census = Census(conn)
            self.before = self.census.take(conn)

    def changed(self) -> Changes:
        """Return what has changed by now, in the transaction that is open."""
        with self.arena.behind() as conn:
            return changes(self.before, self.census.take(conn))
