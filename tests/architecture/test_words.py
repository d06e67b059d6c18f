"""Names and comments use the words of the field; the words of our own that stay are in the glossary, beside theirs."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.source import NOT_YET, ROOT, Function, files, shown, tree

# What is refused, and what is said instead. Strings are not looked at: they are what callers and operators read.
REFUSED = {
    "hold": "lock, of rows; pause, of people and accounts; keep, store or contain, of values",
    "held": "locked, paused, kept, granted",
    "told": "by webhook; given, returned, reported, shown",
    "asked": "by polling; requested, wanted, called",
    "whom": "the lead, the contact, the caller, the subject",
    "nobody": "no lead, no caller, no role, no row",
    "nobodys": "of no row",
    "somebody": "a lead, a person, a caller, another tenant",
    "everybody": "every lead, every caller, every role, PUBLIC",
    "anybody": "any lead, any caller",
    "whoever": "the lead that, the caller that",
    "someone": "a lead, a person, a caller",
    "anyone": "any lead, any caller",
    "doubt": "uncertain",
    "doubtful": "uncertain",
    "manners": "idempotency, metadata, audit",
}
# Refused as the name of a file besides: each hid a subject that has a name.
REFUSED_FILES = {"asking": "polling", "marking": "suppression", "opening": "context", "lean": "the fast way's own name"}
# Where a word of the list is the field's own, or not ours to change. A reason each, and each is needed.
ALLOWED = {
    ("providers/simulators/kit/tables.sql", "asked"): "a column of databases that stand: how often a fault was drawn",
}
# A claim is taken on a job, or is a part of a JWT. Reading the Authorization header is to authenticate.
CLAIM = re.compile(r"claim(?:s|ed)?", re.IGNORECASE)
NO_CLAIM = ("api/http/", "api/access/")
OF_A_JWT = "api/access/access_tokens.py"
WORDS = re.compile(r"[A-Za-z]+")
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
STRING_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--(?P<comment>.*)")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The words that stay, and the word of the field in the first line of their meaning.
HOUSE = {
    "ticket": "signed short-lived context credential", "door": "security definer entry point",
    "fence": "restrictive row level security policy", "guard": "authorization middleware",
    "poll": "polling", "suppression": "do-not-contact entry",
    "capability": "product feature", "binding": "external id mapping", "lane": "serial job queue",
    "due view": "selection query", "page": "repeatable migration", "room": "shared package",
    "subject": "feature module", "step of a lane": "pipeline stage",
}  # fmt: skip


class Place(NamedTuple):
    """A word where it stands: in a name, or in a comment or docstring."""

    path: str
    line: int
    word: str


def sources() -> list[Path]:
    """Return the Python and SQL files of the product and of its tests, this one and what is not ours left out."""
    sql = [path for folder in ("api", "providers", "supabase", "tests") for path in (ROOT / folder).rglob("*.sql")]
    chosen = [*files("api", "providers", "tests"), *sorted(sql)]
    return [path for path in chosen if path != Path(__file__) and not shown(path).startswith(NOT_YET)]


def split(name: str) -> list[str]:
    """Return the words of a name, be it `snake_case` or `CamelCase`."""
    return [word.lower() for part in name.split("_") for word in CAMEL.findall(part)]


def names_in(node: ast.AST) -> Iterator[str]:
    """Yield the names that a piece of Python gives."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.Name(ctx=ast.Store()):
            yield node.id
        case ast.Attribute(ctx=ast.Store()):
            yield node.attr
        case ast.arg():
            yield node.arg
        case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
            yield name
        case _:
            pass


def of_python(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of a Python file's names, docstrings and comments, each with its line."""
    for node in ast.walk(tree(path)):
        yield from ((node.lineno, split(name)) for name in names_in(node))  # type: ignore[attr-defined]
        if isinstance(node, Function | ast.ClassDef | ast.Module) and ast.get_docstring(node):
            text = node.body[0].value  # type: ignore[attr-defined]
            yield from ((text.lineno + n, WORDS.findall(line)) for n, line in enumerate(text.value.splitlines()))
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], WORDS.findall(token.string)


def of_sql(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the words of an SQL file's names and comments, each with its line."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        code = STRING_OR_COMMENT.sub(" ", line)
        yield number, [word for name in IDENTIFIER.findall(code) for word in split(name)]
        for found in STRING_OR_COMMENT.finditer(line):
            yield number, WORDS.findall(found["comment"] or "")


@cache
def places() -> list[Place]:
    """Return every word of every name and comment that the list refuses, or that is a claim."""
    read = {".py": of_python, ".sql": of_sql}
    return [
        Place(shown(path), line, word.lower())
        for path in sources()
        for line, words in read[path.suffix](path)
        for word in words
        if word.lower() in REFUSED or CLAIM.fullmatch(word)
    ]


def test_names_and_comments_use_the_words_of_the_field() -> None:
    wrong = [each for each in places() if each.word in REFUSED and (each.path, each.word) not in ALLOWED]
    advice = sorted({f"{each.path}:{each.line}: {each.word}; say {REFUSED[each.word]}" for each in wrong})
    assert advice == []


def test_files_are_named_by_their_subject() -> None:
    refused = {*REFUSED, *REFUSED_FILES}
    assert [shown(path) for path in sources() if refused & set(split(path.stem))] == []


def test_reading_the_header_is_no_claim() -> None:
    assert [
        each for each in places()
        if CLAIM.fullmatch(each.word) and each.path.startswith(NO_CLAIM) and each.path != OF_A_JWT
    ] == []  # fmt: skip


def test_what_answers_404_says_so() -> None:
    made = [(shown(path), node.name) for path in files("api") for node in tree(path).body if isinstance(node, Function)]
    assert ("api/http/responses.py", "or_404") in made
    assert [place for place in made if place[1] == "found"] == []


def test_every_exception_is_needed_and_has_a_reason() -> None:
    assert {(each.path, each.word) for each in places()} >= set(ALLOWED)
    assert [key for key, reason in ALLOWED.items() if len(reason) < 20] == []


@pytest.mark.parametrize("name", NOT_YET)
def test_what_is_still_to_be_gone_through_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_the_glossary_defines_the_words_of_the_house_by_those_of_the_field() -> None:
    lines = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    meanings = {name: cells[1] for cells in rows if len(cells) == 2 for name in cells[0].split(", ")}
    missing = {name: term for name, term in HOUSE.items() if term not in re.split(r"[;:.]", meanings.get(name, ""))[0]}
    assert missing == {}
