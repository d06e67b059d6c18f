"""The operator: makes, changes, suspends and deletes organizations; every other caller finds nothing there."""

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.answers import REQUEST_ID, likeness, pointers, problem, random_id
from tests.api.people import caller, company_of, door, new_person, operator, tenant
from tests.engine import Engine, Organization, wait_for

BASE = "/platform/v1/organizations"
FIELDS = {
    "id", "name", "slug", "status", "sandbox", "require_postal_address", "metadata", "created_at", "updated_at",
}  # fmt: skip


@pytest.fixture
def platform(engine: Engine) -> Iterator[httpx.Client]:
    with operator(engine) as client:
        yield client


def new_slug() -> str:
    return f"made-{secrets.token_hex(6)}"


def create(platform: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = platform.post(BASE, json={"name": "Made", "slug": new_slug(), **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_organization_is_made_with_its_first_token(platform: httpx.Client, engine: Engine) -> None:
    made = create(platform, name=" Birch ", metadata={"plan": "small"})
    token = made.pop("api_token")
    assert set(made) == FIELDS
    assert (made["name"], made["status"], made["metadata"]) == ("Birch", "active", {"plan": "small"})
    assert engine.vault.token_tier(token) == "org"
    got = platform.get(f"{BASE}/{made['id']}")
    assert got.json() == made
    assert token not in got.text
    with caller(engine, token) as client:
        assert client.get("/partner/v1/organization").json() == made
        assert client.get("/v1/auth/me").json()["role"] == "org_admin"
        assert client.post("/partner/v1/companies", json={"name": "First"}).status_code == 201


def test_a_slug_is_given_out_once(platform: httpx.Client) -> None:
    made, other = create(platform), create(platform)
    problem(platform.post(BASE, json={"name": "x", "slug": made["slug"]}), 409)
    problem(platform.patch(f"{BASE}/{other['id']}", json={"slug": made["slug"]}), 409)
    assert platform.get(f"{BASE}/{other['id']}").json()["slug"] == other["slug"]
    for slug in ("", "Upper", "-first", "blank blank", "x" * 64, "ü", "a/b", "a\n"):
        document = problem(platform.post(BASE, json={"name": "x", "slug": slug}), 422, "invalid_request")
        assert pointers(document)[0][0] == "/slug"


@pytest.mark.parametrize("extra", [{"status": "active"}, {"org_id": random_id()}, {"id": random_id()}, {"tier": "org"}],
                         ids=["status", "org_id", "id", "tier"])  # fmt: skip
def test_an_organization_has_no_field_that_only_we_may_set(extra: dict[str, Any], platform: httpx.Client) -> None:
    problem(platform.post(BASE, json={"name": "x", "slug": new_slug(), **extra}), 422, "invalid_request")


def test_an_organization_is_changed_in_the_version_that_was_read(platform: httpx.Client) -> None:
    path = f"{BASE}/{create(platform)['id']}"
    tag = platform.get(path).headers["etag"]
    changed = platform.patch(path, json={"name": "New", "slug": new_slug()}, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text
    assert changed.json()["name"] == "New"
    assert changed.headers["etag"] != tag
    problem(platform.patch(path, json={"name": "Late"}, headers={"If-Match": tag}), 412, "precondition_failed")
    assert platform.patch(path, json={}, headers={"If-Match": "*"}).json()["name"] == "New"
    problem(platform.patch(path, json={"status": "deleting"}), 422, "invalid_request")


def test_what_there_is_not_is_not_found(platform: httpx.Client) -> None:
    for path in (f"{BASE}/{random_id()}", f"{BASE}/nonsense"):
        problem(platform.get(path), 404, "not_found")
        problem(platform.patch(path, json={}), 404, "not_found")
        problem(platform.delete(path), 404, "not_found")
        problem(platform.post(f"{path}/api-tokens", json={}), 404, "not_found")


def test_the_list_is_whole_page_by_page(platform: httpx.Client) -> None:
    made = [create(platform)["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while not set(made) <= set(seen):
        page = platform.get(BASE, params={"limit": 2, **cursor}).raise_for_status().json()
        assert len(page["data"]) <= 2
        seen += [row["id"] for row in page["data"]]
        assert page["next_cursor"] is not None or set(made) <= set(seen)
        cursor = {"cursor": page["next_cursor"] or ""}
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen))
    problem(platform.get(BASE, params={"cursor": "!"}), 422, "invalid_cursor")


def test_an_organization_can_begin_again_with_another_token(platform: httpx.Client, engine: Engine) -> None:
    org = tenant(engine)
    made = platform.post(f"{BASE}/{org.id}/api-tokens", json={"name": "Again"}).raise_for_status().json()
    assert set(made) == {"id", "name", "last_four", "token"}
    with caller(engine, made["token"]) as client:
        assert client.get("/partner/v1/organization").json()["id"] == org.id
    assert made["token"] not in org.api.get("/partner/v1/api-tokens").text
    assert made["id"] in org.api.get("/partner/v1/api-tokens").text


def test_to_a_tenant_the_operators_addresses_do_not_exist(engine: Engine) -> None:
    org = tenant(engine)
    company = company_of(org)
    with new_person(org).session() as person:
        for client in (org.api, company.api, person):
            for method, path in (
                ("GET", BASE), ("POST", BASE), ("GET", f"{BASE}/{org.id}"), ("PATCH", f"{BASE}/{org.id}"),
                ("DELETE", f"{BASE}/{org.id}"), ("POST", f"{BASE}/{org.id}/api-tokens"), ("PUT", BASE),
            ):  # fmt: skip
                for body in (None, {"name": "x", "slug": new_slug()}):
                    answer = client.request(method, path, json=body, headers={"X-Request-Id": REQUEST_ID})
                    nothing = client.request(method, "/platform/v1/nothing", headers={"X-Request-Id": REQUEST_ID})
                    assert likeness(answer) == likeness(nothing), (method, path)
                    problem(answer, 404, "not_found")
    assert org.api.get("/partner/v1/organization").json()["status"] == "active"
    assert "/platform" not in org.api.get("/partner/openapi.json").text


def test_to_an_operator_the_tenants_addresses_do_not_exist(platform: httpx.Client) -> None:
    for path in ("/v1/campaigns", "/v1/auth/me", "/partner/v1/companies", "/v1/api-tokens", "/partner/openapi.json"):
        problem(platform.get(path), 404, "not_found")


def test_a_bad_operators_token_is_a_401(engine: Engine, platform: httpx.Client) -> None:
    token = platform.headers["authorization"].removeprefix("Bearer ")
    assert platform.get(BASE).status_code == 200
    with door(engine) as client:
        problem(client.get(BASE), 401, "unauthorized")
        swapped = f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}"
        problem(client.get(BASE, headers={"Authorization": f"Bearer {swapped}"}), 401, "unauthorized")
    for column in ("revoked_at", "expires_at"):
        with operator(engine) as client, engine.sql() as sql:
            assert client.get(BASE).status_code == 200
            sql.execute(
                f"update outbound.platform_tokens set {column} = now() where id = (select id from"  # noqa: S608
                " outbound.platform_tokens order by id desc limit 1)"
            )
            problem(client.get(BASE), 401, "unauthorized")


def test_a_suspended_organization_is_shut_and_opens_again(platform: httpx.Client, engine: Engine) -> None:
    org = tenant(engine)
    company = company_of(org)
    person = new_person(org, "company_member", company)
    path = f"{BASE}/{org.id}"
    with person.session() as session:
        assert platform.patch(path, json={"status": "suspended"}).json()["status"] == "suspended"
        for client in (org.api, company.api, session):
            problem(client.get("/v1/campaigns"), 401, "unauthorized")
        problem(person.try_login(), 401, "login_failed")
        assert platform.get(path).json()["status"] == "suspended"
        assert platform.patch(path, json={"status": "active"}).json()["status"] == "active"
        for client in (org.api, company.api, session):
            assert client.get("/v1/campaigns").status_code == 200
        assert person.try_login().status_code == 200


def test_a_deleted_organization_is_shut_and_then_gone(platform: httpx.Client, engine: Engine) -> None:
    org = tenant(engine)
    company = company_of(org)
    person = new_person(org)
    slug, path = person.slug, f"{BASE}/{org.id}"
    answer = platform.delete(path)
    assert (answer.status_code, answer.json()["status"]) == (202, "deleting")
    for client in (org.api, company.api):
        problem(client.get("/v1/campaigns"), 401, "unauthorized")
    problem(person.try_login(), 401, "login_failed")
    wait_for("the end", lambda: platform.get(path).status_code == 404, 30)
    assert org.id not in platform.get(BASE, params={"limit": 200}).text
    for method, body in (("PATCH", {"status": "active"}), ("DELETE", None)):
        problem(platform.request(method, path, json=body), 404)
    problem(platform.post(f"{path}/api-tokens", json={}), 404)
    with engine.sql() as sql:
        for table in ("companies", "users", "api_tokens", "campaigns", "leads"):
            query = f"select count(*) as n from outbound.{table} where org_id = %s and deleted_at is null"  # noqa: S608
            assert sql.execute(query, [org.id]).fetchone() == {"n": 0}, table
    assert create(platform, slug=slug)["id"] != org.id


def test_an_organization_that_is_being_deleted_is_not_opened_again(platform: httpx.Client, engine: Engine) -> None:
    org: Organization = tenant(engine)
    company = company_of(org)
    org.connect(company)
    path = f"{BASE}/{org.id}"
    assert platform.delete(path).status_code == 202
    for status in ("active", "suspended"):
        answer = platform.patch(path, json={"status": status})
        assert answer.status_code in (404, 409), answer.text
    assert platform.delete(path).status_code in (202, 404)
    wait_for("the end", lambda: platform.get(path).status_code == 404, 30)


def test_what_an_operator_does_is_on_the_organizations_record(platform: httpx.Client, engine: Engine) -> None:
    org = tenant(engine)
    company = company_of(org)
    platform.patch(f"{BASE}/{org.id}", json={"name": "By us"}, headers={"X-Request-Id": "by-us"}).raise_for_status()
    rows = org.api.get("/partner/v1/audit-log").json()["data"]
    (entry,) = [row for row in rows if row["request_id"] == "by-us"]
    assert (entry["action"], entry["actor"]["tier"]) == ("update_organization", "platform")
    assert entry["actor"]["credential_id"] is not None
    assert "by-us" not in company.api.get("/v1/audit-log").text
