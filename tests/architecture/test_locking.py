"""Every row lock and advisory lock is in the table of docs/locking.md, and nothing else is."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from api.db.queries import load
from api.ops import pages
from tests.architecture.source import ROOT, Function, files, functions, shown, tree

DOCUMENT = ROOT / "docs" / "locking.md"
ROW = re.compile(
    r"\bfor\s+(?P<mode>update|no\s+key\s+update|share|key\s+share)\b(?:\s+of\s+(?P<of>\w+(?:,\s*\w+)*))?(?P<skip>\s+(?:skip\s+locked|nowait))?"
)
ADVISORY = re.compile(r"\b(?P<mode>pg_(?:try_)?advisory_\w*lock\w*)\s*\(")
SOURCE = re.compile(r"\b(?:from|join|update|into)\s+(?!set\b)(?P<table>[\w.]+)(?:\s+as\s+(?P<alias>\w+))?")
KEY = re.compile(r"hashtextextended\((?P<key>.+), 0\)", re.DOTALL)
COMMENT = re.compile(r"--[^\n]*")
LINE = re.compile(r"^\| (?:\d+|–) \| (?P<lock>.+?) \| (?P<who>.+?) \| .+\.? \|$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


class Lock(NamedTuple):
    """What is locked, how, and the query or function that does it."""

    what: str
    mode: str
    who: str


def argument(text: str, begin: int) -> str:
    """Return what stands between the bracket before `begin` and the one that closes it."""
    depth = 1
    for place in range(begin, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin:place]
    raise AssertionError(f"no bracket closes: {text[begin:]}")


def locks_of(sql: str, who: str) -> Iterator[Lock]:
    """Yield the locks that a statement, a function's body or the end of a statement takes."""
    sql = COMMENT.sub("", sql)
    for found in ROW.finditer(sql):
        sources = list(SOURCE.finditer(sql, 0, found.start()))
        mode = " ".join(f"for {found['mode']}{found['skip'] or ''}".split())
        for of in re.split(r",\s*", found["of"]) if found["of"] else [None]:
            locked = [each["table"] for each in sources if of is None or each["alias"] == of]
            if locked or of or sql.lstrip().startswith("for "):  # else it only names a lock
                yield Lock(locked[-1] if locked else of or "every table", mode, who)
    for found in ADVISORY.finditer(sql):
        key = argument(sql, found.end())
        hashed = KEY.fullmatch(key)
        yield Lock(hashed["key"] if hashed else key, found["mode"], who)


def in_queries() -> Iterator[Lock]:
    for path in sorted((ROOT / "api").rglob("*.sql")):
        for query in load(path).statements.values():
            yield from locks_of(query.sql.decode(), f"{shown(path)}: {query.name}")


def in_the_database() -> Iterator[Lock]:
    for path in sorted((ROOT / "supabase").rglob("*.sql")):
        for statement in pages.split(path.read_text(encoding="utf-8").rstrip("; \n") + ";"):
            head = pages.COMMENTS.sub("", statement)
            made = pages.CREATED.match(head)
            yield from locks_of(head, made[2] if made else shown(path))


def in_python() -> Iterator[Lock]:
    for path in files("api"):
        for function in functions(path):
            for text in texts(function):
                yield from locks_of(text, f"{shown(path)}: {function.name}")
        for node in tree(path).body:
            if not isinstance(node, Function | ast.ClassDef):
                for text in texts(node):
                    yield from locks_of(text, shown(path))


def texts(root: ast.AST) -> Iterator[str]:
    """Yield the texts below a node, each `%s` replaced by the name of what is given for it."""
    given = {
        node.args[0]: [ast.unparse(each) for each in node.args[1].elts]
        for node in ast.walk(root)
        if isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.args[1], ast.List)
    }
    for node in ast.walk(root):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value.decode(errors="replace") if isinstance(node.value, bytes) else node.value
            for each in given.get(node, []):
                text = text.replace("%s", each, 1)
            yield text


def listed() -> list[Lock]:
    """Return the locks of the document's table."""
    found: list[Lock] = []
    for line in LINE.finditer(DOCUMENT.read_text(encoding="utf-8").replace(r"\|\|", "||")):
        *what, mode = CODE.findall(line["lock"])
        table = what[0] if what else line["lock"].split(" `")[0]
        found += [Lock(table, mode, who) for who in CODE.findall(line["who"])]
    return found


def test_every_lock_is_listed() -> None:
    taken = {*in_queries(), *in_the_database(), *in_python()}
    assert len(taken) > 30
    assert sorted(taken - set(listed())) == []


def test_every_lock_that_is_listed_is_taken() -> None:
    taken = {*in_queries(), *in_the_database(), *in_python()}
    assert sorted(set(listed()) - taken) == []
    assert len(listed()) == len(set(listed()))


def test_the_table_is_in_its_order() -> None:
    orders = [int(number) for number in re.findall(r"^\| (\d+) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)]
    assert orders == sorted(orders)
    assert set(orders) == set(range(1, max(orders) + 1))


def test_locks_are_found_in_what_is_written() -> None:
    assert list(locks_of("select for update", "x")) == []
    assert list(locks_of(" for update", "x")) == [Lock("every table", "for update", "x")]
    sql = (
        "select 1 from outbound.users as u join ctx.keys as k on true for  no key\nupdate of u skip locked -- for share"
    )
    assert list(locks_of(sql, "x")) == [Lock("outbound.users", "for no key update skip locked", "x")]
    sql = "select pg_try_advisory_lock(hashtextextended('a:' || lower(b), 0)), pg_advisory_lock(1, 2)"
    assert [lock.what for lock in locks_of(sql, "x")] == ["'a:' || lower(b)", "1, 2"]
