"""Every role at every route, from the tables themselves: refused exactly where they say so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from api.access.permissions import PUBLIC, ROLES, ROUTES, SCOPES, SELF, effective
from tests.api.answers import problem, random_id
from tests.api.people import caller, company_of, door, new_email, operator, tenant
from tests.bodies import request_for, taking_bodies
from tests.engine import Company, Engine, Organization

GUARDED = [(method, path) for (method, path), permission in ROUTES.items() if permission != PUBLIC]
PLACEHOLDER = re.compile(r"{(\w+)}")
ONE_COMPANY = ("/v1/company", "/v1/capabilities", "/v1/events", "/v1/stats")


@dataclass
class Stage:
    """A tenant with a credential of each role."""

    org: Organization
    company: Company
    credentials: dict[str, httpx.Client]


def with_role(org: Organization, role: str, company_id: str | None) -> httpx.Client:
    """Make a token, and give its service user the role."""
    made = org.api.post("/partner/v1/api-tokens", json={"company_id": company_id}).raise_for_status().json()
    org.api.patch(f"/partner/v1/users/{made['user_id']}", json={"role": role}).raise_for_status()
    return caller(org.engine, made["token"])


@pytest.fixture(scope="module")
def stage(engine: Engine) -> Iterator[Stage]:
    org = tenant(engine)
    company = company_of(org)
    credentials = {"platform_admin": operator(engine)}
    for role in ROLES:
        if role != "platform_admin":
            credentials[role] = with_role(org, role, company.id if role.startswith("company_") else None)
    yield Stage(org, company, credentials)
    for client in credentials.values():
        client.close()


def invented(name: str) -> str:
    """Return something of the right form that names nothing, so that nothing but the permission can refuse it."""
    own = {"email": new_email(), "mark": "x", "slug": f"made-{random_id()}", "api_key": "x"}
    return own.get(name) or random_id()


def ask(client: httpx.Client, method: str, path: str, stage: Stage) -> httpx.Response:
    filled = PLACEHOLDER.sub(lambda match: "email_outreach" if match[1] == "capability" else random_id(), path)
    # What is about one company must name one, where an organization asks.
    request = request_for(method, path, invented)
    if path in ONE_COMPANY:
        request["params"] = {"company_id": stage.company.id}
    return client.request(method, filled, **request)


def level(role: str) -> str:
    return role.partition("_")[0]


def there(tier: str, path: str) -> bool:
    """Whether an address exists for a tier at all."""
    spaces = {"platform": ("/platform/",), "org": ("/partner/", "/v1/"), "company": ("/v1/",)}
    return path.startswith(spaces[tier])


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_refused_exactly_where_the_table_says_so(role: str, stage: Stage) -> None:
    client, wrong, refused = stage.credentials[role], [], 0
    for method, path in GUARDED:
        answer = ask(client, method, path, stage)
        permission = ROUTES[(method, path)]
        allowed = permission == SELF or permission in ROLES[role]
        code = answer.json()["code"] if answer.status_code in (403, 404) else ""
        if not there(level(role), path):
            fits = (answer.status_code, code) == (404, "not_found")
        elif allowed:
            fits = code != "forbidden"
        else:
            fits = (answer.status_code, code) == (403, "forbidden")
            refused += 1
        if not fits:
            wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:120]}")
    assert wrong == []
    assert (refused == 0) == (role in ("platform_admin", "org_admin", "company_admin"))


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_one_scope_opens_the_routes_that_need_it_and_no_other(scope: str, stage: Stage) -> None:
    made = stage.org.api.post("/partner/v1/api-tokens", json={"scopes": [scope]}).raise_for_status().json()
    wrong = []
    with caller(stage.org.engine, made["token"]) as client:
        for method, path in GUARDED:
            if not there("org", path):
                continue
            answer = ask(client, method, path, stage)
            forbidden = answer.status_code == 403 and answer.json()["code"] == "forbidden"
            if forbidden == (ROUTES[(method, path)] in (scope, SELF)):
                wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:120]}")
    assert wrong == []


def test_every_documented_operation_has_its_permission(stage: Stage) -> None:
    document = stage.org.api.get("/partner/openapi.json").raise_for_status().json()
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert documented == {route for route in ROUTES if there("org", route[1])}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            public = ROUTES[(method.upper(), path)] == PUBLIC
            assert ("security" in operation) is not public, (method, path)


def test_every_operation_with_a_body_is_called_with_one(stage: Stage) -> None:
    document = stage.org.api.get("/partner/openapi.json").raise_for_status().json()
    taking = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "requestBody" in operation and ROUTES[(method.upper(), path)] != PUBLIC
    }
    assert taking == {key for key in taking_bodies() if there("org", key[1]) and ROUTES[key] != PUBLIC}
    assert all(request_for(*key, invented) for key in taking)


def test_without_a_credential_every_guarded_route_is_a_401(stage: Stage) -> None:
    with door(stage.org.engine) as client:
        for method, path in GUARDED:
            problem(ask(client, method, path, stage), 401, "unauthorized")


@pytest.mark.parametrize("role", [role for role in ROLES if role != "platform_admin"])
def test_every_user_is_shown_what_they_may_do(role: str, stage: Stage) -> None:
    me = stage.credentials[role].get("/v1/auth/me").raise_for_status().json()
    assert (me["role"], me["permissions"]) == (role, sorted(effective(role, None)))
    assert me["tier"] == level(role)
    assert me["company_id"] == (stage.company.id if role.startswith("company_") else None)
