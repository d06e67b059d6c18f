"""The living pages of `supabase/policies`: read, and split into the statements that make one object each.

A page holds `create or replace` of functions, views and triggers, a comment on the object before it, and grants. The
pages and the statements in them may stand in any order that reads well: they are applied by kind.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "supabase"
REVOKE = "00_revoke.sql"  # a script: takes everything back before the grants
DUE = "14_due.sql"  # a query: answers which views are made of the subjects' due views
FENCES = "20_fences.sql"  # a query: answers which policies there must be
KINDS = ("function", "view", "trigger", "grant")  # in the order in which they are applied
TOKEN = re.compile(
    r"""
    --[^\n]*                            # a comment
    | /\*.*?\*/
    | (?<!\w)[eE]'(?:[^'\\]|\\.|'')*'          # a text with backslashes
    | '(?:[^']|'')*'                    # a text
    | "(?:[^"]|"")*"                    # a name in quotes
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$   # a body
    | ;
    """,
    re.DOTALL | re.VERBOSE,
)
COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
CREATED = re.compile(r"create or replace (function|procedure|view|trigger)\s+([\w.]+)", re.IGNORECASE)
CREATES = ("create function ", "create procedure ", "create or replace function ", "create or replace procedure ")
TRIGGERS_TABLE = re.compile(r"\son\s+([\w.]+)", re.IGNORECASE)


class PageError(Exception):
    """A page cannot be read; the text says where and what is expected."""


@dataclass(frozen=True)
class Statement:
    """What makes one object, or gives a right. `name` is the object's, of a trigger with its table."""

    kind: str
    name: str
    sql: str
    page: str

    @property
    def sha256(self) -> str:
        """The hash of its text."""
        return sha256(self.sql)


def sha256(text: str) -> str:
    """Return the hash of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def pages(root: Path) -> list[Path]:
    """Return the pages in the order in which they are read: what all share, the subjects, the entry points."""
    shared = sorted(path for path in (root / "policies").glob("*.sql") if path.name not in (REVOKE, DUE, FENCES))
    return sorted([*shared, *(root / "policies" / "subjects").glob("*.sql")])


def statements(root: Path) -> list[Statement]:
    """Return the statements of every page, by kind. Raises PageError for what does not
    belong on a page, and for a view or trigger that two make."""
    every = [statement for path in pages(root) for statement in _page(path)]
    named: dict[tuple[str, str], str] = {}
    for each in (each for each in every if each.kind in ("view", "trigger")):
        if named.setdefault((each.kind, each.name), each.page) != each.page or every.count(each) > 1:
            raise PageError(f"{each.page}: {each.kind} {each.name} is made by another page, or twice on this one")
    return sorted(every, key=lambda each: KINDS.index(each.kind))


def _page(path: Path) -> list[Statement]:
    made: list[Statement] = []
    for sql in split(path.read_text(encoding="utf-8-sig")):
        head = COMMENTS.sub("", sql)
        if head.lower().startswith("comment on ") and made and made[-1].kind != "grant":
            last = made.pop()
            if last.name.split(" on ")[0] not in head.split(" is ")[0]:
                raise PageError(
                    f"{path.name}: a comment is about what stands above it, {last.name}, not: {head[:60]!r}"
                )
            made.append(Statement(last.kind, last.name, f"{last.sql}\n{head}", path.name))
        elif head.lower().startswith("grant "):
            made.append(Statement("grant", head.split(";")[0][:80], head, path.name))
        elif created := CREATED.match(head):
            made.append(Statement(*_object(created, head), head, path.name))
        else:
            raise PageError(
                f"{path.name}: a page holds `create or replace` of functions, views and triggers, a comment on the "
                f"object before it, and grants; not: {head[:60]!r}"
            )
    return made


def _object(created: re.Match[str], head: str) -> tuple[str, str]:
    kind, name = created[1].lower(), created[2].lower()
    if kind != "trigger":
        return ("view" if kind == "view" else "function"), name
    table = TRIGGERS_TABLE.search(head)
    if table is None:
        raise PageError(f"a trigger {name} names no table")
    return kind, f"{name} on {table[1].lower()}"


def split(text: str) -> Iterator[str]:
    """Yield the statements of a script, each with the comments above it and without the semicolon at its end. Raises
    PageError when the last one has none."""
    begun = 0
    for token in TOKEN.finditer(text):
        if token[0] == ";":
            yield text[begun : token.start()].strip() + ";"
            begun = token.end()
    if COMMENTS.sub("", text[begun:]):
        raise PageError(f"the last statement does not end with a semicolon: {text[begun:].strip()[:60]!r}")


def made_by_migrations(root: Path) -> set[str]:
    """Return the functions that migrations make, because tables lean on them."""
    texts = [path.read_text(encoding="utf-8").lower() for path in sorted((root / "migrations").glob("*.sql"))]
    return {
        line.strip().removeprefix(head).split("(")[0].strip()
        for text in texts
        for line in text.splitlines()
        for head in CREATES
        if line.strip().startswith(head)
    }
