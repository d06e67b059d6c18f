"""The statements that are tried on a table, put together from its columns: identifiers quoted, values bound."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from api.ops.isolation.catalog import Relation

Text = sql.Composed
Values = dict[str, Any]


@dataclass(frozen=True)
class Statement:
    """A statement and what is bound to it. `copies` marks one whose rows come as a COPY stream."""

    text: Text
    params: tuple[Any, ...] = ()
    copies: bool = False


@dataclass(frozen=True)
class Target:
    """What a statement is aimed at: a row, as it stands or should stand, and the columns that may be named."""

    relation: Relation
    row: Values
    shown: Sequence[str]
    written: Sequence[str]
    changed: str


def names(columns: Iterable[str], prefix: str = "") -> Text:
    """Return a list of quoted columns."""
    parts = [sql.Identifier(prefix, column) if prefix else sql.Identifier(column) for column in columns]
    return sql.Composed([sql.SQL(", ").join(parts)])


def table(relation: Relation) -> sql.Identifier:
    """Return the table's quoted name."""
    return sql.Identifier("outbound", relation.name)


def where(relation: Relation, columns: Sequence[str], prefix: str = "t") -> Text:
    """Return a condition that compares columns with bound values of their types."""
    parts = [
        sql.SQL("{} = %s::{}").format(sql.Identifier(prefix, column), sql.SQL(relation.columns[column].type))  # pyright: ignore[reportArgumentType]
        for column in columns
    ]
    return sql.Composed([sql.SQL(" and ").join(parts)])


def bound(row: Values, columns: Sequence[str]) -> tuple[str | None, ...]:
    """Return the values of columns as text that Postgres casts."""
    return tuple(None if row[column] is None else str(row[column]) for column in columns)


def select_by_key(target: Target, tail: str = "") -> Statement:
    """Return a look-up by primary key."""
    relation = target.relation
    text = sql.SQL("select {} from {} as t where {}{}").format(
        names(target.shown, "t"), table(relation), where(relation, relation.key), sql.SQL(tail)  # pyright: ignore[reportArgumentType]
    )  # fmt: skip
    return Statement(text, bound(target.row, relation.key))


def select_for_update(target: Target) -> Statement:
    """Return a locking look-up by primary key."""
    return select_by_key(target, " for update")


def select_all(target: Target) -> Statement:
    """Return a scan of the whole table."""
    return Statement(sql.SQL("select {} from {} as t").format(names(target.shown, "t"), table(target.relation)))


def copy_to(target: Target) -> Statement:
    """Return a COPY of the whole table to the client."""
    query = sql.SQL("copy {} ({}) to stdout").format(table(target.relation), names(target.shown))
    return Statement(query, copies=True)


def insert(target: Target, tail: Text | None = None) -> Statement:
    """Return an insert of the target row; only the columns that may be written are named."""
    text = sql.SQL("insert into {} as t ({}) select {} from jsonb_populate_record(null::{}, %s::jsonb) as r {}").format(
        table(target.relation), names(target.written), names(target.written, "r"), table(target.relation),
        tail or sql.SQL(""),
    )  # fmt: skip
    return Statement(text, (json.dumps(target.row),))


def insert_returning(target: Target) -> Statement:
    """Return an insert that also reads the new row."""
    return insert(target, sql.SQL("returning {}").format(names(target.shown, "t")))


def conflict_nothing(target: Target) -> Statement:
    """Return an insert that steps aside when the row is there."""
    return insert(target, sql.Composed([sql.SQL("on conflict do nothing")]))


def conflict_update(target: Target) -> Statement:
    """Return an insert that changes the row when it is there."""
    tail = sql.SQL("on conflict ({}) do update set {} = excluded.{}").format(
        names(target.relation.key), sql.Identifier(target.changed), sql.Identifier(target.changed)
    )
    return insert(target, tail)


def update(target: Target) -> Statement:
    """Return an update of the target row that keeps its values."""
    relation = target.relation
    changed = sql.Identifier(target.changed)
    text = sql.SQL("update {} as t set {} = t.{} where {}").format(
        table(relation), changed, changed, where(relation, relation.key)
    )
    return Statement(text, bound(target.row, relation.key))


def delete(target: Target) -> Statement:
    """Return a delete of the target row."""
    relation = target.relation
    text = sql.SQL("delete from {} as t where {}").format(table(relation), where(relation, relation.key))
    return Statement(text, bound(target.row, relation.key))


def merge(target: Target) -> Statement:
    """Return a merge that changes the target row where it matches."""
    relation = target.relation
    changed = sql.Identifier(target.changed)
    text = sql.SQL(
        "merge into {} as t using (select 1) as one (n) on {} when matched then update set {} = t.{}"
    ).format(table(relation), where(relation, relation.key), changed, changed)
    return Statement(text, bound(target.row, relation.key))


def move(target: Target, columns: Sequence[str], values: Values, *, returning: bool = False) -> Statement:
    """Return an update that gives the target row other owners."""
    relation = target.relation
    sets = [
        sql.SQL("{} = %s::{}").format(sql.Identifier(column), sql.SQL(relation.columns[column].type))  # pyright: ignore[reportArgumentType]
        for column in columns
    ]
    tail = sql.SQL(" returning {}").format(names(target.shown, "t")) if returning else sql.Composed([])
    text = sql.SQL("update {} as t set {} where {}{}").format(
        table(relation), sql.SQL(", ").join(sets), where(relation, relation.key), tail
    )
    return Statement(text, (*bound(values, columns), *bound(target.row, relation.key)))


def sample(relation: Relation, owners: Values, *, live: bool = True) -> Statement:
    """Return a look-up of some row of an owner, as one JSON document."""
    columns = list(owners)
    condition = sql.SQL(" and t.deleted_at is null") if live and "deleted_at" in relation.columns else sql.SQL("")
    text = sql.SQL("select to_jsonb(t) from {} as t where {}{} order by {} limit 1").format(
        table(relation), where(relation, columns), condition, names(relation.key, "t")
    )
    return Statement(text, bound(owners, columns))


def exists(relation: Relation, values: Values) -> Statement:
    """Return the question whether a row with these values is seen."""
    columns = list(values)
    text = sql.SQL("select exists (select from {} as t where {})").format(table(relation), where(relation, columns))
    return Statement(text, bound(values, columns))


READS: dict[str, Callable[[Target], Statement]] = {
    "select by id": select_by_key,
    "select all": select_all,
    "select for update": select_for_update,
    "copy to": copy_to,
}
AIMED: dict[str, Callable[[Target], Statement]] = {"update": update, "delete": delete, "merge": merge}
PUT: dict[str, Callable[[Target], Statement]] = {
    "insert": insert,
    "insert returning": insert_returning,
    "on conflict do nothing": conflict_nothing,
    "on conflict do update": conflict_update,
}


def bare(text: str, *params: Any) -> Statement:
    """Return a statement of this package that names no table of tenants."""
    return Statement(sql.Composed([sql.SQL(text)]), params)  # pyright: ignore[reportArgumentType]


def private(text: str, name: str) -> Statement:
    """Return a statement about a table of schema ctx; it stands as {} in the text."""
    return Statement(sql.SQL(text).format(sql.Identifier("ctx", name)))  # pyright: ignore[reportArgumentType]


def within(text: str, target: Target, settings: Values) -> Statement:
    """Return a statement that changes settings while it reads: {table}, {shown} and {forge} stand for their parts."""
    forged = [sql.SQL("set_config({}, {}, true)").format(name, str(value)) for name, value in settings.items()]
    scan = sql.SQL("select array_to_tsvector(array[t.{}::text]) from {} as t").format(
        sql.Identifier(target.shown[0]), table(target.relation)
    )
    query = sql.SQL("select t.{} from {} as t").format(sql.Identifier(target.shown[0]), table(target.relation))
    return Statement(
        sql.SQL(text).format(  # pyright: ignore[reportArgumentType]
            table=table(target.relation), shown=names(target.shown, "t"), plain=names(target.shown),
            forge=sql.SQL(" || ").join(forged), scan=sql.Literal(scan.as_string()),
            query=sql.Literal(query.as_string()),
        )
    )  # fmt: skip
