"""Files and functions stay small enough to be read whole."""

from pathlib import Path
from statistics import median

import pytest

from tests.architecture.source import ROOT, Function, files, functions, shown

LONGEST_FILE = 300
LONGEST_TEST_FILE = 500
LONGEST_FUNCTION = 40
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
