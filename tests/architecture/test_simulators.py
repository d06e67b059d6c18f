"""The layout that all simulators share, as `providers/simulators/__init__.py` says it."""

import ast
import importlib
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT, files, functions, imports, module_name, shown, tree

SIMULATORS = ROOT / "providers" / "simulators"
KIT = "kit"
ROLES = {
    "__init__",
    *("app", "server", "control", "routes", "requests", "validation"),
    *("state", "accounts", "limits", "ledger", "inspection"),
    *("player", "script", "enrolment", "events"),
}
SUBJECTS = {"campaigns", "leads", "inbox", "senders", "webhooks", "figures", "common", "compat"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
HOLE = "{}"
Request = tuple[str | None, str]


def vendors() -> list[str]:
    found = [path.name for path in SIMULATORS.iterdir() if (path / "__init__.py").exists()]
    return sorted(set(found) - {KIT})


@pytest.fixture(params=vendors())
def vendor(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_same_roles_stand_at_every_root(vendor: str) -> None:
    assert {path.stem for path in (SIMULATORS / vendor).glob("*.py")} == ROLES


def test_every_folder_is_a_known_subject(vendor: str) -> None:
    folders = [path for path in (SIMULATORS / vendor).iterdir() if any(path.glob("*.py"))]
    assert {path.name for path in folders} <= SUBJECTS
    assert all((path / "__init__.py").exists() for path in folders)
    nested = [shown(path) for folder in folders for path in folder.rglob("*.py") if path.parent != folder]
    assert nested == []


def test_the_layout_is_written_down() -> None:
    written = ast.get_docstring(tree(SIMULATORS / "__init__.py")) or ""
    assert {name for name in (*ROLES, *SUBJECTS) if f"`{name}" not in written} == {"__init__"}


def test_only_the_routes_know_the_endpoints_of_compat(vendor: str) -> None:
    compat = f"providers.simulators.{vendor}.compat"
    knowing = {
        module_name(path)
        for path in files(f"providers/simulators/{vendor}")
        if path.parent.name != "compat" and any(name.startswith(f"{compat}.") for name in imports(path))
    }
    assert knowing == {f"providers.simulators.{vendor}.routes"}


def test_what_stands_outside_of_compat_is_what_the_client_requests(vendor: str) -> None:
    compat = importlib.import_module(f"providers.simulators.{vendor}.compat.routes").TABLE
    table = importlib.import_module(f"providers.simulators.{vendor}.routes").TABLE
    own = [route for route in table if not any(route is other for other in compat)]
    assert own
    assert compat
    requests = set(requested(files(f"providers/{vendor}")))
    unasked = [f"{route.method} {route.path}" for route in own if not any(fits(route, sent) for sent in requests)]
    assert unasked == []


def fits(route: Any, sent: Request) -> bool:
    """Tell whether a client's request, as far as its source says it, may be one for the endpoint."""
    method, path = sent
    theirs = re.sub(r"^/api/(v\d|public)", "", path).rstrip("/").split("/")
    ours = re.sub(r"\{\w+\}", HOLE, route.path).split("/")
    same = len(theirs) == len(ours) and all(
        one in (other, HOLE) or other == HOLE for one, other in zip(theirs, ours, strict=True)
    )
    return same and method in (None, route.method)


def requested(paths: list[Path]) -> Iterator[Request]:
    """Yield every path that is handed to a call in a client's source, with the method where the call names one."""
    names = assigned(node for path in paths for node in tree(path).body)
    for path in paths:
        for function in functions(path):
            known = {**names, **assigned(ast.walk(function))}
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                values = [*call.args, *(keyword.value for keyword in call.keywords)]
                texts = [text for value in values for text in spelled(value, known)]
                got = isinstance(call.func, ast.Attribute) and call.func.attr == "get"
                method = "GET" if got else next((text for text in texts if text in METHODS), None)
                yield from ((method, text) for text in texts if text.startswith("/"))


def assigned(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """Return what plain names are set to."""
    return {
        node.targets[0].id: node.value
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def spelled(node: ast.AST, known: dict[str, ast.expr]) -> list[str]:
    """Return every text an expression may be, with a hole where only a running client knows."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return [*spelled(body, known), *spelled(orelse, known)]
        case ast.FormattedValue(value=value):
            return spelled(value, known)
        case ast.JoinedStr(values=values):
            return ["".join(parts) for parts in itertools.product(*(spelled(value, known) for value in values))]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [a + b for a in spelled(left, known) for b in spelled(right, known)]
        case ast.Name(id=name) if name in known:
            return spelled(known[name], {key: value for key, value in known.items() if key != name})
        case _:
            return [HOLE]
