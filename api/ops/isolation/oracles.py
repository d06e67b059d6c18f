"""Existence oracles: whatever a tenant asks about another's value, the answer is the same as when there is none.

Unique indexes and references are checked without regard to row level security, so each is probed twice with the same
statement: with a value that another tenant has, and with one that no row has. Everything that came back is compared.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from uuid import uuid4

from psycopg import sql

from api.ops.isolation.attackers import Arena, insiders
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.catalog import Catalog, Connection, ForeignKey, Relation, Unique, allowed
from api.ops.isolation.report import Section
from api.ops.isolation.statements import Statement, Target, Text, Values, exists, insert, move, names
from api.ops.isolation.targets import Aim, Rows

OWNERS = ("org_id", "company_id", "id")
FOLLOWS = {"email_key": ("domain_key",)}  # what a check holds to another column


def mutable(relation: Relation, unique: Unique, row: Values, shared: set[str]) -> str | None:
    """Return the column whose value may be replaced by one that no row has, the freest first; none of `shared`."""
    sources = [name for column in unique.columns for name in (relation.columns[column].sources or (column,))]
    free = [name for name in sources if name not in (*OWNERS, *shared) and row.get(name) is not None]
    plain = [name for name in free if name not in relation.foreign_columns]
    ranked = sorted(plain, key=lambda name: (_rank(relation, name), -len(str(row[name]))))
    return next(iter([*ranked, *free]), None)


def _rank(relation: Relation, column: str) -> int:
    order = ("uuid", "bytea", "text", "bigint", "integer")
    kind = relation.columns[column].type
    return order.index(kind) if kind in order else len(order)


def fresh(relation: Relation, column: str, value: object) -> object:
    """Return a value of the same shape that no row has."""
    kind = relation.columns[column].type
    if kind == "uuid":
        return str(uuid4())
    if kind == "bytea":
        return "\\x" + secrets.token_hex(max(len(str(value)) // 2 - 1, 1))
    if kind == "bigint":
        return int(str(value)) + secrets.randbelow(10**9) + 10
    if kind in ("integer", "smallint"):
        return int(str(value)) + secrets.randbelow(9) + 1  # small enough for a check of its range
    if "@" in str(value):
        return f"{secrets.token_hex(4)}{value}"  # of the same domain
    return f"{value}{secrets.token_hex(4)}"


def pointing_at_all(catalog: Catalog, relation: Relation) -> set[str]:
    """Return the columns that point at platform data: every tenant has the same values there."""
    keys = [key for key in relation.foreign_keys if catalog.relations[key.parent].org_column is None]
    return {column for key in keys for column in key.columns}


def distinct(relation: Relation, row: Values, shared: set[str]) -> Values:
    """Return a row under a fresh id whose unique values no other row has, references kept."""
    made = dict(row)
    if "id" in row and relation.org_column != "id":
        made["id"] = str(uuid4())
    for unique in relation.uniques:
        column = mutable(relation, unique, row, shared)
        if column is not None and column not in relation.foreign_columns:
            made[column] = fresh(relation, column, row[column])
    return made


def probed_columns(relation: Relation, unique: Unique) -> list[str]:
    """Return the columns that an insert names to hit an index, besides those that say whose the row is."""
    sources = [name for column in unique.columns for name in (relation.columns[column].sources or (column,))]
    sources += [follower for name in sources for follower in FOLLOWS.get(name, ())]
    owners = [column for column in relation.owner_columns if column != "id"]
    return [name for name in dict.fromkeys(sources) if name not in owners]


def upsert(target: Target, unique: Unique, *, reached: bool) -> Statement:
    """Return an insert that on this very index changes the row under a condition that is true or false."""
    predicate: Text = sql.Composed([])
    if unique.predicate:
        predicate = sql.SQL(" where {}").format(sql.SQL(unique.predicate))  # pyright: ignore[reportArgumentType]
    tail = sql.SQL("on conflict ({}){} do update set {} = excluded.{} where {}").format(
        names(unique.columns), predicate, sql.Identifier(target.changed), sql.Identifier(target.changed),
        sql.SQL("true" if reached else "false"),
    )  # fmt: skip
    return insert(target, tail)


class Oracles:
    """Every unique index and every foreign key of every tenant table, probed by every attacker with a context."""

    def __init__(self, arena: Arena, catalog: Catalog, rows: Rows, section: Section, *, wide: bool) -> None:
        self.arena = arena
        self.catalog = catalog
        self.rows = rows
        self.section = section
        self.wide = wide
        self.left_out: dict[str, set[str]] = {}

    def run(self, relations: Sequence[Relation]) -> None:
        """Ask everything of these tables."""
        for attacker in insiders(self.arena):
            if attacker.tier == "public":
                continue
            conn = self.arena.of(attacker.tier)
            with conn.transaction(force_rollback=True):
                attacker.dress(conn)
                for relation in relations:
                    self._on_table(conn, Aim(self.catalog, attacker, relation, self.wide))
        for reason, names_of in sorted(self.left_out.items()):
            self.section.not_run.append(f"{reason}: {', '.join(sorted(names_of))}")

    def _on_table(self, conn: Connection, aim: Aim) -> None:
        attacker, relation = aim.attacker, aim.relation
        own = self.rows.of(relation, attacker.scope) if attacker.scope else None
        victim = self.rows.of(relation, attacker.victim)
        same_org = attacker.scope is not None and attacker.scope.org_id == attacker.victim.org_id
        if own is None or victim is None or relation.org_column == "id" or (same_org and not relation.company_column):
            return
        for unique in relation.uniques:
            if same_org and (unique.primary or "id" in unique.columns):
                self._leave_out("between companies, primary keys need the other's random id", unique.name)
            elif not (same_org and unique.name in allowed()["unique_exceptions"]):
                self._ask_unique(conn, aim, unique, (own, victim))
        for key in relation.foreign_keys:
            parent = self.catalog.relations[key.parent]
            if parent.org_column and (parent.company_column or not same_org):
                self._ask_reference(conn, aim, key, own)

    def _leave_out(self, reason: str, what: str) -> None:
        self.left_out.setdefault(reason, set()).add(what)

    def _ask_unique(self, conn: Connection, aim: Aim, unique: Unique, rows: tuple[Values, Values]) -> None:
        own, victim = rows
        relation = aim.relation
        columns = probed_columns(relation, unique)
        shared = pointing_at_all(self.catalog, relation)
        column = mutable(relation, unique, victim, shared)
        if "id" in columns:
            column = "id"
        if column is None:
            self._leave_out("the sampled row has no value there that is its tenant's alone", unique.name)
            return
        base = distinct(relation, own, shared)
        taken = {**base, **{name: victim[name] for name in columns}}
        absent = {**taken, column: fresh(relation, column, victim[column])}
        if any(self._has(conn, aim, columns, row) for row in (taken, absent)):
            self._leave_out("the asker has a row with the same values", unique.name)
            return
        for what, pair in _forms(aim, unique, taken, absent):
            self._compare(conn, aim, f"{unique.name}, {what}", pair)

    def _has(self, conn: Connection, aim: Aim, columns: Sequence[str], row: Values) -> bool:
        values = {name: row[name] for name in columns if row[name] is not None}
        outcome = attempt(conn, exists(aim.relation, values))
        return bool(outcome.rows and outcome.rows[0][0])

    def _ask_reference(self, conn: Connection, aim: Aim, key: ForeignKey, own: Values) -> None:
        parent = self.catalog.relations[key.parent]
        victim = self.rows.of(parent, aim.attacker.victim)
        pointing = [
            (column, at)
            for column, at in zip(key.columns, key.parent_columns, strict=True)
            if column not in aim.relation.key[:1] and (column != "company_id" or key.parent == "companies")
        ]
        if victim is None or not pointing:
            return
        base = distinct(aim.relation, own, pointing_at_all(self.catalog, aim.relation))
        taken = {**base, **{column: victim[at] for column, at in pointing}}
        absent = {**base, **{column: str(uuid4()) for column, _ in pointing}}
        self._compare(conn, aim, f"{key.name}, insert", (insert(aim.at(taken)), insert(aim.at(absent))))
        columns = [column for column, _ in pointing]
        updates = (move(aim.at(own), columns, taken), move(aim.at(own), columns, absent))
        self._compare(conn, aim, f"{key.name}, update", updates)

    def _compare(self, conn: Connection, aim: Aim, what: str, pair: tuple[Statement, Statement]) -> None:
        taken, absent = (attempt(conn, statement) for statement in pair)
        name = aim.relation.name
        self.section.count(name, "probes", 2)
        self.section.count(name, "pairs past the fence" if not taken.refused else "pairs refused alike")
        if _shown(taken, pair[0]) != _shown(absent, pair[1]):
            text = f"{name}, {what}, {aim.attacker.name}: taken answers {taken.text()}, free answers {absent.text()}"
            if self.wide and {taken.constraint, absent.constraint} & allowed()["foreign_key_exceptions"].keys():
                self._leave_out("told by a listed exception, which the lint keeps from companies", what)
            else:
                self.section.fail(name, text)


def _forms(
    aim: Aim, unique: Unique, taken: Values, absent: Values
) -> Iterator[tuple[str, tuple[Statement, Statement]]]:
    a, b = aim.at(taken), aim.at(absent)
    nothing = sql.Composed([sql.SQL("on conflict do nothing")])
    yield "insert", (insert(a), insert(b))
    yield "insert on conflict do nothing", (insert(a, nothing), insert(b, nothing))
    for reached in (False, True):
        name = f"insert on conflict do update where {str(reached).lower()}"
        yield name, (upsert(a, unique, reached=reached), upsert(b, unique, reached=reached))


def _shown(outcome: Outcome, statement: Statement) -> tuple[str, ...]:
    """Return all that came back, without the values that the asker itself had sent."""
    sent: list[str] = []
    for param in statement.params:
        is_row = isinstance(param, str) and param.startswith("{")
        sent += [str(value) for value in json.loads(param).values()] if is_row else [str(param)]
    shown = list(outcome.diagnostics())
    for value in sorted((value for value in sent if len(value) > 6), key=len, reverse=True):
        shown = [text.replace(value, "…") for text in shown]
    return tuple(shown)


def spread(conn: Connection, catalog: Catalog, rows: Rows) -> None:
    """Give every row of another tenant's a twin whose unique values no other row has. Scratch databases only."""
    conn.execute(b"set session_replication_role = replica")
    for (name, tenant), row in list(rows.rows.items()):
        relation = catalog.relations[name]
        if relation.org_column == "id" or relation.company_column == "id" or relation.key == ("org_id", "company_id"):
            continue
        twin = distinct(relation, row, pointing_at_all(catalog, relation))
        target = Target(relation, twin, relation.key, relation.plain_columns, "created_at")
        outcome = attempt(conn, insert(target), keep=True)
        if outcome.sqlstate is None:
            rows.rows[name, tenant] = {**row, **twin}
    conn.execute(b"set session_replication_role = origin")
