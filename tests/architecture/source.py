"""The product's own source as syntax trees, for the tests that read it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(*folders: str) -> list[Path]:
    """Return the Python files of some top-level folders."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found, folders
    return found


@cache
def tree(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def shown(path: Path) -> str:
    """Return a path as a person would name it."""
    return str(path.relative_to(ROOT))


def module_name(path: Path) -> str:
    """Return the dotted name of a file's module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def functions(path: Path) -> Iterator[Function]:
    """Yield every function and method of a file."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def calls(path: Path) -> Iterator[ast.Call]:
    """Yield every call of a file."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything a file imports, `from a import b` as `a.b`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}: a relative import hides where it leads"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


ROOMS = ("access", "db", "dev", "http", "ops", "tables", "telemetry", "worker")


def subjects() -> list[str]:
    """Return the subjects of the API: every folder of `api` that is no room of the house."""
    folders = (path.name for path in (ROOT / "api").iterdir() if path.is_dir() and any(path.glob("*.py")))
    return sorted(set(folders) - set(ROOMS))


# Files whose words and docstrings are still to be gone through.
NOT_YET = (
    "supabase/migrations/",
    "api/auth/", "api/connections/", "api/entitlements/", "api/leads/", "api/suppressions/", "api/users/",
    "api/access/addresses.py",
    "providers/heyreach/leads.py", "providers/instantly/leads.py", "providers/smartlead/leads.py",
    *(f"supabase/policies/subjects/{name}.sql" for name in (
        "auth", "companies", "connections", "entitlements", "leads", "organizations", "suppressions", "users",
    )),
)  # fmt: skip
