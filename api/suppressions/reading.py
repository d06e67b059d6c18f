"""Reads many entries at once, as JSON, NDJSON, CSV or a workbook, each judged by itself."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from pydantic import ValidationError

from api.errors import BadRequest, TooLarge, Unprocessable
from api.suppressions.entries import KINDS, REASONS, Entry, kind_of
from api.suppressions.schemas import SuppressionCreate
from api.tables.records import Record
from api.tables.table import WORKBOOK, read_table

MOST_ENTRIES = 10_000
MOST_FIELDS = 100
COLUMNS = {
    "email": "email", "e_mail": "email", "email_address": "email", "address": "email", "mail": "email",
    "domain": "domain", "website": "domain", "company_domain": "domain", "host": "domain",
    "linkedin_url": "linkedin_url", "linkedin": "linkedin_url", "profile": "linkedin_url",
    "profile_url": "linkedin_url",
    "value": "value", "entry": "value", "kind": "kind", "include_subdomains": "include_subdomains",
    "include_plus_tags": "include_plus_tags", "source_at": "source_at", "date": "source_at", "since": "source_at",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One row of a list: the entry, or the reason why there is none, and the value as it was given."""

    given: str | None
    entry: Entry | None = None
    reason: str | None = None
    subdomains: bool = True
    tags: bool = False
    source_at: datetime | None = None


def read_entries(media_type: str, document: Any, body: bytes, charset: str | None = None) -> list[Row]:
    """Return every row of a list. Raises what a list as a whole is refused with."""
    if media_type in ("text/csv", WORKBOOK):
        rows = _table(body, charset)
    elif media_type == "application/x-ndjson":
        rows = (json_row(line) for line in body.splitlines() if line.strip())
    else:
        rows = (_row(value) for value in document)
    read: list[Row] = []
    for row in rows:
        if len(read) == MOST_ENTRIES:
            raise TooLarge(f"At most {MOST_ENTRIES:,} entries fit in one request; send the rest in another.")
        read.append(row)
    return read


def read_json(body: bytes) -> Any:
    """Return a JSON body. Raises BadRequest for what is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.", code="invalid_json") from None


def row_of(made: SuppressionCreate) -> Row:
    """Return an entry that has been judged already."""
    ((_, given),) = made.chosen().items()
    return Row(given, made.entry(), None, made.include_subdomains, made.include_plus_tags, made.source_at)


def merged(rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """Return each entry once, by its key, as the database takes it: `place` is its first row, and it covers what any of
    its rows does."""
    entries: dict[str, dict[str, Any]] = {}
    for place, row in enumerate(rows):
        if row.entry is None:
            continue
        fresh = {
            "place": place, "kind": row.entry.kind, "value": row.entry.value, "key": row.entry.key, "subdomains": False,
            "tags": False, "source_at": row.source_at.isoformat() if row.source_at else None,
        }  # fmt: skip
        entry = entries.setdefault(row.entry.key, fresh)
        entry["subdomains"] |= row.subdomains
        entry["tags"] |= row.tags
    return entries


def json_row(line: bytes | str) -> Row:
    """Judge one line of NDJSON."""
    try:
        line.encode() if isinstance(line, str) else None
        return _row(json.loads(line))
    except (ValueError, RecursionError):
        return Row(None, reason="not_json")


def _row(value: Any) -> Row:
    fields = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    if len(fields) > MOST_FIELDS:
        return Row(None, reason="too_many_fields")
    given = next((str(fields[kind])[:500] for kind in KINDS if isinstance(fields.get(kind), str)), None)
    given = None if given is None else given.replace("\0", "").encode("utf-8", "replace").decode()
    try:
        return row_of(SuppressionCreate.model_validate(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = str(first["loc"][0]) if first["loc"] else ""
        known = str(first["type"])
        if known == "extra_forbidden":
            known = "unknown_field"
        elif place in KINDS and known not in REASONS:
            known = f"invalid_{place}"
        elif place not in KINDS and known != "exactly_one":
            known = f"invalid_{place}" if place else "invalid_entry"
        return Row(given, reason=known)


def column(name: str) -> str | None:
    """Return the field of an entry that a column of this name holds, or None."""
    return COLUMNS.get("_".join(name.strip().lower().replace("-", " ").split()))


def rank(names: Sequence[str]) -> int:
    """Return how many names of a header are known; 0 where none of them can be an entry."""
    known = set(map(column, names)) - {None}
    return len(known) if known & {*KINDS, "value"} else 0


def _table(body: bytes, charset: str | None) -> Iterator[Row]:
    table = read_table(body, rank, charset)
    columns = [column(name) for name in table.names]
    if not {*KINDS, "value"} & set(columns):
        raise Unprocessable(
            "The header row names no column `email`, `domain`, `linkedin_url` or `value`.", code="value_column_missing"
        )
    return (row_of_record(columns, record) for record in table.records)


def row_of_record(columns: Sequence[str | None], record: Record) -> Row:
    """Judge one record of a table."""
    if record.fault is not None:
        return Row(None, reason=record.fault)
    given = [(name, cell.strip()) for name, cell in zip(columns, record.cells, strict=False) if name and cell.strip()]
    kind = next((cell.lower() for name, cell in given if name == "kind"), "")
    named = [
        ((kind if kind in KINDS else kind_of(cell)) if name == "value" else name, cell)
        for name, cell in given
        if name != "kind"
    ]
    fields: dict[str, Any] = dict(named)
    # Two columns that name two people are two entries, of which one would be lost.
    return _row(fields) if len(fields) == len(set(named)) > 0 else Row(None, reason="exactly_one")
