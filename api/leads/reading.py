"""Reads lead lists as people really send them, each row judged by itself, good rows never lost.

What is wrong with a field that a row can do without costs that field alone, and is said in the row's notes.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.errors import BadRequest, TooLarge, Unprocessable
from api.http.addresses import is_address
from api.leads.columns import Column, columns_of, rank, read_map
from api.leads.schemas import LeadIn
from api.tables.records import Record
from api.tables.table import WORKBOOK, read_table
from providers.identity import profile_key

MOST_ROWS = 10_000
MOST_CUSTOM = 200
MOST_FIELDS = 1000  # of a row in JSON, which could not all be said to be unknown
SAMPLE = 200  # rows by which the columns are judged
MEDIA_TYPES = ("application/json", "text/csv", "application/x-ndjson", WORKBOOK)
KEYS = ("email", "linkedin_url")
# What parts several addresses, and a name from its address. A blank does not: what is left of "a b@…" is another one's.
BETWEEN = re.compile(r"(?i)[;,|<>\n\r]|\s:::\s|\s/\s|mailto:")
ALWAYS_SAID = ("nul_character", "lone_surrogate")


@dataclass
class LeadRow:
    """One row of a list. `given` are its address and profile as written, `reason` says why nobody can be made of it,
    `notes` name the fields that were not taken as given. `line` is where it begins in a file."""

    index: int
    line: int | None
    given: dict[str, str | None]
    lead: LeadIn
    reason: str | None = None
    notes: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def missing(self, name: str) -> str:
        """Return why the row has no address or no profile."""
        return next((note["code"] for note in self.notes if note["field"] == name), f"missing_{name}")


@dataclass(frozen=True)
class LeadList:
    """A list as it was understood: `columns` and what follows are a file's."""

    format: str
    rows: Iterator[LeadRow]
    columns: list[Column] | None = None
    header_line: int | None = None
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None

    def shown_columns(self) -> list[dict[str, str | None]] | None:
        """Return the columns as the API shows them."""
        columns = self.columns
        return None if columns is None else [{"column": each.name, "field": each.field} for each in columns]


def read_list(content_type: str, body: bytes, *, charset: str | None = None, said: str | None = None) -> LeadList:
    """Return a request body's rows, which are read as they are taken. `said` is the query parameter `map`.

    Raises BadRequest or Unprocessable for what is wrong with the whole; taking the rows raises TooLarge past 10,000.
    """
    columns = read_map(said) if said else None
    if content_type in ("text/csv", WORKBOOK):
        return _table(body, charset, columns)
    if columns is not None:
        raise Unprocessable("`map` names columns of a file; JSON has none.", code="map_invalid")
    if content_type == "application/x-ndjson":
        lines = body.removeprefix(b"\xef\xbb\xbf").splitlines()
        rows = (json_row(number, line) for number, line in enumerate(lines, start=1) if line.strip())
        return LeadList("ndjson", _numbered(rows))
    return LeadList("json", _numbered(_row(value) for value in _json_list(body)))


def _numbered(rows: Iterable[LeadRow]) -> Iterator[LeadRow]:
    for number, row in enumerate(rows):
        if number >= MOST_ROWS:
            raise TooLarge(f"At most {MOST_ROWS:,} rows fit in one request; send the rest in another.")
        row.index = number
        yield row


def _json_list(body: bytes) -> list[Any]:
    try:
        document = cast("dict[str, Any]", json.loads(body))
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.", code="invalid_json") from None
    if not isinstance(document, dict) or not isinstance(document.get("leads"), list):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise Unprocessable(
            'Send an object like {"leads": [{"email": "…"}]}.',
            errors=[{"pointer": "/leads", "code": "missing"}],
        )
    if unknown := sorted(set(document) - {"leads"}):
        raise Unprocessable(
            "The body has a field that is not known here.",
            errors=[{"pointer": f"/{_sendable(name)}", "code": "extra_forbidden"} for name in unknown],
        )
    return document["leads"]


def json_row(line: int, text: bytes | str) -> LeadRow:
    """Judge one line of NDJSON."""
    try:
        text.encode() if isinstance(text, str) else None
        return _row(json.loads(text), line)
    except (ValueError, RecursionError):
        return _nobody(line, "not_json")


def _nobody(line: int | None, reason: str) -> LeadRow:
    return LeadRow(0, line, dict.fromkeys(KEYS), LeadIn.model_construct(), reason)


def _row(value: Any, line: int | None = None, notes: Sequence[dict[str, str]] = ()) -> LeadRow:
    """Judge one row by the same model that the API documents, leaving out what is wrong with it."""
    if not isinstance(value, dict):
        return _nobody(line, "invalid_row")
    fields = cast("dict[str, Any]", value)
    if len(fields) > MOST_FIELDS:
        return _nobody(line, "too_many_fields")
    given = {name: _echo(fields.get(name)) for name in KEYS}
    said = list(notes)
    blank = [name for name in KEYS if isinstance(fields.get(name), str) and not fields[name].strip()]
    wanted = {**fields, **dict.fromkeys(blank)} if blank else fields
    try:
        lead = LeadIn.model_validate(wanted)
    except ValidationError as error:
        lead = _without(wanted, error, said)
    if lead.email is not None and not is_address(lead.email):
        said.append(_note("email", "invalid_email"))
        lead.email = None
    row = LeadRow(0, line, given, lead, None, said)
    if lead.email is None and lead.linkedin_url is None:
        wrong = (note["code"] for note in said if note["field"] in KEYS)
        row.reason = next(wrong, "missing_email")
    return row


def _without(fields: dict[str, Any], error: ValidationError, notes: list[dict[str, str]]) -> LeadIn:
    """Return what is left of a row without the fields that are wrong, and note those."""
    left = dict(fields)
    keys: set[Any] = set()
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        name, *place = fault["loc"]
        is_key = name == "custom" and bool(place) and isinstance(fields.get("custom"), dict)
        if is_key:
            keys.add(place[0])
        else:
            left.pop(str(name), None)
        notes.append(_note(f"custom.{place[0]}" if is_key else str(name), _code(fault)))
    if keys:
        left["custom"] = {key: value for key, value in left["custom"].items() if key not in keys}
    return LeadIn.model_validate(left)


def _code(fault: ErrorDetails) -> str:
    if fault["type"] in ALWAYS_SAID:
        return str(fault["type"])
    name = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        return "unknown_field"
    if fault["type"] in ("too_long", "string_too_long") and name not in KEYS:
        return "too_long"
    return f"invalid_{name}"


def _note(name: str, code: str) -> dict[str, str]:
    return {"field": _sendable(name.replace("\0", ""))[:100], "code": code}


def _echo(shown: object) -> str | None:
    """Return an address as it was given, as far as it can be shown."""
    return _sendable(shown.replace("\0", "")[:500]) if isinstance(shown, str) else None


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _table(body: bytes, charset: str | None, said: Mapping[str, str | None] | None) -> LeadList:
    def known(names: Sequence[str]) -> int:
        return rank(names, said)

    table = read_table(body, known, charset)
    sample = list(itertools.islice(table.records, SAMPLE))
    columns = columns_of(table.names, [record.cells for record in sample if record.fault is None], said)
    rows = (row_of_record(columns, record) for record in itertools.chain(sample, table.records))
    return LeadList(
        table.format, _numbered(rows), columns, table.header_line, table.encoding, table.separator, table.sheet
    )


def row_of_record(columns: Sequence[Column], record: Record) -> LeadRow:
    """Judge one record of a table."""
    if record.fault is not None:
        row = _nobody(record.line, record.fault)
        row.given["email"] = next((_echo(cell.strip()) for cell in record.cells if is_address(cell)), None)
        return row
    fields: dict[str, Any] = {}
    custom: dict[str, str] = {}
    notes: list[dict[str, str]] = []
    for column, cell in zip(columns, record.cells, strict=False):
        value = cell.strip()
        if not value or column.field is None:
            continue
        if not column.field.startswith("custom."):
            fields[column.field] = value
        elif len(custom) < MOST_CUSTOM:
            custom[column.field.removeprefix("custom.")] = value
        else:
            notes.append(_note(column.field, "too_many_fields"))
    if (email := fields.get("email")) and "@" in email and not is_address(email):
        _first_address(fields, notes)
    for column, cell in zip(columns, record.cells, strict=False):
        name = column.stands_in
        if name and not _is_good(name, fields.get(name)) and _is_good(name, cell.strip()):
            fields[name] = cell.strip()
            notes.append(_note(name, "from_other_column"))
    return _row({**fields, "custom": custom}, record.line, notes)


def _first_address(fields: dict[str, Any], notes: list[dict[str, str]]) -> None:
    """Take the first address of a cell with several, or with a name around it."""
    cell: str = fields["email"][:2000]
    parts = [part.strip() for part in BETWEEN.split(cell) if part.strip()]
    found = [part for part in parts if is_address(part)]
    # What follows an address and is none may have been its end, as in "jo@mail.example,com".
    if found and parts[-len(found) :] == found:
        fields["email"] = found[0]
        notes.append(_note("email", "several" if len(found) > 1 else "taken_out_of_its_cell"))


def _is_good(name: str, value: str | None) -> bool:
    if not value:
        return False
    return is_address(value) if name == "email" else profile_key(value) is not None
