"""A test that ends before it has asserted anything is green whatever is wrong: none may."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import Function, files, functions, shown

OURS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what belongs to a function itself, in its order, and not to one that it defines."""
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, OURS):
            yield part
            yield from own(part)


def asks(node: ast.AST) -> bool:
    """Tell whether a piece of a test can fail it: an assertion, a failure that is expected, or a call that ends it."""
    if isinstance(node, ast.With | ast.AsyncWith):
        return any("raises" in ast.unparse(item.context_expr) for item in node.items)
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Call) and ast.unparse(node.func) in ("pytest.fail", "pytest.skip", "pytest.xfail")
    )


def silent_returns(test: Function) -> list[int]:
    """Return the lines where a test ends although nothing has been asserted before."""
    first = min((node.lineno for node in own(test) if asks(node) and isinstance(node, ast.stmt | ast.expr)), default=0)
    returns = [node.lineno for node in own(test) if isinstance(node, ast.Return)]
    return [line for line in returns if not first or line < first]


def test_no_test_returns_before_it_has_asserted_anything() -> None:
    found = {
        f"{shown(path)}:{line} {function.name}"
        for path in files("tests")
        for function in functions(path)
        if function.name.startswith("test_")
        for line in silent_returns(function)
    }
    assert found == set(), "parametrize by what is asked, or skip with a reason"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("if it:\n  return\nassert x", [3]),
        ("return", [2]),
        ("assert x\nif it:\n  return\nassert y", []),
        ("if it:\n  pytest.skip('why')\nassert x", []),
        ("with pytest.raises(E):\n  f()\nreturn", []),
        ("def inner():\n  return 5\nassert inner()", []),
        ("def inner():\n  assert x\nreturn", [4]),
    ],
)
def test_the_check_finds_what_it_looks_for(text: str, lines: list[int]) -> None:
    body = "".join(f"  {line}\n" for line in text.splitlines())
    (test,) = ast.parse(f"def test_x():\n{body}").body
    assert isinstance(test, Function)
    assert silent_returns(test) == lines
