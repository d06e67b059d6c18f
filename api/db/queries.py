"""Named SQL: a subject keeps its statements in `queries.sql`, and those of its jobs in `jobs.sql`.

Python calls them by name and never builds SQL.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HEADER = re.compile(
    r"^-- name: (?P<name>[a-z_0-9]+) :(?P<shape>one|many|exec)\n(?P<about>(?:--[^\n]*\n)+)", re.MULTILINE
)
NAME = re.compile(r"^--\s*name\s*:.*", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Query:
    """One statement with `%(named)s` parameters. `shape` tells what comes back: one row, many, or none."""

    name: str
    shape: str
    about: str
    sql: bytes


class Queries:
    """The statements of one file, as attributes."""

    def __init__(self, path: Path, statements: dict[str, Query]) -> None:
        self.path = path
        self.statements = statements

    def __getattr__(self, name: str) -> Query:
        try:
            return self.statements[name]
        except KeyError:
            raise AttributeError(f"{self.path} has no query named {name}") from None


@cache
def load(path: Path) -> Queries:
    """Return a file's queries, read once. Raises ValueError as `read` does."""
    return read(path)


def read(path: Path) -> Queries:
    """Read a file of `-- name: list_campaigns :many` blocks; ValueError names what does not parse or is named twice."""
    text = path.read_text(encoding="utf-8")
    heads = list(HEADER.finditer(text))
    if not heads or text[: heads[0].start()].strip():
        raise ValueError(f"{path}: expected `-- name: … :one|many|exec` and a sentence above each statement")
    statements: dict[str, Query] = {}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : following.start() if following else len(text)].strip().removesuffix(";")
        name = head["name"]
        if misspelt := NAME.search(body):
            raise ValueError(f"{path}: this line looks like a name and does not parse as one: {misspelt[0]}")
        if name in statements or not body:
            raise ValueError(f"{path}: query {name} is empty or named twice")
        about = " ".join(line.removeprefix("--").strip() for line in head["about"].splitlines())
        statements[name] = Query(name=name, shape=head["shape"], about=about, sql=body.encode())
    return Queries(path, statements)


def beside(module_file: str, name: str = "queries.sql") -> Queries:
    """Return the queries of the file that lies beside a module: `SQL = beside(__file__)`."""
    return load(Path(module_file).with_name(name))
