"""What the catalog says of the tenants' tables. All that the proof asks is made from it, so no table is left out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from api.db.queries import Query, beside

Connection = psycopg.Connection[tuple[Any, ...]]
SQL = beside(__file__, "catalog.sql")
LOGIN_ROLES = ("outbound_platform", "outbound_org", "outbound_company", "outbound_worker", "outbound_public")
COMPANY_ROLES = ("outbound_company", "dashboard_company")
REQUEST_ROLES = (*LOGIN_ROLES, "dashboard_org", "dashboard_company")
ORGANIZATIONS = "organizations"
COMPANIES = "companies"


@dataclass(frozen=True)
class Column:
    """One column; `sources` are the columns that a generated one is computed from."""

    name: str
    type: str
    not_null: bool
    generated: bool
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Unique:
    """One unique index; `predicate` is the condition of a partial one."""

    name: str
    columns: tuple[str, ...]
    primary: bool
    predicate: str | None


@dataclass(frozen=True)
class ForeignKey:
    """One foreign key, its columns in the order of the parent's."""

    name: str
    parent: str
    columns: tuple[str, ...]
    parent_columns: tuple[str, ...]


@dataclass
class Relation:
    """A table of schema outbound and the columns that say whose a row is; platform data has none."""

    name: str
    columns: dict[str, Column] = field(default_factory=dict[str, Column])
    uniques: list[Unique] = field(default_factory=list[Unique])
    foreign_keys: list[ForeignKey] = field(default_factory=list[ForeignKey])

    @property
    def org_column(self) -> str | None:
        """The column of a row's organization."""
        return "id" if self.name == ORGANIZATIONS else "org_id" if "org_id" in self.columns else None

    @property
    def company_column(self) -> str | None:
        """The column of a row's company."""
        return "id" if self.name == COMPANIES else "company_id" if "company_id" in self.columns else None

    @property
    def owner_columns(self) -> list[str]:
        """The columns that say whose a row is, the organization's first."""
        return [column for column in (self.org_column, self.company_column) if column]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        return next((unique.columns for unique in self.uniques if unique.primary), ())

    @property
    def foreign_columns(self) -> set[str]:
        """The columns that point at another row, of any tenant."""
        return {column for key in self.foreign_keys for column in key.columns} - {"org_id", "company_id"}

    @property
    def plain_columns(self) -> list[str]:
        """The columns that an insert may name."""
        return [name for name, column in self.columns.items() if not column.generated]


@dataclass
class Catalog:
    """Every table of schema outbound, who holds what on it, and the tables of schema ctx."""

    relations: dict[str, Relation]
    grants: dict[tuple[str, str, str], list[str]]
    private: list[str]

    def granted(self, role: str, relation: Relation, verb: str) -> list[str]:
        """Return the columns on which a role holds a privilege; for `delete`, all or none."""
        return self.grants.get((role, relation.name, verb), [])

    @property
    def tenant_relations(self) -> list[Relation]:
        """The tables whose rows belong to a tenant."""
        return [relation for relation in self.relations.values() if relation.org_column]


def ask(conn: Connection, query: Query, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the rows of a named query."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.sql, params).fetchall()


def read_catalog(conn: Connection) -> Catalog:
    """Read the tables, keys and grants of the database that `conn` is connected to."""
    relations: dict[str, Relation] = {}
    for row in ask(conn, SQL.columns):
        relation = relations.setdefault(row["relation"], Relation(row["relation"]))
        relation.columns[row["name"]] = Column(
            row["name"], row["type"], row["not_null"], row["generated"], tuple(row["sources"])
        )
    for row in ask(conn, SQL.unique_indexes):
        unique = Unique(row["name"], tuple(row["columns"]), row["is_primary"], row["predicate"])
        relations[row["relation"]].uniques.append(unique)
    for row in ask(conn, SQL.foreign_keys):
        key = ForeignKey(row["name"], row["parent"], tuple(row["columns"]), tuple(row["parent_columns"]))
        relations[row["relation"]].foreign_keys.append(key)
    private = [str(row["name"]) for row in ask(conn, SQL.private_tables)]
    return Catalog(relations, _grants(conn, relations), private)


def _grants(conn: Connection, relations: Mapping[str, Relation]) -> dict[tuple[str, str, str], list[str]]:
    roles = {"roles": list(REQUEST_ROLES)}
    grants = {
        (row["role"], row["relation"], row["verb"]): row["columns"] for row in ask(conn, SQL.column_grants, roles)
    }
    for row in ask(conn, SQL.delete_grants, roles):
        grants[row["role"], row["relation"], "delete"] = list(relations[row["relation"]].columns)
    return grants


@cache
def allowed() -> dict[str, Any]:
    """Return `allowed.json`: the doors, extensions and exceptions that are meant to be, each with its reason."""
    return json.loads(Path(__file__).with_name("allowed.json").read_text(encoding="utf-8"))


@cache
def written_rights() -> dict[str, dict[str, dict[str, str]]]:
    """Return `rights.json`: by table, role and verb, the columns on which a right is meant to be granted."""
    return json.loads(Path(__file__).with_name("rights.json").read_text(encoding="utf-8"))
