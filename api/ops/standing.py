"""What stands in our schemas, as the catalog has it, and what was noted of it when it was applied. Locks no table."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from api.db.queries import Query, beside
from api.ops.pages import PageError, sha256

SQL = beside(__file__, "standing.sql")
Connection = psycopg.Connection[tuple[object, ...]]
Key = tuple[str, str]  # a kind and a name
RIGHTS: Key = ("rights", "all")


@dataclass(frozen=True)
class Standing:
    """One object as the catalog has it; `guard` is what is never dropped because a file lacks it."""

    definition: str
    guard: bool

    @property
    def sha256(self) -> str:
        """The hash of what the catalog says."""
        return sha256(self.definition)


class Catalog:
    """A database's functions, views, triggers, policies and rights of ours."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self.records: dict[Key, dict[str, Any]] = {}  # what was noted; `read_records` fills it

    def ask(self, query: Query, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        with self._conn.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.sql, params or {}).fetchall()

    def read_records(self) -> None:
        """Read what was noted when objects were applied last."""
        self.records = {(row["kind"], row["name"]): row for row in self.ask(SQL.records)}

    def standing(self) -> dict[Key, Standing]:
        """Return every object that stands."""
        return {(row["kind"], row["name"]): Standing(row["definition"], row["guard"]) for row in self.ask(SQL.standing)}

    def versions(self, schema: str, function: str) -> dict[str, str]:
        """Return the functions of a name by their signature, each with what changes whenever it is written."""
        rows = self.ask(SQL.versions, {"schema": schema, "function": function})
        return {row["name"]: row["version"] for row in rows}

    def rights(self) -> str:
        """Return the hash of every privilege in our schemas."""
        return sha256(str(self.ask(SQL.rights)[0]["rights"]))

    def stands(self, key: Key, source: str, standing: Mapping[Key, Standing]) -> bool:
        """Tell whether an object is what a text of this hash made, and has not been touched since."""
        noted = self.records.get(key)
        if noted is None or noted["source_sha256"] != source:
            return False
        now = self.rights() if key == RIGHTS else standing[key].sha256 if key in standing else None
        return noted["catalog_sha256"] == now

    def note(self, applied: Mapping[Key, str]) -> None:
        """Note what was applied, by the hash of its text, and what the catalog says of it now."""
        standing = self.standing() if applied else {}
        rows = [
            {
                "kind": key[0],
                "name": key[1],
                "source_sha256": source,
                "catalog_sha256": self.rights() if key == RIGHTS else _standing_as(key, standing).sha256,
            }
            for key, source in applied.items()
        ]
        if rows:
            self._conn.execute(SQL.record.sql, {"rows": json.dumps(rows)})

    def forget(self, keys: Iterable[Key]) -> None:
        """Forget what is gone."""
        rows = [{"kind": kind, "name": name} for kind, name in keys]
        if rows:
            self._conn.execute(SQL.forget.sql, {"rows": json.dumps(rows)})


def _standing_as(key: Key, standing: Mapping[Key, Standing]) -> Standing:
    """Return an object that was just made; PageError where it goes by another name, as with capitals or quotes."""
    if key not in standing:
        raise PageError(f"{key[0]} {key[1]} was made under another name; write names in lower case, without quotes")
    return standing[key]
