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

from providers.masking import names_a_provider

HEAD_LINES, WRAPPED = 5, 3  # how far a quoted mail's head may reach, and over how many lines a line before a quote
LONGEST_LINE, LONGEST_FOOTER = 400, 120
MANY_BREAKS = re.compile(r"\n{3,}")
RULE = re.compile(r"[-_=*\s]{3,}|--")
TIME = re.compile(r"\d[:.h]\d\d")
DIGIT = re.compile(r"\d")
DATED = re.compile(r"\d{1,4}[-./年]\d{1,2}[-./月]\d{1,4}.{0,200}@.{0,200}[:\uff1a]")
CJK = r"(?=[\u2e80-\u9fff\uac00-\ud7ff])"  # these languages set no blanks between words


@cache
def _marks() -> Mapping[str, re.Pattern[str]]:
    """Return the patterns of `quotes.toml`, each for one folded line."""
    given = tomllib.loads(Path(__file__).with_name("quotes.toml").read_text())
    words = {
        kind: "|".join(sorted(map(re.escape, map(_folded, chain.from_iterable(each.values()))), key=len, reverse=True))
        for kind, each in given.items()
    }
    verbs, by = words["footer"], words["by"]
    patterns = {
        "wrote": rf"(?:.*(?:[\W_]|{CJK}))?(?:{words['wrote']})(?:[\W_].*)?",
        "began": rf"[*_\s]*(?:{words['began']})\b.*\d.*",
        "original": rf"[*>\s]*(?:[-_=]{{2,}}\s*(?:{words['original']})\b.{{0,80}}|(?:{words['original']})\s*:)",
        "from": rf"[*\s]*(?:{words['from']})[*\s]*[:\uff1a].*\S.*",
        "head": rf"[*\s]*(?:{words['head']})[*\s]*[:\uff1a].*",
        "footer": rf"\W*(?:(?:{verbs})\s+(?:.{{0,20}}\s)?)?(?:{by})\s.{{3,60}}",
    }
    return {kind: re.compile(pattern) for kind, pattern in patterns.items()}


def _folded(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def own_lines(lines: list[str]) -> set[int]:
    """Return which lines are the author's own."""
    folded = [_folded(line[:LONGEST_LINE]).strip() for line in lines]
    own: set[int] = set()
    at = 0
    while at < len(lines):
        if folded[at].startswith(">"):
            at += 1
        elif _marks()["original"].fullmatch(folded[at]) or _is_head(folded, at):
            break
        elif count := _announced(folded, at):
            at += count
            if not _is_quoted(folded, at):
                break
        else:
            own.add(at)
            at += 1
    return own - _below(lines, own)


def _is_head(lines: list[str], at: int) -> bool:
    """Tell whether the head of a quoted mail begins here."""
    if not _marks()["from"].fullmatch(lines[at]):
        return False
    following = [line for line in lines[at + 1 : at + 1 + HEAD_LINES] if _marks()["head"].fullmatch(line)]
    return len(following) > 1 or (len(following) == 1 and "@" in lines[at])


def _announced(lines: list[str], at: int) -> int:
    """Return over how many lines a quote is announced here: by its author and its time. 0 where none is."""
    for count in range(1, WRAPPED + 1):
        said = lines[at : at + count]
        if not lines[at] or not said[-1].endswith((":", "\uff1a")):
            continue
        announced = " ".join(said)
        if count > 1 and not _marks()["began"].fullmatch(said[0]):
            return 0
        quoted = _is_quoted(lines, at + count)
        exact = "@" in announced or TIME.search(announced)
        if DATED.match(announced) or (
            _marks()["wrote"].fullmatch(announced) and (exact or (quoted and DIGIT.search(announced)))
        ):
            return count
    return 0


def _is_quoted(lines: list[str], at: int) -> bool:
    """Tell whether the next line that is not blank is marked as quoted."""
    return next((line for line in lines[at : at + HEAD_LINES] if line), "").startswith(">")


def _below(lines: list[str], own: Collection[int]) -> set[int]:
    """Return which lines at the end are no words: rules, and what a provider sets there about itself."""
    found: set[int] = set()
    for at in sorted(own, reverse=True):
        line = lines[at].strip()
        if line and not RULE.fullmatch(line) and not _is_footer(line):
            break
        found.add(at)
    return found


def _is_footer(line: str) -> bool:
    folded = _folded(line)
    return len(line) < LONGEST_FOOTER and bool(_marks()["footer"].fullmatch(folded)) and names_a_provider(line)


def joined(lines: list[str], which: Collection[int]) -> str:
    """Return some of the lines as one text."""
    return MANY_BREAKS.sub("\n\n", "\n".join(lines[at].strip() for at in sorted(which))).strip()
