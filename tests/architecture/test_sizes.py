"""Files and functions stay small enough to be read whole."""

from pathlib import Path
from statistics import median

import pytest

from api.db.queries import load
from api.ops import pages
from tests.architecture.source import ROOT, Function, files, functions, shown

LONGEST_FILE = 300
LONGEST_TEST_FILE = 500
LONGEST_FUNCTION = 40
LONGEST_STATEMENT = 60
# Queries and functions of the database that are longer, and why each is one statement.
LONG_STATEMENTS = {
    "api/conversations/jobs.sql: store_thread":
        "A thread is told once and sorted into ours and theirs, and the conversation's time comes from both.",
    "api/events/jobs.sql: fresh_facts":
        "One question, asked of one snapshot: each of its conditions is a reason why a fact is not new.",
    "api/events/jobs.sql: resolve":
        "One look-up by key in three ways, for all facts of a batch: each part would ask for the connection again.",
    "api/stats/queries.sql: stats":
        "Ten figures stand in it three times: summed by group, shown, and summed in all, of one snapshot.",
    "api/worker/queries.sql: take_budget":
        "A place in the budget is found and taken in one statement, under one lock of the account.",
    "supabase/policies/subjects/leads.sql: outbound.mark_enrolments":
        "Whom entries cover is found and marked in one loop: in parts, a batch could find people and mark others.",
    "api/leads/jobs.sql: claim_leads":
        "The turn is drawn, its people are locked and their state is changed at once, by what one snapshot holds.",
    "api/ops/doctor.sql: role_faults":
        "One list of what a login role may not be, a line each, that is read from top to bottom.",
    "api/ops/standing.sql: rights":
        "One list of all that anybody holds, hashed as a whole: it must be of one snapshot of the catalog.",
    "api/ops/standing.sql: standing":
        "One list of all that stands, of one snapshot of the catalog, with a branch for each kind of object.",
}  # fmt: skip
MOST_POSITIONAL = 5


def line_count(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def positional(function: Function) -> int:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len([name for name in names if name not in ("self", "cls")])


@pytest.mark.parametrize(
    ("folders", "most"), [(("api", "providers"), LONGEST_FILE), (("tests",), LONGEST_TEST_FILE)], ids=["code", "tests"]
)
def test_no_python_file_is_too_long(folders: tuple[str, ...], most: int) -> None:
    sizes = {shown(path): line_count(path) for path in files(*folders)}
    assert {name: size for name, size in sizes.items() if size > most} == {}


def test_no_file_of_queries_is_too_long() -> None:
    sizes = {shown(path): line_count(path) for path in sorted((ROOT / "api").rglob("*.sql"))}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE} == {}


def long_statements() -> set[str]:
    """Return the queries, and the functions of the database, that are longer than a screen."""
    queries = {
        f"{shown(path)}: {query.name}": query.sql.decode()
        for path in sorted((ROOT / "api").rglob("*.sql"))
        for query in load(path).statements.values()
    }
    made = [made for path in sorted((ROOT / "supabase").rglob("*.sql")) for made in created(path)]
    assert len(queries) > 100
    assert len(made) > 50
    return {name for name, sql in [*queries.items(), *made] if len(sql.splitlines()) > LONGEST_STATEMENT}


def created(path: Path) -> list[tuple[str, str]]:
    """Return the functions and procedures that a script makes, each with its text."""
    heads = [pages.COMMENTS.sub("", sql) for sql in pages.split(path.read_text(encoding="utf-8").rstrip("; \n") + ";")]
    return [
        (f"{shown(path)}: {head.split('(')[0].split()[-1]}", head) for head in heads if head.startswith(pages.CREATES)
    ]


def test_no_statement_is_too_long_without_a_reason() -> None:
    assert long_statements() == set(LONG_STATEMENTS)
    assert [name for name, reason in LONG_STATEMENTS.items() if not reason.endswith(".")] == []


def test_no_function_is_too_long() -> None:
    sizes = {
        f"{shown(path)}:{function.name}": length(function)
        for path in files("api", "providers", "tests")
        for function in functions(path)
    }
    assert {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION} == {}


def test_no_function_takes_more_than_five_positional_parameters() -> None:
    counts = {
        f"{shown(path)}:{function.name}": positional(function)
        for path in files("api", "providers", "tests")
        for function in functions(path)
    }
    assert {name: count for name, count in counts.items() if count > MOST_POSITIONAL} == {}


def test_the_usual_function_is_short() -> None:
    middle = median(length(function) for path in files("api", "providers") for function in functions(path))
    print(f"median function length: {middle} lines")
    assert middle <= 10
