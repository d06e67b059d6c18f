"""A table out of a file: where its header is, what separates its cells, and its records one after the other."""

import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from api.errors import Unprocessable
from api.tables.encoding import decode
from api.tables.foreign import refuse_foreign
from api.tables.records import LONGEST_CELL, NAMES, Record, Records, State, lines_of
from api.tables.workbook import Workbook, is_workbook

MOST_COLUMNS = 500
SEPARATORS = (",", ";", "\t", "|")
SAID_SEPARATORS = ",;\t|:^~#/&+*!$%"
LOOKED_AT = 25  # records in which the header is looked for
LONGEST_NAME = 4096  # of a cell above the records: a quote that closes later was never opened
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
    is_book = is_workbook(io.BytesIO(body))
    refuse_foreign(body, is_book=is_book)
    if is_book:
        return _workbook(body, rank)
    text = decode(body, charset)
    header = find_header(text.text, text.encoding, rank)
    lines = itertools.islice(lines_of(text.text, are_quoted=header.are_quoted), header.state[0] - 1, None)
    records = Records(lines, header.separator)
    records.resume(header.state)
    width = records.width = len(header.record.cells)
    rows = fitted(records, width)
    return Table(header.record.cells, rows, "csv", header.record.line, text.encoding, header.separator)


@dataclass(frozen=True)
class Header:
    """The record that names the columns, how the records behind it begin, what separates cells, and whether each line
    is in quotes as a whole."""

    record: Record
    state: State
    separator: str
    are_quoted: bool


def find_header(text: str, encoding: str, rank: Rank) -> Header:
    """Return the header of a text, of which the beginning will do. Raises Unprocessable where there is none."""
    separators, skipped = _said_separator(text)
    start = text[skipped:][:LOOKED_THROUGH]
    line = 2 if skipped else 1
    likely: list[tuple[int, Record | None, Header | None]] = []
    for are_quoted in (False, True):
        for each in separators:
            lines = list(lines_of(start, are_quoted=are_quoted))
            reader = _Remembering(lines, each, line)
            known, record = _header(reader, rank)
            found = None if record is None else Header(*reader.whole(record), each, are_quoted)
            likely.append((known, record, found))
        if any(known for known, *_ in likely):
            break
    _, _, header = max(likely, key=lambda found: (found[0], _breadth(found[1])))
    if header is None:
        raise Unprocessable(f"The file, read as {encoding}, has no header row.", code="header_missing")
    _check(header.record)
    return header


class _Remembering:
    """The first records of a text, of which each remembers what the reader had in mind behind it."""

    def __init__(self, lines: Sequence[str], separator: str, line: int) -> None:
        self._lines, self._separator, self._first = lines, separator, line
        self._states: dict[int, State] = {}

    def __iter__(self) -> Iterator[Record]:
        records = Records(self._lines, self._separator, line=self._first, span=LONGEST_NAME)
        for record in records:
            self._states[record.line] = records.state
            yield record

    def whole(self, record: Record) -> tuple[Record, State]:
        """Return a header and how reading goes on behind it. One that goes on in lines with people in them has a quote
        that was never closed: it ends with its first line."""
        line, _, is_uncertain, uncertain_cell, _, to_report = self._states[record.line]
        at = record.line - self._first
        below = self._lines[at + 1 : at + line - record.line]
        if any(NAMES.fullmatch(cell[:300]) for text in below for cell in text.split(self._separator)):
            cells = [cell.strip().strip('"') for cell in self._lines[at].split(self._separator)]
            record, line, is_uncertain, to_report = Record(record.line, cells), record.line + 1, False, 0
        return record, (line, 0, is_uncertain, uncertain_cell, 0, to_report)


def _said_separator(text: str) -> tuple[tuple[str, ...], int]:
    """Return what may separate cells, and how much of the text says so: a first line `sep=;`, as Excel writes it."""
    first = text[:16].splitlines()[0] if text else ""
    said = first.strip().strip('"')
    if said.lower().startswith("sep=") and len(said) == 5 and said[4] in SAID_SEPARATORS:
        end = len(first) + (2 if text.startswith("\r\n", len(first)) else 1)
        return (said[4],), end
    if said.lower() == "sep=":  # a tab, which was trimmed away
        return ("\t",), len(first) + (2 if text.startswith("\r\n", len(first)) else 1)
    return SEPARATORS, 0


def _header(records: Iterable[Record], rank: Rank) -> tuple[int, Record | None]:
    """Return the record that is most likely the header, and how many of its names are known; else the first."""
    seen = list(itertools.islice(records, LOOKED_AT))
    best: Record | None = None
    most = (0, 0, False)
    for record, below in itertools.zip_longest(seen, seen[1:]):
        if record is None or len(record.cells) > MOST_COLUMNS:
            continue
        # Of two that are known alike the wider one, since a title is one cell; then the one above a person.
        is_above = below is not None and any(NAMES.fullmatch(cell[:300]) for cell in below.cells)
        known = (rank(record.cells), sum(map(bool, map(str.strip, record.cells))), is_above)
        if known[0] and known > most:
            best, most = record, known
    return (most[0], best) if best is not None else (0, seen[0] if seen else None)


def _breadth(header: Record | None) -> int:
    return 0 if header is None else len(header.cells)


def _check(header: Record) -> None:
    if len(header.cells) > MOST_COLUMNS:
        raise Unprocessable(f"The file has more than {MOST_COLUMNS} columns.", code="too_many_columns")
    if max(map(len, header.cells)) > LONGEST_CELL:
        raise Unprocessable("The header row cannot be read; a name in it is too long.", code="header_missing")


def fitted(records: Iterable[Record], width: int) -> Iterator[Record]:
    """Cut surplus cells that are empty; what stands in one says that the others may be in the wrong place."""
    for record in records:
        cells, fault = record.cells, record.fault
        while len(cells) > width and not cells[-1].strip():
            del cells[-1]
        if fault is None and len(cells) > width:
            fault = "too_many_columns"
        yield Record(record.line, cells, fault)


def _workbook(body: bytes, rank: Rank) -> Table:
    return read_workbook(Workbook(io.BytesIO(body), MOST_COLUMNS), rank)


def read_workbook(book: Workbook, rank: Rank) -> Table:
    """Return the sheet of a workbook that is most likely the list. Raises Unprocessable where none has a header."""
    sheets: dict[str, tuple[list[Record], Iterator[Record]]] = {}
    for name in book.sheets:
        records = book.records(name)
        sheets[name] = list(itertools.islice(records, LOOKED_AT)), records
    headers = {name: _header(first, rank) for name, (first, _) in sheets.items()}
    sheet = max(headers, key=lambda name: (headers[name][0], headers[name][1] is not None), default=None)
    header = headers[sheet][1] if sheet is not None else None
    if sheet is None or header is None:
        raise Unprocessable("The workbook has no visible sheet with anything in it.", code="header_missing")
    _check(header)
    first, rest = sheets[sheet]
    below = (record for record in itertools.chain(first, rest) if record.line > header.line)
    return Table(header.cells, fitted(below, len(header.cells)), "xlsx", header.line, sheet=sheet)
