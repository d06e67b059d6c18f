"""Reads lead lists as people really send them: JSON, NDJSON or CSV, each row judged by itself, good rows never lost.

Every reader yields `(row, reason)`: the row's fields and None, or what is left of it and a neutral reason.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from pydantic import ValidationError

from api.errors import BadRequest, TooLarge, Unprocessable
from api.http.addresses import is_address
from api.http.records import read_csv
from api.leads.schemas import LeadIn
from providers.identity import profile_key

MOST_ROWS = 10_000
COLUMNS = {
    "email": "email", "e_mail": "email", "email_address": "email", "e_mail_address": "email", "mail": "email",
    "work_email": "email",
    "first_name": "first_name", "firstname": "first_name", "given_name": "first_name",
    "last_name": "last_name", "lastname": "last_name", "surname": "last_name", "family_name": "last_name",
    "company_name": "company_name", "company": "company_name", "organization": "company_name",
    "linkedin_url": "linkedin_url", "linkedin": "linkedin_url", "linkedin_profile": "linkedin_url",
    "linkedin_profile_url": "linkedin_url",
}  # fmt: skip

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
            errors=[{"pointer": f"/{_sendable(name)}", "code": "extra_forbidden"} for name in unknown],
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


def _csv_rows(body: bytes) -> Iterator[Judged]:
    table = read_csv(body)
    columns = [_column(name) or f"column_{number}" for number, name in enumerate(table.names, start=1)]
    if not {"email", "linkedin_url"} & set(columns):
        raise Unprocessable("The header row names no column `email` or `linkedin_url`.", code="email_column_missing")
    for cells, reason in table.records:
        if reason is not None:
            yield NOBODY, reason
        elif any(cell.strip() for cell in cells):
            yield _row(_fields(columns, cells))
        else:
            yield NOBODY, "missing_email"


def _column(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    if slug[:1].isdigit():
        slug = f"c_{slug}"
    return COLUMNS.get(slug, slug[:50])


def _fields(columns: list[str], cells: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"custom": {}}
    for name, cell in zip(columns, cells, strict=False):
        value = cell.strip()
        if name == "linkedin_url" and value and profile_key(value) is None:
            fields["custom"].setdefault(
                "linkedin", value
            )  # a handle, or a company's page: kept, though it names nobody
        elif name in LeadIn.model_fields and name != "custom":
            fields[name] = fields.get(name) or value or None
        elif value:
            fields["custom"].setdefault(name, value)
    return fields
