"""A table out of a file: where its header is, what separates its cells, and its records one after the other."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from api.errors import Unprocessable
from api.tables.encoding import decode
from api.tables.foreign import refuse_foreign
from api.tables.records import LONGEST_CELL, Record, Records, lines_of
from api.tables.workbook import Workbook, first_of, is_workbook

MOST_COLUMNS = 500
SEPARATORS = (",", ";", "\t", "|")
LOOKED_AT = 25  # records in which the header is looked for
LOOKED_THROUGH = 256 * 1024  # signs
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Rank = Callable[[Sequence[str]], int]
"""How many names of a header are known to whoever reads the table; 0 for what cannot be its header."""


@dataclass(frozen=True)
class Table:
    """The names of the columns, the records below them, and how the file was understood."""

    names: list[str]
    records: Iterator[Record]
    format: str
    header_line: int
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None


def read_table(body: bytes, rank: Rank, charset: str | None = None) -> Table:
    """Read a CSV file or a workbook, whichever it is. Each record has as many cells as there are names, or fewer.

    A record's `fault`, where it has one, is `unclosed_quote` or `too_many_columns`. Raises Unprocessable for what is no
    table, TooLarge for what unpacks to too much.
    """
    refuse_foreign(body)
    if is_workbook(body):
        return _workbook(body, rank)
    text = decode(body, charset)
    separators, skipped = _said_separator(text.text)
    start = text.text[skipped:][:LOOKED_THROUGH]
    found = max(
        ((*_header(Records(lines_of(start), each), rank), each) for each in separators),
        key=lambda header: (header[0], _breadth(header[1])),
    )
    _, header, separator = found
    if header is None:
        raise Unprocessable(f"The file, read as {text.encoding}, has no header row.", code="header_missing")
    _check(header)
    records = Records(lines_of(text.text[skipped:]), separator)
    rest = iter(records)
    for record in rest:
        if record.line >= header.line:
            break
    records.width = len(header.cells)

    line = header.line + (1 if skipped else 0)
    return Table(
        header.cells, _fitted(rest, len(header.cells), 1 if skipped else 0), "csv", line, text.encoding, separator
    )


def _said_separator(text: str) -> tuple[tuple[str, ...], int]:
    """Return what may separate cells, and how much of the text says so: a first line `sep=;`, as Excel writes it."""
    first = text[:16].splitlines()[0] if text else ""
    said = first.strip().strip('"')
    if said.lower().startswith("sep=") and len(said) == 5:
        end = len(first) + (2 if text.startswith("\r\n", len(first)) else 1)
        return (said[4],), end
    if said.lower() == "sep=":  # a tab, which was trimmed away
        return ("\t",), len(first) + (2 if text.startswith("\r\n", len(first)) else 1)
    return SEPARATORS, 0


def _header(records: Iterator[Record] | Records, rank: Rank) -> tuple[int, Record | None]:
    """Return the record that is most likely the header, and how many of its names are known; else the first."""
    first: Record | None = None
    best: tuple[int, Record | None] = (0, None)
    for record in itertools.islice(records, LOOKED_AT):
        first = first or record
        if len(record.cells) <= MOST_COLUMNS and (known := rank(record.cells)) > best[0]:
            best = known, record
    return best if best[1] is not None else (0, first)


def _breadth(header: Record | None) -> int:
    return 0 if header is None else len(header.cells)


def _check(header: Record) -> None:
    if len(header.cells) > MOST_COLUMNS:
        raise Unprocessable(f"The file has more than {MOST_COLUMNS} columns.", code="too_many_columns")
    if max(map(len, header.cells)) > LONGEST_CELL:
        raise Unprocessable("The header row cannot be read; a name in it is too long.", code="header_missing")


def _fitted(records: Iterator[Record], width: int, further: int = 0) -> Iterator[Record]:
    """Cut surplus cells that are empty; what stands in one says that the others may be in the wrong place."""
    for record in records:
        cells, fault = record.cells, record.fault
        while len(cells) > width and not cells[-1].strip():
            del cells[-1]
        if fault is None and len(cells) > width:
            fault = "too_many_columns"
        yield Record(record.line + further, cells, fault)


def _workbook(body: bytes, rank: Rank) -> Table:
    book = Workbook(body, MOST_COLUMNS)
    headers = {sheet: _header(book.records(sheet), rank) for sheet in book.sheets}
    sheet = max(headers, key=lambda name: headers[name][0], default=None) or first_of(book.sheets)
    if not headers[sheet][0]:
        sheet = next((name for name in book.sheets if headers[name][1] is not None), sheet)
    header = headers[sheet][1]
    if header is None:
        raise Unprocessable("The workbook is empty.", code="header_missing")
    _check(header)
    rest = itertools.dropwhile(lambda record: record.line <= header.line, book.records(sheet))
    return Table(header.cells, _fitted(rest, len(header.cells)), "xlsx", header.line, sheet=sheet)
