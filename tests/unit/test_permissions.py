"""Who may do what: every route is in the table, every permission is some role's, and scopes only ever take away."""

from itertools import combinations

import pytest
from fastapi.routing import APIRoute

from api.access import permissions
from api.access.permissions import (
    PUBLIC,
    ROLES,
    ROUTES,
    SCOPES,
    SELF,
    allows,
    check_routes,
    effective,
    role_permissions,
)
from api.app import ROUTERS
from api.http.routes import Guarded

READ_BY_POST = ("/preflight", "/sequence/preview", "/leads:inspect", "/dashboard-token")
"""What is asked with a body, or costs too much for a GET, and changes nothing."""
NEEDED = sorted({permission for permission in ROUTES.values() if permission not in (PUBLIC, SELF)})


def served() -> list[tuple[str, str, APIRoute]]:
    """Return every route of the application with its method."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return [(method, route.path, route) for route in routes for method in sorted(route.methods or ())]


def test_the_table_and_the_routes_are_the_same() -> None:
    assert {(method, path) for method, path, _ in served()} == set(ROUTES)
    check_routes(ROUTES)


@pytest.mark.parametrize("known", [True, False], ids=["missing route", "unlisted route"])
def test_the_api_does_not_start_with_a_route_that_is_not_in_the_table(known: bool) -> None:
    routes = set(ROUTES)
    if known:
        routes.remove(("GET", "/v1/leads"))
    else:
        routes.add(("DELETE", "/v1/leads"))
    with pytest.raises(RuntimeError, match="/v1/leads"):
        check_routes(routes)


def test_whatever_asks_for_a_permission_is_guarded_and_nothing_else_is() -> None:
    guarded = {(method, path) for method, path, route in served() if isinstance(route, Guarded)}
    assert guarded == {route for route, permission in ROUTES.items() if permission != PUBLIC}


def test_every_permission_is_some_roles_and_needed_somewhere() -> None:
    given = set().union(*ROLES.values())
    assert given == set(NEEDED)


def test_reading_needs_reading_and_writing_needs_writing() -> None:
    for (method, path), permission in ROUTES.items():
        if permission not in (PUBLIC, SELF):
            reads = method == "GET" or path.endswith(READ_BY_POST)
            assert permission.endswith(":read" if reads else ":write"), (method, path)


def test_what_is_above_a_level_is_not_in_its_roles() -> None:
    for role, given in ROLES.items():
        spaces = {path.split("/")[1] for (_, path), permission in ROUTES.items() if permission in given}
        only = {permission for (_, path), permission in ROUTES.items() if path.startswith("/v1/")}
        if role.startswith("company_"):
            assert given <= only, role
        assert ("platform" in spaces) == (role == "platform_admin")
    assert not any(scope.startswith("platform") for scope in SCOPES)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("company_member", "company_admin"),
        ("company_member", "org_member"),
        ("company_admin", "org_admin"),
        ("org_member", "org_admin"),
    ],
)
def test_a_larger_role_includes_the_smaller(smaller: str, larger: str) -> None:
    assert ROLES[smaller] < ROLES[larger]


def test_a_member_changes_neither_people_nor_keys_nor_tenants() -> None:
    kept = {"users:write", "tokens:read", "tokens:write", "company:write", "companies:write", "organization:write",
            "entitlements:write", "connections:write", "audit:read"}  # fmt: skip
    for role in ("org_member", "company_member"):
        assert not ROLES[role] & kept


@pytest.mark.parametrize("role", [*ROLES, None, "", "nobody", "org_admin "])
def test_a_role_allows_what_it_has_and_scopes_take_away(role: str | None) -> None:
    own = role_permissions(role)
    assert own == ROLES.get(role or "", frozenset())
    for permission in NEEDED:
        assert allows(role, None, permission) == (permission in own)
        assert not allows(role, (), permission)
        assert allows(role, (permission,), permission) == (permission in own)
        assert not allows(role, (f"{permission}s", "*", permission.split(":")[0]), permission)
    for first, second in combinations(NEEDED[:6], 2):
        assert not allows(role, (first,), second)
    assert effective(role, None) == own
    assert effective(role, tuple(NEEDED)) == own
    assert effective(role, ()) == frozenset()


def test_what_is_about_the_caller_alone_needs_no_permission() -> None:
    assert allows("company_member", ("leads:read",), SELF)
    assert allows(None, (), SELF)


def test_a_made_up_permission_is_no_roles() -> None:
    for role in ROLES:
        for permission in (PUBLIC, "nobody", "", "campaigns:*", "leads"):
            assert not allows(role, None, permission)
    assert ROLES["org_admin"] == permissions.SCOPES
