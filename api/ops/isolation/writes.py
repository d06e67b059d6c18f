"""Own writes, all that a tenant may do to its own rows, so that every trigger fires: no other tenant's rows may change.

Each column whose check lists its values goes from each to each, if a trigger watches it; the superuser puts the row
where it starts from, with triggers off. In the end every function that runs as its owner must have been called.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any
from uuid import uuid4

from psycopg import sql

from api.ops.isolation.arguments import Arguments
from api.ops.isolation.attempts import attempt
from api.ops.isolation.catalog import SQL, Connection, Relation, ask
from api.ops.isolation.census import Watch, strangers
from api.ops.isolation.oracles import distinct, pointing_at_all
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage
from api.ops.isolation.statements import Statement, Target, Values, bound, insert, table, where

TIERS = ("company", "org", "worker", "platform")
NOW = "now"
CLOSING = {"deleted_at", "closing_at", "revoked_at"}
KINDS = {"email_key": "email", "domain_key": "domain", "linkedin_key": "linkedin_url"}


def change(relation: Relation, row: Values, values: Values) -> Statement:
    """Return an update of one row to these values."""
    sets = [sql.SQL("{} = r.{}").format(sql.Identifier(name), sql.Identifier(name)) for name in values]
    text = sql.SQL("update {} as t set {} from jsonb_populate_record(null::{}, %s::jsonb) as r where {}").format(
        table(relation), sql.SQL(", ").join(sets), table(relation), where(relation, relation.key)
    )
    return Statement(text, (json.dumps(values), *bound(row, relation.key)))


def put(relation: Relation, row: Values, columns: Sequence[str]) -> Statement:
    """Return an insert that names these columns."""
    return insert(Target(relation, row, relation.key, columns, "created_at"))


class Writes:
    """Every write of every role on its own rows."""

    def __init__(self, arena: Stage, arguments: Arguments, section: Section) -> None:
        self.arena = arena
        self.arguments = arguments
        self.section = section
        self.watch = Watch(arena)
        self.listed: dict[str, dict[str, tuple[list[str], bool]]] = {}
        with arena.behind() as conn:
            for row in ask(conn, SQL.listed_values):
                self.listed.setdefault(row["relation"], {})[row["name"]] = (row["values"], row["fires"])

    def run(self, relations: Sequence[Relation]) -> None:
        """Try them all, table by table, and undo each table's."""
        own = self.arena.cast.own
        for tier in TIERS:
            for relation in relations:
                row = self.arguments.rows.of(relation, own)
                if row is None or not self.arena.can_open(tier, own):
                    continue
                conn = self.arena.of(tier)
                with conn.transaction(force_rollback=True):
                    self.arena.place.enter(conn, tier, own)
                    self._on_table(conn, tier, relation, row)

    def _on_table(self, conn: Connection, tier: str, relation: Relation, row: Values) -> None:
        statements = [*self._inserts(tier, relation, row), *self._updates(tier, relation, row)]
        for statement in statements:
            attempt(conn, statement, keep=True)
        moved = self._moves(conn, tier, relation, row)
        self.section.count(relation.name, "probes", len(statements) + moved)
        if not statements and not moved:
            return
        before = {lot.company for lot in self.watch.before}  # a company that was made just now is not another's
        changed = {lot: grown for lot, grown in self.watch.changed().items() if lot.company in before}
        if lots := strangers(changed, self.arena.cast.own, whole=relation.company_column is None):
            text = f"{relation.name}: {tier} wrote its own rows alone, and {lots} changed"
            self.section.fail(relation.name, text)

    def _granted(self, tier: str, relation: Relation, verb: str) -> list[str]:
        granted = self.arguments.catalog.granted(f"outbound_{tier}", relation, verb)
        return [name for name in granted if not relation.columns[name].generated]

    def _inserts(self, tier: str, relation: Relation, row: Values) -> Iterator[Statement]:
        columns = self._granted(tier, relation, "insert")
        if not columns:
            return
        shared = pointing_at_all(self.arguments.catalog, relation)
        yield put(relation, distinct(relation, row, shared), columns)
        if relation.name == "suppressions" and relation.company_column:
            for kind, value in self._people():
                yield put(
                    relation, {**row, "kind": kind, "value": value, "value_key": value, "source": "manual"}, columns
                )

    def _people(self) -> Iterator[tuple[str, str]]:
        """Yield by what the people of all tenants could be suppressed."""
        for tenant in self.arena.cast.tenants:
            lead = self.arguments.rows.of(self.arguments.catalog.relations["leads"], tenant) or {}
            yield from ((kind, str(lead[name])) for name, kind in KINDS.items() if lead.get(name))
        yield from self._of_both_tiers()

    def _of_both_tiers(self) -> Iterator[tuple[str, str]]:
        with self.arena.behind() as conn:
            rows = conn.execute(
                b"select distinct l.email_key from outbound.leads as l where l.email_key is not null"
            ).fetchall()
        yield from (("email", str(email)) for (email,) in rows)

    def _updates(self, tier: str, relation: Relation, row: Values) -> Iterator[Statement]:
        """Yield an update of each column to what it is, and of each moment that ends something to now."""
        columns = self._granted(tier, relation, "update")
        for name in columns:
            yield change(relation, row, {name: row[name]})
        for name in CLOSING & set(columns):
            values: Values = {name: NOW}
            if name == "revoked_at" and "revoked_reason" in columns:
                values["revoked_reason"] = self.listed[relation.name]["revoked_reason"][0][0]
            yield change(relation, row, values)

    def _moves(self, conn: Connection, tier: str, relation: Relation, row: Values) -> int:
        tried = 0
        for name in self._granted(tier, relation, "update"):
            values, fires = self.listed.get(relation.name, {}).get(name, ([], False))
            for start, end in permutations(values, 2) if fires else ():
                if self._set(relation, row, {name: start}):
                    attempt(conn, change(relation, row, {name: end}), keep=True)
                    tried += 1
        return tried

    def _set(self, relation: Relation, row: Values, values: Values) -> bool:
        """Put a row into a state as the superuser, with triggers off and what the state asks for filled in."""
        nulls = [name for name in relation.plain_columns if row[name] is None and name not in CLOSING]
        fills = [[], [name for name in nulls if "attempt" in name], [name for name in nulls if name.endswith("_at")]]
        with self.arena.behind() as conn:
            conn.execute(b"set session_replication_role = replica")
            done = any(
                attempt(conn, change(relation, row, {**values, **_filled(relation, fill)}), keep=True).sqlstate is None
                for fill in (fills[1], fills[0], fills[1] + fills[2])
            )
            conn.execute(b"set session_replication_role = origin")
        return done


def _filled(relation: Relation, columns: Sequence[str]) -> dict[str, Any]:
    kinds = {"uuid": str(uuid4()), "timestamp with time zone": NOW}
    return {name: kinds[kind] for name in columns if (kind := relation.columns[name].type) in kinds}
