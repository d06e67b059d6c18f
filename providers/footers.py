"""What a provider adds below the mails it sends: lines that name a provider and are not of the company's own texts."""

import html
import re
from collections.abc import Iterable, Sequence

from providers.markup import nodes_of, parsed
from providers.masking import names_a_provider

VARIABLE = re.compile(r"\{\{[^{}]{0,200}\}\}")
LONGEST_LINE = 2_000


class OwnWords:
    """What a company's own mails may say, line by line; what stands in its variables may be anything that is known."""

    def __init__(self, texts: Iterable[str], values: Iterable[str] = ()) -> None:
        lines = [line for text in texts for line in (*_lines_of(text), *text.split("\n"))]
        self._values = [value for value in map(_plain, values) if names_a_provider(value)]
        # What a variable stands for may be anything, so a line counts only where its own words name a provider.
        self._lines = [pieces for line in lines if names_a_provider("".join(pieces := VARIABLE.split(_plain(line))))]

    def added(self, lines: Sequence[str]) -> set[int]:
        """Return which lines of a mail name a provider without being the company's words."""
        return {
            place
            for place, line in enumerate(lines)
            if names_a_provider(line[:LONGEST_LINE]) and not self._is_own(_plain(line))
        }

    def _is_own(self, line: str) -> bool:
        if any(value in line for value in self._values):
            return True
        return any(_follow(pieces, line) for pieces in self._lines)


def _follow(pieces: Sequence[str], line: str) -> bool:
    """Tell whether a line has these pieces, in order, from its first sign to its last, and anything between them."""
    first, *between = pieces
    if not between:
        return line == first
    *middle, last = between
    if not line.startswith(first) or not line.endswith(last):
        return False
    at, end = len(first), len(line) - len(last)
    for piece in middle:
        found = line.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= end


def _lines_of(text: str) -> list[str]:
    return nodes_of(parsed(text)).lines()


def _plain(text: str) -> str:
    return " ".join(html.unescape(text).split())
