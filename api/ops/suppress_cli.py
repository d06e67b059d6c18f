"""`outbound suppress`: the platform's do-not-contact list, which binds every organization and is shown to none."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from api.db.queries import beside
from api.errors import Problem
from api.ops.organizations_cli import run
from api.ops.stopping import stopped
from api.organizations.operator import Operator
from api.suppressions.entries import EntryError, kind_of, read_entry
from api.suppressions.reading import Row, merged, read_entries
from providers.identity import untagged

SQL = beside(__file__, "suppress.sql")
suppress_app = typer.Typer(no_args_is_help=True, help="People and domains that no organization may contact.")
MEDIA_TYPES = {".csv": "text/csv", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson"}


@suppress_app.command("add")
def add(
    values: Annotated[list[str], typer.Argument(help="Addresses, domains or links to LinkedIn profiles.")],
    *,
    subdomains: Annotated[bool, typer.Option(help="Of a domain: those below it too.")] = True,
    plus_tags: Annotated[bool, typer.Option(help="Of an address: jo+…@ with jo@.")] = False,
) -> None:
    """Add entries. No lead is handed over from then on; one that was before is stopped within minutes."""
    rows: list[Row] = []
    for value in values:
        try:
            entry = read_entry(kind_of(value), value, tags=plus_tags)
        except EntryError as error:
            raise stopped(f"{value}: {error}") from None
        rows.append(Row(value, entry, None, subdomains, plus_tags))
    _put(rows, "manual")


@suppress_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV or NDJSON file.")],
) -> None:
    """Add the entries of a file, at most 10,000; each that is refused is named with its reason."""
    media_type = MEDIA_TYPES.get(file.suffix.lower())
    if media_type is None:
        raise stopped("Give a file that ends with .csv, .ndjson or .jsonl.")
    try:
        rows = read_entries(media_type, None, file.read_bytes())
    except Problem as problem:
        raise stopped(problem.detail) from None
    for place, row in enumerate(rows, start=1):
        if row.entry is None:
            typer.echo(f"row {place}: {row.given or ''}: {row.reason}", err=True)
    _put([row for row in rows if row.entry is not None], "import")


@suppress_app.command("remove")
def remove(value: str) -> None:
    """Take an entry off the list. No lead that was stopped comes back by this."""
    try:
        key = read_entry(kind_of(value), value).key
    except EntryError as error:
        raise stopped(f"{value}: {error}") from None

    async def work(operator: Operator) -> object:
        async with operator.db.by_operator(operator.subject) as tx:
            bare = untagged(key) if "@" in key else key
            return await tx.one(SQL.delete_platform_suppression, {"key": key, "bare": bare})

    if run(work) is None:
        raise stopped("There is no such entry.")
    typer.echo("removed")


@suppress_app.command("list")
def list_entries() -> None:
    """Print the whole list, an entry a line."""

    async def work(operator: Operator) -> None:
        after = ""
        while True:
            async with operator.db.by_operator(operator.subject) as tx:
                rows = await tx.many(SQL.list_platform_suppressions, {"after": after})
            for row in rows:
                typer.echo(f"{row['created_at']:%Y-%m-%d}  {row['kind']:<12} {row['source']:<7} {row['value']}")
            if len(rows) < 1000:
                return
            after = rows[-1]["key"]

    run(work)


def _put(rows: Sequence[Row], source: str) -> None:
    entries = merged(rows)

    async def work(operator: Operator) -> int:
        async with operator.db.by_operator(operator.subject) as tx:
            params = {"entries": json.dumps(list(entries.values())), "source": source}
            return sum(row["is_new"] for row in await tx.many(SQL.put_platform_suppressions, params))

    added = run(work) if entries else 0
    typer.echo(f"{added} added, {len(entries) - added} known")
