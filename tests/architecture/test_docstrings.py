"""Every module and everything public says what it is for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import NOT_YET, Function, files, shown, tree

SENTENCE = re.compile(r"[A-Z`{/].*[.!?:]")
EVERY_FILE = [path for path in files("api", "providers") if path.read_text(encoding="utf-8").strip()]


def public(path: Path) -> Iterator[Function | ast.ClassDef]:
    """Yield the public classes, functions and methods of a file."""
    owners = [tree(path), *(node for node in tree(path).body if isinstance(node, ast.ClassDef))]
    for owner in owners:
        if isinstance(owner, ast.ClassDef) and owner.name.startswith("_"):
            continue
        for node in owner.body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                yield node


def test_every_module_opens_with_a_sentence() -> None:
    openings = {shown(path): (ast.get_docstring(tree(path)) or "").split("\n\n")[0] for path in EVERY_FILE}
    assert {name: text for name, text in openings.items() if not SENTENCE.fullmatch(text.replace("\n", " "))} == {}


def test_everything_public_has_a_docstring() -> None:
    silent = [
        f"{shown(path)}:{node.lineno} {node.name}"
        for path in EVERY_FILE
        for node in public(path)
        if not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_public_docstring_is_a_mere_name() -> None:
    short = [
        f"{shown(path)}:{node.lineno} {node.name}"
        for path in EVERY_FILE
        for node in public(path)
        if not SENTENCE.fullmatch((ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " "))
    ]
    assert short == []


def raised(node: ast.AST) -> Iterator[str]:
    """Yield the names of the errors that a function makes and raises itself, what it defines inside left out."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call | ast.Name):
            error = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            yield ast.unparse(error).rpartition(".")[2]
        if not isinstance(child, Function | ast.Lambda):
            yield from raised(child)


def test_what_is_raised_is_named() -> None:
    """What routes raise, their `problems` say; a simulator raises what its provider answers."""
    left_out = (*NOT_YET, "providers/simulators/")
    silent = {
        f"{shown(path)}:{node.lineno} {node.name}: {error}"
        for path in EVERY_FILE
        if not path.name.endswith("routes.py") and not shown(path).startswith(left_out)
        for node in public(path)
        if isinstance(node, Function)
        for error in raised(node)
        if error.isidentifier()
        and error[0].isupper()
        and error != "Exit"
        and error not in (ast.get_docstring(node) or "")
    }
    assert silent == set()


def test_only_empty_packages_are_left_out() -> None:
    empty = {path.name for path in files("api", "providers") if path not in EVERY_FILE}
    assert empty <= {"__init__.py"}
    assert len(EVERY_FILE) > 60
