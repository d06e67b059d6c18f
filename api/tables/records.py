"""The records of a text file as programs write and people mend them, of which one that is broken costs no other.

A cell may be quoted and may then span lines. What only looks like the beginning of such a cell, an inch mark or a quote
that is never closed, is a quote like any other sign. Where it stays uncertain, the lines are reported and not read: an
address in a person's note must not become a record. Every sign is looked at a bounded number of times.
"""

import io
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LONGEST_CELL = 64 * 1024
MOST_CELLS = 1000  # of a record with quotes; what is behind them is of no table that is read
LONGEST_SPAN = 1024 * 1024  # signs of one quoted cell, past which its quote counts as never closed
BLANK = " \t\xa0"
MOST_LINES_ON = 200  # that a record with a quote that was not doubled is taken to go on
# A cell that names a person: an address, or a link to a profile.
NAMES = re.compile(
    r"""[\s"'<]*+(?:[^\s@"',;<>]++@[^\s@"',;<>.]++(?:\.[^\s@"',;<>.]++)++|\S{0,20}linkedin\.com/[^\s"']++)[\s"'>]*+"""
)


@dataclass(frozen=True)
class Record:
    """One record: `line` counts from 1, and is where it begins. `fault` says why it cannot be read."""

    line: int
    cells: list[str]
    fault: str | None = None


def lines_of(text: str, *, are_quoted: bool = False) -> Iterator[str]:
    """Yield the lines without their ends, which are any program's. A program that takes each line for one cell puts it
    in quotes as a whole: `are_quoted` takes them off again."""
    lines = (line.rstrip("\n") for line in io.StringIO(text, newline=None))
    return (_unquoted(line) for line in lines) if are_quoted else lines


def _unquoted(line: str) -> str:
    cell = line.strip()
    is_quoted = len(cell) > 1 and cell.startswith('"') and cell.endswith('"')
    return cell[1:-1].replace('""', '"') if is_quoted else line


State = tuple[int, int, bool, int, int, int]


class Records:
    """Reads records off lines. `width` is the number of columns, once the header is known; `span` bounds how long a
    quoted cell may be. `saw_end` says that the last record, or what was looked at for its sake, reaches the end of the
    lines: with more of them it might be another one."""

    def __init__(self, lines: Iterable[str], delimiter: str, *, line: int = 1, span: int = LONGEST_SPAN) -> None:
        self.saw_end = False
        self._source = iter(lines)
        self._ahead: deque[str] = deque()
        self._line = line  # the next one's number
        self._delimiter = delimiter
        self._span = span
        self._barren = 0  # no cell that goes on in a line up to this one closes
        self._is_uncertain = False  # a quote was never closed: what follows may belong to its cell
        self._uncertain_cell = 0  # which cell that is
        self._literal = 0  # the line on which no more quotes open a cell
        self._to_report = 0  # lines that belong to a record that cannot be read
        self.width: int | None = None

    @property
    def state(self) -> State:
        """What there is to remember between two records, the next line's number first: `resume` goes on with it."""
        return (
            self._line, self._barren, self._is_uncertain, self._uncertain_cell, self._literal, self._to_report
        )  # fmt: skip

    def resume(self, state: State) -> None:
        """Go on from a place between two records; the lines begin there."""
        self._line, self._barren, self._is_uncertain, self._uncertain_cell, self._literal, self._to_report = state

    def __iter__(self) -> Iterator[Record]:
        """Yield every record that holds something."""
        yield from self._reported()
        ahead, source = self._ahead, self._source
        while (text := ahead.popleft() if ahead else next(source, None)) is not None:
            if '"' in text:
                ahead.appendleft(text)
                yield from self._quoted(text)
                continue
            at = self._line
            self._line += 1
            if not text or text.isspace():
                continue
            cells = text.split(self._delimiter)
            if self._is_uncertain and self.width is not None:
                self._is_uncertain = len(cells) < self.width
            if any(map(str.strip, cells)):
                yield Record(at, cells, "unclosed_quote" if self._is_uncertain else None)

    def _look(self, ahead: int) -> str | None:
        """Return a line that is to come, or None behind the last."""
        while len(self._ahead) <= ahead:
            line = next(self._source, None)
            if line is None:
                self.saw_end = True
                return None
            self._ahead.append(line)
        return self._ahead[ahead]

    def _take(self, lines: int) -> None:
        for _ in range(lines):
            self._ahead.popleft()
        self._line += lines

    def _quoted(self, text: str) -> Iterator[Record]:
        """Yield the record that begins with a line with quotes in it."""
        at, was_uncertain = self._line, self._is_uncertain
        self._is_uncertain = False
        cells, used = self._cells(text)
        if self._is_uncertain and self.width is not None and self._uncertain_cell + 1 < len(cells) == self.width:
            self._is_uncertain = False  # the record is whole, and goes on behind the cell
        if was_uncertain and self.width is not None and used == 1 and len(cells) < self.width:
            self._is_uncertain = True
            self._take(1)
            yield Record(at, cells, "unclosed_quote")
        elif used > 1 and self._are_records(used):
            self._to_report = used
            yield from self._reported()
        else:
            self._to_report = self._goes_on(cells) if used == 1 else 0
            self._take(used)
            if any(map(str.strip, cells)):
                yield Record(at, cells)
            yield from self._reported()

    def _reported(self) -> Iterator[Record]:
        """Yield lines that cannot be read, each as a record of its own."""
        while self._to_report:
            text, at = self._look(0), self._line
            if text is None:
                return
            self._take(1)
            self._to_report -= 1
            yield Record(at, [text], "unclosed_quote")

    def _goes_on(self, cells: list[str]) -> int:
        """Return how many of the next lines belong to a record that has too many cells, since a quote inside one of
        them was not doubled: those up to the one that ends it."""
        if self.width is None or len(cells) <= self.width or self._ahead[0].count('"') % 2 == 0:
            return 0
        for ahead in range(1, MOST_LINES_ON):
            text = self._look(ahead)
            if text is None:
                return 0
            if text.count('"') % 2:
                closes = text.rstrip().endswith('"') or f'"{self._delimiter}' in text
                return ahead if closes else 0
        return 0

    def _are_records(self, used: int) -> bool:
        """Whether each line of what would be one record would do as a record of its own: with as many cells as there
        are columns, and an address or a profile in the same one."""
        if self.width is None or self.width < 2 or self._delimiter not in self._ahead[0]:
            return False
        lines = [self._ahead[number].split(self._delimiter) for number in range(used)]
        if any(len(cells) != self.width for cells in lines):
            return False
        return any(all(NAMES.fullmatch(cells[place][:300]) for cells in lines) for place in range(self.width))

    def _cells(self, text: str) -> tuple[list[str], int]:
        """Return the cells of the next record, and how many lines it takes."""
        cells: list[str] = []
        at, used = 0, 1
        while True:
            start = at
            while start < len(text) and text[start] in BLANK and text[start] != self._delimiter:
                start += 1
            closed = None
            if text.startswith('"', start) and self._literal < self._line + used - 1:
                self._uncertain_cell = len(cells) if not self._is_uncertain else self._uncertain_cell
                closed = self._closing(text, start + 1, used)
            if closed is not None:
                cell, text, at, used = closed
            else:
                end = text.find(self._delimiter, at)
                end = len(text) if end < 0 else end
                cell, at = text[at:end], end
                cell = "" if cell.strip() == '""' else cell
            cells.append(cell)
            if at >= len(text) or len(cells) > MOST_CELLS:
                return cells, used
            at += 1

    def _closing(self, text: str, at: int, used: int) -> tuple[str, str, int, int] | None:
        """Return a quoted cell that begins here, the line that it ends in, where, and how many lines are used; None
        where its quote is none."""
        parts: list[str] = []
        start, size, first, is_odd = at, 0, used, False
        ended: tuple[str, str, int, int] | None = None
        while True:
            quote = text.find('"', at)
            if quote < 0:
                parts.append(text[start:])
                size += len(text) - start + 1
                following = None if self._line + used <= self._barren else self._look(used)
                if following is None or size > self._span:
                    return ended or self._unclosed(first, used)
                text, used, start, at = following, used + 1, 0, 0
            elif text.startswith('"', quote + 1):
                at = quote + 2
            else:
                end = quote + 1
                while end < len(text) and text[end] in BLANK and text[end] != self._delimiter:
                    end += 1
                if end == len(text) or text[end] == self._delimiter:
                    found = "\n".join([*parts, text[start:quote]]).replace('""', '"'), text, end, used
                    if end < len(text) or not is_odd or ended is not None:
                        return found
                    ended = found  # a word in quotes at the end of a note's line, or the cell's end: what follows tells
                elif used > first:
                    return ended or self._unclosed(first, used)  # another cell begins
                elif self._opens(text, quote):
                    return None
                is_odd = not is_odd
                at = quote + 1

    def _unclosed(self, first: int, used: int) -> None:
        """Remember how far a quote was looked for that is not there, and that there is none on its line."""
        self._barren = max(self._barren, self._line + used - 1)
        self._literal = max(self._literal, self._line + first - 1)
        self._is_uncertain = True

    def _opens(self, text: str, quote: int) -> bool:
        """Whether a quote is the first sign of a cell."""
        before = quote - 1
        while before >= 0 and text[before] in BLANK and text[before] != self._delimiter:
            before -= 1
        return before < 0 or text[before] == self._delimiter
