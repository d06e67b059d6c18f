"""What the catalog says about our tables: tests ask it, so that a table made tomorrow is tested without a word."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from tests.database.tenants import Conn

GLOBAL_TABLES = {
    "capabilities": "what we sell: the same for every tenant",
    "providers": "who can do it: the same for every tenant",
    "platform_suppressions": "people no tenant may contact: the operator's, and asked by the walls",
    "platform_tokens": "the operator's own tokens: they belong to no tenant",
}

Census = Counter[tuple[UUID | None, ...]]


@dataclass(frozen=True)
class Table:
    """A table of schema outbound and the columns that say whose a row is."""

    name: str
    org_column: str | None
    company_column: str | None
    has_deleted: bool

    @property
    def owner_columns(self) -> list[str]:
        """The columns that say whose a row is; none for platform data."""
        return [column for column in (self.org_column, self.company_column) if column]

    def select_owners(self, condition: str = "true") -> sql.Composed:
        """Return a statement that counts rows per owner."""
        owners = sql.SQL(", ").join(map(sql.Identifier, self.owner_columns))
        group = sql.SQL("group by {}").format(owners) if self.owner_columns else sql.SQL("")
        comma = sql.SQL(", ") if self.owner_columns else sql.SQL("")
        return sql.SQL("select {}{}count(*) from outbound.{} where {} {}").format(
            owners, comma, sql.Identifier(self.name), sql.SQL(condition), group
        )


def tables(conn: Conn) -> list[Table]:
    """Return every table of schema outbound, with the column of its organization and of its company."""
    rows = conn.execute("""
        select c.relname, array_agg(a.attname::text)
        from pg_class as c
        inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p')
        group by c.relname order by c.relname
    """).fetchall()
    assert len(rows) > 20
    return [_table(name, columns) for name, columns in rows]


def _table(name: str, columns: list[str]) -> Table:
    org = "id" if name == "organizations" else "org_id" if "org_id" in columns else None
    company = "id" if name == "companies" else "company_id" if "company_id" in columns else None
    return Table(name, org, company, "deleted_at" in columns)


def columns(conn: Conn, tier: str, table: str, verb: str) -> list[str]:
    """Return the columns on which a login role holds a privilege, in the table's order."""
    rows = conn.execute(
        """
        select a.attname from pg_attribute as a
        where a.attrelid = format('outbound.%%I', %(table)s::text)::regclass
          and a.attnum > 0 and not a.attisdropped
          and has_schema_privilege(%(role)s, 'outbound', 'usage')
          and has_column_privilege(%(role)s, a.attrelid, a.attnum, %(verb)s)
        order by a.attnum
        """,
        {"role": f"outbound_{tier}", "table": table, "verb": verb},
    ).fetchall()
    return [row[0] for row in rows]


def readable(conn: Conn, tier: str) -> set[str]:
    """Return the tables of which a login role may read a column."""
    return {table.name for table in tables(conn) if columns(conn, tier, table.name, "select")}


def census(conn: Conn, table: Table, condition: str = "true") -> Census | None:
    """Count the rows a connection sees per owner; None when it may not even look (42501)."""
    try:
        with conn.transaction():
            rows = conn.execute(table.select_owners(condition)).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return Counter({row[:-1]: row[-1] for row in rows if row[-1]})


def seen(conn: Conn, of: list[Table]) -> dict[str, int]:
    """Return the tables in which a connection sees any row that belongs to a tenant, read in one statement."""
    allowed = """
        select c.relname from pg_class as c
        where c.relnamespace = (select n.oid from pg_namespace as n where n.nspname = 'outbound')
          and has_schema_privilege(c.relnamespace, 'usage') and c.relkind in ('r', 'p')
          and has_any_column_privilege(c.oid, 'select')
    """
    may_read = {row[0] for row in conn.execute(allowed).fetchall()}
    parts = [
        sql.SQL("select {}, count(*) from outbound.{}").format(each.name, sql.Identifier(each.name))
        for each in of
        if each.org_column and each.name in may_read
    ]
    return {name: count for name, count in conn.execute(sql.SQL(" union all ").join(parts)) if count} if parts else {}


def owned(admin: Conn, table: Table, org: UUID, company: UUID | None) -> Census:
    """Return what an organization, or only one company of it, should see of a table."""
    live = "deleted_at is null" if table.has_deleted else "true"
    everything = census(admin, table, live) or Counter()
    return Counter({
        owner: count
        for owner, count in everything.items()
        if not owner or (owner[0] == org and (company is None or len(owner) < 2 or owner[1] == company))
    })  # fmt: skip


def value(conn: Conn, statement: str, params: Any = None) -> Any:
    """Return the first column of the first row."""
    row = conn.execute(statement, params).fetchone()  # pyright: ignore[reportArgumentType]
    return None if row is None else row[0]
