"""Every statement has a name, plans under the roles that run it, and is used; Python builds none."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
import pytest

from api.db.queries import Query, load
from tests.architecture.source import ROOT, calls, files, functions, imports, shown, tree

# What `api/dev` asks, it asks as the superuser.
QUERY_FILES = sorted(path for path in (ROOT / "api").rglob("*.sql") if path.parent.name != "dev")
MAY_EXECUTE = ("api/db/pool.py", "api/ops/", "api/dev/")
# `alter role … password` takes no parameters, and names of objects cannot be ones.
MAY_FORMAT = {
    "api/ops/migrate.py:set_passwords", "api/ops/policies.py:_make_anew", "api/ops/policies.py:_switch_on",
    "api/ops/policies.py:_table", "api/ops/policies.py:_drop", "api/ops/policies.py:_uncomment",
    "api/ops/isolation/dashboards.py:_as", "api/ops/isolation/dashboards.py:_dead",
}  # fmt: skip
MAY_COMPOSE = ("api/ops/isolation/",)  # it attacks every table there is, and learns their names from the catalog
# Who runs what a function names: by the transaction that it opens itself, else by where it stands.
ROLES_OF_OPENING = {
    "by_job(": "outbound_worker", "by_operator(": "outbound_platform", "by_hook(": "outbound_public",
    "_db.store(": "outbound_public",
    "unscoped('hook')": "outbound_public", "psycopg.connect(": "outbound_owner",
}  # fmt: skip
ROLES_OF_FOLDER = {"worker": {"outbound_worker"}, "isolation": {"postgres"}}
ROLES_OF_FILE = {
    "jobs.py": {"outbound_worker"}, "polling_jobs.py": {"outbound_worker"}, "effect_jobs.py": {"outbound_worker"},
    "block_list_jobs.py": {"outbound_worker"}, "domain_jobs.py": {"outbound_worker"}, "standing.py": {"outbound_owner"},
    "migrate.py": {"outbound_owner"}, "hosted.py": {"outbound_owner"},
    "policies.py": {"outbound_owner"}, "strength.py": {"outbound_org", "outbound_company"},
    "comparing.py": {"outbound_owner"}, "doctor.py": {"outbound_owner"}, "doctor_keys.py": {"outbound_owner"},
    "operator.py": {"outbound_platform"},
    "platform_routes.py": {"outbound_platform"}, "organizations_cli.py": {"outbound_platform"},
    "idempotency.py": {"outbound_org", "outbound_company"},
    "adding.py": {"outbound_org", "outbound_company", "outbound_worker"},
    "receiving.py": {"outbound_org", "outbound_company"}, "importing.py": {"outbound_worker"},
    "reading.py": {"outbound_worker"}, "understanding.py": {"outbound_worker"},
    "key_rotation.py": {"outbound_worker"}, "stats_cli.py": {"outbound_worker"},
}  # fmt: skip
ROLES_OF_ADDRESS = {"/platform/": {"outbound_platform"}, "/partner/": {"outbound_org"}}
EVERY_TENANT = {"outbound_org", "outbound_company"}


@dataclass(frozen=True)
class Use:
    """One place in Python that names a query."""

    path: Path
    name: str
    roles: frozenset[str]
    file: Path


@cache
def queries_of(path: Path, variable: str = "SQL") -> Path:
    """Return the file that a module's `SQL` stands for, its own or one that it borrows from another module; `OWN` is a
    second one, where the module shares the first with others of its folder."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [variable]:
            call = node.value
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "beside":
                names = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
                return path.with_name(str(names[0]) if names else "queries.sql")
    for name in imports(path):
        if name.startswith("api.") and name.endswith(".SQL") and path.parent.name != "worker":
            return queries_of((ROOT / name.removesuffix(".SQL").replace(".", "/")).with_suffix(".py"))
    return path.with_name("queries.sql")


def uses() -> Iterator[Use]:
    for path in files("api"):
        if path.parent.name == "dev" or not queries_of(path).exists():
            continue
        for function in functions(path):
            roles = frozenset(roles_of(path, function))
            for variable in ("SQL", "OWN"):
                file = queries_of(path, variable)
                yield from (Use(path, name, roles, file) for name in named_in(path, function, variable))


def named_in(path: Path, function: ast.AST, variable: str) -> Iterator[str]:
    """Yield the queries that a function names; a lane's jobs name theirs to `_note` as text."""
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == variable:
            yield node.attr
        elif variable != "SQL":
            continue
        elif path.name.endswith("jobs.py") and isinstance(node, ast.Call) and ast.unparse(node.func) == "_note":
            yield from (arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str))


def roles_of(path: Path, function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    written = ast.unparse(function)
    opened = {role for opening, role in ROLES_OF_OPENING.items() if opening in written}
    if opened:
        return opened
    if path.parent.name in ROLES_OF_FOLDER:
        return ROLES_OF_FOLDER[path.parent.name]
    if path.name in ROLES_OF_FILE:
        return ROLES_OF_FILE[path.name]
    known = routers(path)
    own = [known[name] for item in function.decorator_list if (name := ast.unparse(item).split(".")[0]) in known]
    return set[str]().union(*(own or known.values()))


def routers(path: Path) -> dict[str, set[str]]:
    """Return a file's routers, each with the roles that its addresses are served under."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("APIRouter("):
            written = ast.unparse(node.value)
            roles = (
                EVERY_TENANT
                if "route_class=Guarded" in written or "route_class=Streaming" in written
                else {"outbound_public"}
            )
            named = [special for address, special in ROLES_OF_ADDRESS.items() if f"prefix='{address}" in written]
            found[ast.unparse(node.targets[0])] = named[0] if named else roles
    return found


def every_query() -> list[tuple[Path, Query]]:
    return [(path, query) for path in QUERY_FILES for query in load(path).statements.values()]


def test_every_use_of_a_query_names_one_that_exists() -> None:
    known = {(path, query.name) for path, query in every_query()}
    missing = [f"{shown(use.path)}: {use.name}" for use in uses() if (use.file, use.name) not in known]
    assert missing == []


def test_every_query_is_used() -> None:
    used = {(use.file, use.name) for use in uses()}
    idle = [f"{shown(path)}: {query.name}" for path, query in every_query() if (path, query.name) not in used]
    assert idle == []


def test_every_use_of_a_query_has_a_role_to_run_it() -> None:
    assert [f"{shown(use.path)}: {use.name}" for use in uses() if not use.roles] == []


def test_every_query_says_in_a_sentence_what_it_is_for() -> None:
    silent = [f"{shown(path)}: {query.name}" for path, query in every_query() if not query.about.endswith(".")]
    assert silent == []


def parameters(query: Query) -> dict[str, None]:
    """Return null for each parameter."""

    class Seen(dict[str, None]):
        def __missing__(self, key: str) -> None:
            self[key] = None

    seen = Seen()
    _ = query.sql.decode() % seen
    return dict(seen)


@pytest.fixture
def admin(postgresql: psycopg.Connection[tuple[object, ...]]) -> psycopg.Connection[tuple[object, ...]]:
    postgresql.autocommit = True
    return postgresql


def test_every_query_plans_under_each_role_that_runs_it(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    failed: list[str] = []
    runs = {(use.file, use.name, role) for use in uses() for role in use.roles}
    for path, name, role in sorted(runs):
        query = load(path).statements[name]
        admin.execute(f"set session authorization {role}".encode())
        try:
            admin.execute(b"explain " + query.sql, parameters(query))
        except psycopg.Error as error:
            failed.append(f"{shown(path)}: {name} as {role}: {error}")
        admin.execute("reset session authorization")
    assert len(runs) > 100
    assert failed == []


def is_execute(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in ("execute", "executemany")


def test_only_the_one_door_and_the_tools_execute_statements() -> None:
    elsewhere = [
        f"{shown(path)}:{call.lineno}"
        for path in files("api", "providers")
        for call in calls(path)
        if is_execute(call) and not shown(path).startswith((*MAY_EXECUTE, "providers/simulators/"))
    ]
    assert elsewhere == []


def is_built(argument: ast.expr) -> bool:
    """Whether an expression puts a text together: an f-string, `%`, `+` or `.format`."""
    return any(
        isinstance(node, ast.JoinedStr | ast.BinOp)
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format")
        for node in ast.walk(argument)
    )


def test_no_statement_is_put_together() -> None:
    built = [
        f"{shown(path)}:{function.name}"
        for path in files("api")
        for function in functions(path)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and is_execute(call) and call.args and is_built(call.args[0])
    ]
    assert set(built) == MAY_FORMAT


def test_no_code_binds_parameters_on_the_client_or_composes_sql() -> None:
    forbidden = ("psycopg.sql", "ClientCursor", "AsyncClientCursor", "ClientCursorMixin")
    found = [
        f"{shown(path)}: {name}"
        for path in files("api")
        if not shown(path).startswith(MAY_COMPOSE)
        for name in (*imports(path), *(node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)))
        if name.startswith("psycopg.sql") or name.rpartition(".")[2] in forbidden
    ]
    assert found == []
