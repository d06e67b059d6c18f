"""Everything that our schemas are, as sets of lines out of the system catalog, so that two databases can be compared.

Two chains of migrations give the same database when the sets of both are equal: `python -m tests.database.catalog_sets
URL` prints them as JSON, and with a second URL, or a file printed that way, what differs. Neither ids nor the order of
columns matter; names do. Compare databases of the same version of Postgres, each in a cluster of its own, since roles
belong to the cluster.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg.rows import dict_row

from api.db.queries import Queries, load

SCHEMAS = ["outbound", "ctx", "dashboard", "jobs"]
OUR_ROLES = "^(outbound|dashboard)_"
PUBLIC, MIGRATOR = "public", "<migrator>"
HOLDS_ROLES = {"owner", "grantee", "member", "roles"}  # the columns of the queries in which a role is named
PREPARING = {"settle", "place"}
BETWEEN = " | "

Sets = dict[str, set[str]]
SQL: Queries = load(Path(__file__).with_suffix(".sql"))


def read(conn: psycopg.Connection[Any]) -> Sets:
    """Return the sets of a database by name. Needs a role that no policy binds, and leaves no trace."""
    with conn.transaction(force_rollback=True), conn.cursor(row_factory=dict_row) as cursor:
        wanted: dict[str, Any] = {"schemas": SCHEMAS, "roles": OUR_ROLES}
        cursor.execute(SQL.settle.sql)
        place = cursor.execute(SQL.place.sql, wanted).fetchall()[0]
        wanted["ours"] = place["ours"] or []
        names = {"-": PUBLIC, place["migrator"]: MIGRATOR}
        return {
            name: {_line(row, names) for row in cursor.execute(query.sql, wanted)}
            for name, query in SQL.statements.items()
            if name not in PREPARING
        }


def difference(old: Sets, new: Sets) -> list[str]:
    """Return a line `- set: …` for each that only the old has, and `+ set: …` for each that only the new has.

    Of a function that both have, only the lines that differ are returned.
    """
    said: list[str] = []
    for name in sorted({*old, *new}):
        gone = _by_thing(old.get(name, set()) - new.get(name, set()))
        come = _by_thing(new.get(name, set()) - old.get(name, set()))
        for thing in sorted({*gone, *come}):
            changes = _changes(gone.get(thing, []), come.get(thing, []))
            said += [f"{sign} {name}: {thing}{BETWEEN}{line}" for sign, line in changes]
    return said


def main(places: list[str]) -> int:
    """Print one database's sets, or what two differ in; return the status with which to exit."""
    if len(places) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    sets = [_read_place(place) for place in places]
    if len(sets) == 1:
        print(json.dumps({name: sorted(lines) for name, lines in sets[0].items()}, indent=1, ensure_ascii=False))
        return 0
    found = difference(*sets)
    counts = ", ".join(f"{len(lines)} {name}" for name, lines in sets[1].items())
    print("\n".join(found) if found else f"The same: {counts}.")
    return 1 if found else 0


def _line(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Write a row as `thing | column value, …`, without what is empty."""
    parts: list[str] = []
    for column, value in row.items():
        items = cast(list[Any], value) if isinstance(value, list) else [value]
        texts = sorted(str(names.get(item, item) if column in HOLDS_ROLES else item) for item in items)
        if column != "thing" and value not in (None, "", []):
            parts.append(f"{column} {' '.join(texts)}")
    return f"{row['thing']}{BETWEEN}{', '.join(parts)}"


def _by_thing(lines: Iterable[str]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in sorted(lines):
        thing, _, rest = line.partition(BETWEEN)
        found[thing].append(rest)
    return found


def _changes(gone: list[str], come: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what to say of one thing: both forms, or of two long texts only the lines that differ."""
    if len(gone) == len(come) == 1 and "\n" in gone[0] + come[0]:
        shown = list(unified_diff(gone[0].split("\n"), come[0].split("\n"), n=0, lineterm=""))[2:]
        yield from ((line[0], line[1:]) for line in shown if not line.startswith("@@"))
        return
    for sign, forms in (("-", gone), ("+", come)):
        yield from ((sign, form.replace("\n", "\\n")) for form in forms)


def _read_place(place: str) -> Sets:
    if place.startswith(("postgres://", "postgresql://")):
        with psycopg.connect(place, autocommit=True) as conn:
            return read(conn)
    written: dict[str, list[str]] = json.loads(Path(place).read_text(encoding="utf-8"))
    return {name: set(lines) for name, lines in written.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
