"""Files of any length, read through a window: its records, and the place from which the next window goes on.

A window holds some MiB. What reaches its end might be another record with what follows, so it is left to the next
window, unless the window is the last one.
"""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from api.tables.encoding import Encoding
from api.tables.records import Record, Records, State, lines_of
from api.tables.table import fitted

LINE_END = re.compile(rb"\r\n?|\n")
TEXT_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True)
class Layout:
    """How a file was understood, which is all there is to know to go on reading it anywhere. `names` are the columns'
    of a table; NDJSON has none. A workbook is read as what `unpacked` makes of it, and its `separator` is None."""

    format: str
    encoding: str
    mark: int = 0
    names: Sequence[str] = ()
    separator: str | None = None
    sheet: str | None = None
    header_line: int | None = None
    are_quoted: bool = False


@dataclass(frozen=True)
class Place:
    """Between two records: at which byte, on which line, and what the reader of records has in mind."""

    offset: int
    line: int
    state: State | None = None


class Window:
    """A part of a file that begins at a place. Iterating yields records; `place` is behind the last one taken."""

    def __init__(self, layout: Layout, body: bytes, start: Place, *, is_last: bool) -> None:
        self._layout, self._start, self._is_last = layout, start, is_last
        self._encoding = Encoding(layout.encoding, layout.mark)
        self._body = body if is_last else body[: whole_lines(body, self._encoding)]
        self._state: State | None = start.state
        self._line = start.line
        self._passed = (0, 0)  # lines, and the byte behind them

    @property
    def text(self) -> str:
        """The lines that are whole. A line of JSON that is not UTF-8 is to be seen to be none."""
        if self._layout.format == "ndjson":
            return self._body.decode("utf-8", "surrogateescape")
        return self._encoding.decode(self._body)

    @property
    def place(self) -> Place:
        """Where to go on."""
        return Place(self._start.offset + self._byte_of(self._line - self._start.line), self._line, self._state)

    def at_line(self, line: int) -> Place:
        """Return where a line of the window begins."""
        return Place(self._start.offset + self._byte_of(line - self._start.line), line)

    def __iter__(self) -> Iterator[Record]:
        """Yield the records that are whole."""
        text = self.text
        if self._layout.separator is None:
            yield from self._of_lines(text)
            return
        lines = lines_of(text, are_quoted=self._layout.are_quoted)
        records = Records(lines, self._layout.separator, line=self._start.line)
        records.width = len(self._layout.names)
        if self._start.state is not None:
            records.resume(self._start.state)
        for record in fitted(records, records.width):
            if records.saw_end and not self._is_last:
                return
            self._state, self._line = records.state, records.state[0]
            yield record
        if not records.saw_end or self._is_last:
            self._state, self._line = records.state, records.state[0]

    def _of_lines(self, text: str) -> Iterator[Record]:
        """Yield lines that are a record each: JSON, or what a workbook was made into."""
        is_table = bool(self._layout.names)
        for line in lines_of(text):
            at = self._line
            self._line += 1
            if not line.strip(" \t\r\n\v\f"):
                continue
            if is_table:
                yield next(fitted([_packed(line)], len(self._layout.names)))
            else:
                yield Record(at, [line])

    def _byte_of(self, lines: int) -> int:
        """Return the byte behind so many lines of the window."""
        passed, at = self._passed
        if self._encoding.width > 1:
            text = self._encoding.decode(self._body[at:])
            ends = (match.end() for match in TEXT_LINE_END.finditer(text))
            end = next(itertools.islice(ends, lines - passed - 1, None), len(text)) if lines > passed else 0
            at += len(text[:end].encode(self._encoding.name, "surrogatepass"))
        elif lines > passed:
            ends = (match.end() for match in LINE_END.finditer(self._body, at))
            at = next(itertools.islice(ends, lines - passed - 1, None), len(self._body))
        self._passed = lines, at
        return at


def whole_lines(body: bytes, encoding: Encoding) -> int:
    """Return how many bytes of a part that goes on are whole lines; 0 where none is. A line ends with a line feed, or
    in a part that has none with a carriage return."""
    width = encoding.width
    size = len(body) - len(body) % width
    for sign in "\n\r":
        unit = sign.encode(encoding.name) if width > 1 else sign.encode()
        end = size
        while (end := body.rfind(unit, 0, end)) >= 0:
            if end % width == 0 and not (sign == "\r" and end + width == size):  # a line feed may follow
                return end + width
            end += width - 1
    return 0


def unpacked(records: Iterator[Record]) -> Iterator[bytes]:
    """Yield the rows of a workbook as lines that a window reads."""
    return (
        json.dumps([record.line, record.cells, record.fault], ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        for record in records
    )


def _packed(line: str) -> Record:
    row: list[Any] = json.loads(line)
    return Record(row[0], row[1], row[2])
