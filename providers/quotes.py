"""Which lines of a plain text its author wrote, and which are quoted: mail programs announce what they quote.

The words for it are in `quotes.toml`, in the languages of most business mail. The libraries that look for quotes take
minutes over a few kilobytes of `>`.
"""

import re
import tomllib
import unicodedata
from collections.abc import Collection, Mapping
from functools import cache
from itertools import chain
from pathlib import Path

from providers.masking import masked, names_a_provider

HEAD_LINES, WRAPPED = 5, 3  # how far a quoted mail's head may reach, and over how many lines a line before a quote
LONGEST_LINE, LONGEST_FOOTER = 400, 120
MANY_BREAKS = re.compile(r"\n{3,}")
RULE = re.compile(r"[-_=*\s]{3,}|--")
TIME = re.compile(r"\d[:.h]\d\d")
UNSUBSCRIBE = re.compile(r"unsubscribe(?:\W.{0,80})?", re.IGNORECASE)
DIGIT = re.compile(r"\d")
ADDRESSED = re.compile(r"[<(\[][^<>()\[\]]{0,200}@[^<>()\[\]]{0,200}[>)\]]")
DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}")
DATED = re.compile(r"\D{0,8}\d{1,4}\s?[-./年년]\s?\d{1,2}[-./月월].{0,200}<[^<>]{0,200}@[^<>]{0,200}>[:\uff1a]")
CJK = r"(?=[\u2e80-\u9fff\uac00-\ud7ff])"  # these languages set no blanks between words


@cache
def _marks() -> Mapping[str, re.Pattern[str]]:
    """Return the patterns of `quotes.toml`, each for one folded line."""
    given = tomllib.loads(Path(__file__).with_name("quotes.toml").read_text())
    words = {
        kind: "|".join(sorted(map(re.escape, map(_folded, chain.from_iterable(each.values()))), key=len, reverse=True))
        for kind, each in given.items()
    }
    mail = r"(?:this |diese |ce |este )?(?:e-?mail|message|mail|nachricht)?\s?(?:was |is |wurde )?"
    patterns = {
        "wrote": rf"(?:.*(?:[\W_]|{CJK}))?(?:{words['wrote']})(?:[\W_].*)?",
        "began": rf"[*_\s]*(?:{words['began']})\b.*",
        "ruled": rf"-{{2,}}\s*(?:{words['began']})\b.*(?:{words['wrote']})\s*-{{2,}}",
        "original": rf"[*>|\s]*(?:[-_=]{{2,}}\s*(?:{words['original']})\b.{{0,80}}|begin forwarded message\s*:)",
        "from": rf"[*|>\s]*(?:{words['from']})[*\s]*[:\uff1a].*\S.*",
        "head": rf"[*|>\s]*(?:{words['head']})[*\s]*[:\uff1a].*",
        "footer": rf"\W*{mail}(?:(?:{words['footer']})\s)?\s?(?:{words['by']})\s+(.{{3,60}})",
    }
    return {kind: re.compile(pattern) for kind, pattern in patterns.items()}


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if unicodedata.category(letter) not in ("Mn", "Cf"))


def own_lines(lines: list[str]) -> set[int]:
    """Return which lines are the author's own."""
    folded = [_folded(line[:LONGEST_LINE]).strip() for line in lines]
    marked = sum(line.startswith(">") for line in folded) > 1  # one alone is the author's: "> 50 people"
    own: set[int] = set()
    at, announced = 0, False
    while at < len(lines):
        if folded[at].startswith(">") and (marked or announced):
            at += 1
        elif _marks()["original"].fullmatch(folded[at]) or _is_head(folded, at):
            break
        elif count := _announced(folded, at):
            at, announced = at + count, True
            if not _is_quoted(folded, at):
                break
        else:
            own.add(at)
            at += 1
    return own - _below(lines, own)


def _is_head(lines: list[str], at: int) -> bool:
    """Tell whether the head of a quoted mail begins here: its author's address, or its exact time and more."""
    if not _is_of_head(lines[at]):
        return False
    head = [line for line in lines[at : at + HEAD_LINES] if _is_of_head(line)]
    authors = [line for line in head if _marks()["from"].fullmatch(line)]
    if len(head) < 2 or not authors:
        return False
    return any("@" in line for line in authors) or (len(head) > 2 and any(TIME.search(line) for line in head))


def _is_of_head(line: str) -> bool:
    return bool(_marks()["from"].fullmatch(line) or _marks()["head"].fullmatch(line))


def _announced(lines: list[str], at: int) -> int:
    """Return over how many lines a quote is announced here: by its author and its time. 0 where none is.

    Without a mark on what follows, the author's address and a time are wanted, or a whole date and a time.
    """
    if not lines[at] or _marks()["ruled"].fullmatch(lines[at]):
        return 1 if lines[at] else 0
    for count in range(1, WRAPPED + 1):
        said = lines[at : at + count]
        if not said[-1].endswith((":", "\uff1a")):
            continue
        announced = " ".join(said)
        if count > 1 and not DIGIT.search(said[0]):
            return 0
        if DATED.match(announced):
            return count
        if not _marks()["wrote"].fullmatch(announced):
            continue
        timed, began = TIME.search(announced), _marks()["began"].match(said[0])
        exact = timed and (ADDRESSED.search(announced) or (began and DATE.search(announced)))
        if exact or (DIGIT.search(announced) and _is_quoted(lines, at + count)):
            return count
    return 0


def _is_quoted(lines: list[str], at: int) -> bool:
    """Tell whether the next line that is not blank is marked as quoted."""
    return next((line for line in lines[at : at + HEAD_LINES] if line), "").startswith(">")


def _below(lines: list[str], own: Collection[int]) -> set[int]:
    """Return which lines at the end are no words: rules, and what a provider sets there about itself."""
    found: set[int] = set()
    waiting: set[int] = set()  # a wish of the author's, unless a footer is above it
    for at in sorted(own, reverse=True):
        line = lines[at].strip()
        if _is_footer(line):
            found |= {at, *waiting}
            waiting.clear()
        elif not line or RULE.fullmatch(line):
            (waiting if waiting else found).add(at)
        elif len(line) < LONGEST_FOOTER and UNSUBSCRIBE.fullmatch(line):
            waiting.add(at)
        else:
            break
    return found


def _is_footer(line: str) -> bool:
    """Tell whether a line says by what a mail was sent, and nothing else."""
    found = _marks()["footer"].fullmatch(_folded(line)) if len(line) < LONGEST_FOOTER and "?" not in line else None
    return found is not None and names_a_provider(line) and masked(found[1].rstrip(" .!")) is None


def joined(lines: list[str], which: Collection[int]) -> str:
    """Return some of the lines as one text."""
    return MANY_BREAKS.sub("\n\n", "\n".join(lines[at].strip() for at in sorted(which))).strip()
