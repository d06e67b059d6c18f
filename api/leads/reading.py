"""Reads lead lists as people really send them: JSON, NDJSON or CSV, each row judged by itself, good rows never lost.

Every reader yields `(row, reason)`: the row's fields and None, or what is left of it and a neutral reason.
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import email_validator
from pydantic import ValidationError

from api.errors import BadRequest, TooLarge, Unprocessable
from api.leads.schemas import PROFILE, LeadIn

MOST_ROWS = 10_000
LONGEST_RECORD = 20  # physical lines that one quoted CSV record may span
MOST_COLUMNS = 500
LONGEST_FIELD = 64 * 1024  # characters of one CSV cell
LONGEST_ADDRESS = 320
COLUMNS = {
    "email": "email", "e_mail": "email", "email_address": "email", "e_mail_address": "email", "mail": "email",
    "work_email": "email",
    "first_name": "first_name", "firstname": "first_name", "given_name": "first_name",
    "last_name": "last_name", "lastname": "last_name", "surname": "last_name", "family_name": "last_name",
    "company_name": "company_name", "company": "company_name", "organization": "company_name",
    "linkedin_url": "linkedin_url", "linkedin": "linkedin_url", "linkedin_profile": "linkedin_url",
    "linkedin_profile_url": "linkedin_url",
}  # fmt: skip

# Reserved names such as example.com are refused by default; a list made for a test is a list all the same.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

LINE = re.compile(rb"(?P<line>[^\r\n]+)|[\r\n]+")
NOBODY: dict[str, Any] = {"email": None, "linkedin_url": None}
Judged = tuple[dict[str, Any], str | None]


def read_rows(content_type: str, body: bytes) -> list[dict[str, Any]]:
    """Return every row of a request body with its `index` and, where it is invalid, its `reason`.

    Raises BadRequest or Unprocessable for what is wrong with the whole, and TooLarge past 10,000 rows.
    """
    if content_type == "text/csv":
        judged = _csv_rows(body)
    elif content_type == "application/x-ndjson":
        judged = (_json_row(line) for line in body.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip())
    else:
        judged = (_row(row) for row in _json_list(body))
    return [{**row, "index": index, "reason": reason} for index, (row, reason) in enumerate(_limited(judged))]


def _limited(rows: Iterable[Judged]) -> Iterator[Judged]:
    for number, row in enumerate(rows):
        if number >= MOST_ROWS:
            raise TooLarge(f"At most {MOST_ROWS:,} rows fit in one request; send the rest in another.")
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
            errors=[{"pointer": f"/{name}", "code": "extra_forbidden"} for name in unknown],
        )
    return document["leads"]


def _json_row(line: bytes) -> Judged:
    try:
        return _row(json.loads(line))
    except (ValueError, RecursionError):
        return NOBODY, "not_json"


def _row(value: Any) -> Judged:
    """Judge one row by the same model that the API documents."""
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
    echo = {name: _echo(fields.get(name)) for name in NOBODY}
    blank = [name for name in NOBODY if isinstance(fields.get(name), str) and not fields[name].strip()]
    try:
        lead = LeadIn.model_validate({**fields, **dict.fromkeys(blank)} if blank else value)
    except ValidationError as error:
        return echo, _reason(error, echo["email"])
    if lead.email is None and lead.linkedin_url is None:
        return echo, "missing_email"
    if lead.email is not None and not is_address(lead.email):
        return echo, "invalid_email"
    return lead.model_dump(), None


def _echo(shown: object) -> str | None:
    """Return an address as it was given, as far as it can be shown."""
    return _sendable(shown.replace("\0", "")[:500]) if isinstance(shown, str) else None


def _reason(error: ValidationError, email: str | None) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = first["loc"][0] if first["loc"] else ""
    if first["type"] in ("nul_character", "lone_surrogate"):
        return str(first["type"])
    if place == "email":
        return "invalid_email" if email and email.strip() else "missing_email"
    if first["type"] == "extra_forbidden":
        return "unknown_field"
    return f"invalid_{place}" if place in LeadIn.model_fields else "invalid_row"


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def is_address(text: str) -> bool:
    """Tell whether a text is an address that mail can be sent to, by its form alone."""
    if len(text) > LONGEST_ADDRESS:  # each label of a domain takes its time to be judged
        return False
    try:
        email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError:
        return False
    return True


def _csv_rows(body: bytes) -> Iterator[Judged]:
    lines = _lines(body)
    header_line = next((line for line in lines if line is None or line.strip()), None)
    if not header_line:
        raise Unprocessable("The file has no header row.", code="header_missing")
    delimiter = max(",;\t", key=header_line.count)
    try:
        names = next(csv.reader([header_line], delimiter=delimiter))
    except csv.Error:
        raise Unprocessable("The header row cannot be read; a name in it is too long.", code="header_missing") from None
    if len(names) > MOST_COLUMNS:
        raise Unprocessable(f"The file has more than {MOST_COLUMNS} columns.", code="too_many_columns")
    columns = [_column(name) or f"column_{number}" for number, name in enumerate(names, start=1)]
    if not {"email", "linkedin_url"} & set(columns):
        raise Unprocessable("The header row names no column `email` or `linkedin_url`.", code="email_column_missing")
    for cells, reason in _records(lines, delimiter, len(columns)):
        if reason is not None:
            yield NOBODY, reason
        elif any(cell.strip() for cell in cells):
            yield _row(_fields(columns, cells))
        else:
            yield NOBODY, "missing_email"


def _lines(body: bytes) -> Iterator[str | None]:
    """Yield the physical lines; None for one that is not UTF-8. Of a run of empty lines as many as a record may span
    are yielded: the rest can mean nothing, and a file may have millions."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        body = body.decode("utf-16", "replace").encode()
    for match in LINE.finditer(body.removeprefix(b"\xef\xbb\xbf")):
        if match["line"] is None:
            yield from itertools.repeat("", min(len(match[0]) - match[0].count(b"\r\n") - 1, LONGEST_RECORD))
            continue
        try:
            yield match["line"].decode()
        except UnicodeDecodeError:
            yield None


def _records(lines: Iterator[str | None], delimiter: str, width: int) -> Iterator[tuple[list[str], str | None]]:
    """Yield logical records. A quote that is never closed costs its own line, not the rest of the file."""
    pending = list(lines)
    at = 0
    while at < len(pending):
        line = pending[at]
        if line is None:
            yield [], "not_utf8"
        elif line.strip():
            record, used = _quoted(pending, at, delimiter, width)
            if record is None:
                yield [], "unclosed_quote"
            elif len(record) > width:
                yield [], "too_many_columns"
            elif max(map(len, record), default=0) > LONGEST_FIELD:
                yield [], "field_too_long"
            else:
                yield record, None
            at += used - 1
        at += 1


def _quoted(pending: list[str | None], at: int, delimiter: str, width: int) -> tuple[list[str] | None, int]:
    """Return the record that begins at a line and how many lines it takes; None when a quote never closes well."""
    text = pending[at] or ""
    for used in range(1, LONGEST_RECORD + 1):
        if text.count('"') % 2 == 0:
            records = _parsed(text, delimiter)
            whole = len(records) == 1 and (used == 1 or len(records[0]) == width)
            return (records[0], used) if whole else (None, 1)
        following = pending[at + used] if at + used < len(pending) else None
        if following is None:
            break
        text += "\n" + following
    return None, 1


def _parsed(text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return []


def _column(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    if slug[:1].isdigit():
        slug = f"c_{slug}"
    return COLUMNS.get(slug, slug[:50])


def _fields(columns: list[str], cells: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"custom": {}}
    for name, cell in zip(columns, cells, strict=False):
        value = cell.strip()
        if name == "linkedin_url" and value and not PROFILE.search(value):
            fields["custom"].setdefault(
                "linkedin", value
            )  # a handle, or a company's page: kept, though it names nobody
        elif name in LeadIn.model_fields and name != "custom":
            fields[name] = fields.get(name) or value or None
        elif value:
            fields["custom"].setdefault(name, value)
    return fields
