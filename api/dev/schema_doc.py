"""Writes `docs/SCHEMA.md` from a migrated database's own catalog, so that the document cannot say what is not so.

`make schema` runs it on a database made for this; `--database-url URL` reads another, as a superuser, who sees
everything. Words that differ between Postgres versions are kept out.
"""

import argparse
import re
import secrets
import socket
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
from psycopg.rows import dict_row
from pydantic import SecretStr

from api.db.queries import Query, load
from api.dev.embedded import EmbeddedPostgres
from api.ops.migrate import migrate
from api.settings import MigrateSettings

SQL = load(Path(__file__).with_name("schema_doc.sql"))
INTRODUCTION = """# The database schema

Generated from the catalog of a migrated database; do not edit. Make it again with `make schema`; a test fails while
it is stale.

[architecture.md](architecture.md) says how the parts work together, `supabase/CONVENTIONS.md` how they are written.

In the column tables each role's rights are letters: S select, I insert, U update. `outbound_owner` owns everything and
is under the fences like everybody else. The schema `jobs` holds procrastinate's tables, which its own package
describes, beside the functions listed at the end. A condition `true` under a fence means: whatever the fence allows.
"""
WHY = re.compile(r"^((?:--[^\n]*\n)+)create table (\w+\.\w+)", re.MULTILINE)
VOLATILITY = {"i": "immutable", "s": "stable", "v": "volatile"}
KINDS = {"p": "Primary key", "u": "Unique", "f": "Foreign key", "c": "Check"}

Row = dict[str, Any]
Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Facts:
    """What the catalog says of all tables, each kind of fact by table id."""

    why: dict[str, str]
    columns: dict[int, list[Row]]
    column_rights: dict[int, list[Row]]
    table_rights: dict[int, list[Row]]
    constraints: dict[int, list[Row]]
    indexes: dict[int, list[Row]]
    triggers: dict[int, list[Row]]
    policies: dict[int, list[Row]]


def render(conn: Connection) -> str:
    """Return the whole document. Reads the catalog and nothing else; `conn` is a superuser's."""
    facts = Facts(
        why=_why(_many(conn, SQL.migrations)),
        columns=_by_table(_many(conn, SQL.columns)),
        column_rights=_by_table(_many(conn, SQL.column_rights)),
        table_rights=_by_table(_many(conn, SQL.table_rights)),
        constraints=_by_table(_many(conn, SQL.constraints)),
        indexes=_by_table(_many(conn, SQL.indexes)),
        triggers=_by_table(_many(conn, SQL.triggers)),
        policies=_by_table(_many(conn, SQL.policies)),
    )
    tables = _many(conn, SQL.tables)
    lines = [INTRODUCTION, *_roles(_many(conn, SQL.roles)), *_contents(tables)]
    for table in tables:
        lines += _table(table, facts)
    lines += _functions(_many(conn, SQL.functions))
    return "\n".join(lines).rstrip() + "\n"


def _many(conn: Connection, query: Query) -> list[Row]:
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(cast("LiteralString", query.sql.decode())).fetchall()


def _by_table(rows: Iterable[Row]) -> dict[int, list[Row]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[int(row["id"])].append(row)
    return grouped


def _why(migrations: Iterable[Row]) -> dict[str, str]:
    """Return the comment that stands above each `create table`, by the table's full name."""
    found: dict[str, str] = {}
    for row in migrations:
        for match in WHY.finditer(f"{row['text']}"):
            words = " ".join(line.removeprefix("--").strip() for line in match[1].splitlines())
            found[match[2]] = words.removeprefix("Why: ")
    return found


def _roles(rows: Iterable[Row]) -> Iterator[str]:
    yield "## Roles\n"
    yield "| Role | Logs in | Bypasses row level security | Member of |\n|---|---|---|---|"
    for row in rows:
        yield f"| `{row['name']}` | {_yes(row['login'])} | {_yes(row['bypasses'])} | {row['member_of'] or 'nothing'} |"
    yield ""


def _contents(tables: Iterable[Row]) -> Iterator[str]:
    yield "## Tables\n"
    for table in tables:
        name = f"{table['schema']}.{table['name']}"
        yield f"- [{name}](#{name.replace('.', '')})"
    yield ""


def _table(table: Row, facts: Facts) -> Iterator[str]:
    key, name = int(table["id"]), f"{table['schema']}.{table['name']}"
    yield f"### {name}\n"
    if about := table["about"] or facts.why.get(name):
        yield f"{_sentence(about)}\n"
    if not (table["enabled"] and table["forced"]):
        yield "**Row level security is not enabled and forced here.**\n"
    yield from _columns(facts.columns[key], facts.column_rights[key])
    for row in facts.table_rights[key]:
        yield f"- {str(row['name']).capitalize()}: {row['roles']}"
    for row in facts.constraints[key]:
        yield f"- {KINDS[row['kind']]} `{row['name']}`: `{_without_kind(row['definition'])}`"
    for row in facts.indexes[key]:
        yield f"- {'Unique index' if row['is_unique'] else 'Index'} `{row['name']}`: `{_index(row['definition'])}`"
    for row in facts.triggers[key]:
        yield f"- Trigger `{row['name']}`: `{_trigger(row['definition'])}`"
    yield from _policies(facts.policies[key])
    yield ""


def _columns(columns: Iterable[Row], rights: Iterable[Row]) -> Iterator[str]:
    granted = {(row["name"], row["role"]): str(row["rights"]) for row in rights}
    roles = sorted({role for (_, role), letters in granted.items() if letters})
    yield f"| Column | Type | Null | Default |{''.join(f' {_short(role)} |' for role in roles)}"
    yield f"|---|---|---|---|{'---|' * len(roles)}"
    for column in columns:
        letters = "".join(f" {granted[column['name'], role]} |" for role in roles)
        null = "" if column["required"] else "null"
        yield f"| `{column['name']}` | {column['type']} | {null} | {_default(column)} |{letters}"
    yield ""


def _policies(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        kind = "Policy" if row["permissive"] else "Fence"
        conditions = [_one_line(row[name]) for name in ("visible", "writable") if row[name] is not None]
        shown = " with check ".join(f"`{text}`" for text in dict.fromkeys(conditions))
        yield f"- {kind} `{row['name']}` for {row['verb']} to {row['roles']}: {shown}"


def _functions(rows: Iterable[Row]) -> Iterator[str]:
    yield "## Functions\n"
    yield "A definer function runs as `outbound_owner`. Without a caller, only triggers and other functions use it.\n"
    yield "| Function | Returns | Runs as | Volatility | Who may call it |\n|---|---|---|---|---|"
    for row in rows:
        runs_as = "definer" if row["definer"] else "caller"
        callers = row["callers"] or "nobody"
        signature = f"{row['schema']}.{row['name']}({row['arguments']})"
        volatility = VOLATILITY[row["volatility"]]
        yield f"| `{signature}` | {_one_line(row['result'] or 'a procedure')} | {runs_as} | {volatility} | {callers} |"


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _short(role: str) -> str:
    return role.removeprefix("outbound_")


def _sentence(text: str) -> str:
    line = _one_line(text)
    return line[:1].upper() + line[1:]


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _default(column: Row) -> str:
    if column["expression"] is None:
        return ""
    return f"{'generated ' if column['generated'] else ''}`{_one_line(column['expression'])}`"


def _without_kind(definition: str) -> str:
    """Return a constraint without the words that name its kind, and a check without the braces that all have."""
    check = re.fullmatch(r"CHECK \((.*)\)", _one_line(definition))
    return check[1] if check else re.sub(r"^(PRIMARY KEY|UNIQUE|FOREIGN KEY) ?", "", _one_line(definition))


def _index(definition: str) -> str:
    return re.sub(r"^CREATE (UNIQUE )?INDEX \S+ ON \S+ USING btree ", "", _one_line(definition))


def _trigger(definition: str) -> str:
    return re.sub(r" ON \S+ (?=FOR EACH|WHEN)", " ", re.sub(r"^CREATE TRIGGER \S+ ", "", _one_line(definition)))


def from_scratch(written: Callable[[Connection], str]) -> str:
    """Return what is written of a database made for this, in an embedded Postgres that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="outbound-schema-") as folder, closing(socket.socket()) as probe:
        Path(folder).chmod(0o755)
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        server = EmbeddedPostgres(Path(folder) / "postgres", port, secrets.token_hex(16), fsync=False)
        server.start()
        try:
            migrate(MigrateSettings(database_url=SecretStr(server.url)), lambda _: None)
            with psycopg.connect(server.url) as conn:
                return written(conn)
        finally:
            server.stop()


def main() -> None:
    """Print the document of a database, or of a fresh one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database-url", help="A migrated database; without it one is made and thrown away.")
    given: str | None = parser.parse_args().database_url
    if given is None:
        sys.stdout.write(from_scratch(render))
        return
    with psycopg.connect(given) as conn:
        sys.stdout.write(render(conn))


if __name__ == "__main__":
    main()
