"""CSV as people's programs write it: a header, and records of which one that cannot be read costs no other."""

import csv
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from api.errors import Unprocessable

LONGEST_RECORD = 20  # physical lines that one quoted CSV record may span
MOST_COLUMNS = 500
LONGEST_FIELD = 64 * 1024  # characters of one CSV cell
LINE = re.compile(rb"(?P<line>[^\r\n]+)|[\r\n]+")


@dataclass(frozen=True)
class Table:
    """The names of the columns, and each record with None, or what is left of it with a neutral reason."""

    names: list[str]
    records: Iterator[tuple[list[str], str | None]]


def read_csv(body: bytes) -> Table:
    """Read a file's header and return its records. Raises Unprocessable where there is no header."""
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
    return Table(names, _records(lines, delimiter, len(names)))


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
