"""People: inviting, links, passwords, roles that keep to their level, and no user giving more than they have."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.access.vault import LINK_PREFIX
from tests.api.answers import likeness, pointers, problem, random_id
from tests.api.people import (
    Person,
    caller,
    company_of,
    door,
    invite,
    new_email,
    new_person,
    set_password,
    tenant,
    vault_of,
)
from tests.engine import Company, Engine, Organization

FIELDS = {
    "id", "company_id", "kind", "role", "status", "name", "email", "metadata", "created_at", "updated_at",
}  # fmt: skip


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return tenant(engine)


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return company_of(org)


def colleague(company: Company, email: str | None = None, **fields: Any) -> httpx.Response:
    """Invite a user as a company does."""
    return company.api.post("/v1/users", json={"email": email or new_email(), "name": "Colleague", **fields})


def by_email(client: httpx.Client, email: str, path: str = "/v1/users") -> list[dict[str, Any]]:
    rows = client.get(path, params={"limit": 200}).raise_for_status().json()["data"]
    return [row for row in rows if row["email"] == email]


def test_a_partner_invites_changes_and_deletes_people_of_both_levels(org: Organization, company: Company) -> None:
    for role, owner in (("org_member", None), ("company_admin", company)):
        made = invite(org, role, owner)
        link = made.pop("link")
        assert set(made) == FIELDS
        assert (made["status"], made["kind"], made["role"]) == ("invited", "person", role)
        assert made["company_id"] == (owner.id if owner else None)
        assert link["token"].startswith(LINK_PREFIX)
        assert timedelta(days=2.9) < datetime.fromisoformat(link["expires_at"]) - datetime.now(UTC) < timedelta(days=3)
        path = f"/partner/v1/users/{made['id']}"
        assert org.api.get(path).json() == made
        renamed = org.api.patch(path, json={"name": " New name "}).raise_for_status().json()
        assert renamed == {**made, "name": "New name", "updated_at": renamed["updated_at"]}
        problem(org.api.patch(path, json={"status": "active"}), 409, "user_invited")
        assert org.api.delete(path).status_code == 204
        for answer in (org.api.get(path), org.api.patch(path, json={"name": "x"}), org.api.delete(path)):
            problem(answer, 404, "not_found")
        problem(org.api.post(f"{path}/link"), 404)
        problem(set_password(org.engine, link["token"]), 422, "link_not_valid")


def test_a_company_sees_and_changes_its_own_people_alone(org: Organization, company: Company) -> None:
    other = company_of(org, "Other")
    own, others, partners = (invite(org, r, c) for r, c in (
        ("company_member", company), ("company_member", other), ("org_member", None)
    ))  # fmt: skip
    ids = {row["id"] for row in company.api.get("/v1/users", params={"limit": 200}).json()["data"]}
    assert own["id"] in ids
    assert not ids & {others["id"], partners["id"]}
    for method, suffix, body in (
        ("GET", "", None), ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/link", None),
        ("POST", "/logout", None),
    ):  # fmt: skip
        absent = company.api.request(method, f"/v1/users/{random_id()}{suffix}", json=body)
        for stranger in (others, partners):
            answer = company.api.request(method, f"/v1/users/{stranger['id']}{suffix}", json=body)
            problem(answer, 404, "not_found")
            assert answer.headers.keys() == absent.headers.keys()
        assert company.api.request(method, f"/v1/users/{own['id']}{suffix}", json=body).status_code != 404
        own = invite(org, "company_member", company) if method == "DELETE" else own
    problem(company.api.get("/v1/users", params={"company_id": other.id, "kind": "robot"}), 422)
    assert company.api.get("/v1/users", params={"company_id": other.id}).json()["data"] == []


def test_lists_tell_people_from_programs(org: Organization, company: Company) -> None:
    invite(org, "company_member", company)
    for kind in ("person", "service"):
        rows = company.api.get("/v1/users", params={"kind": kind, "limit": 200}).json()["data"]
        assert {row["kind"] for row in rows} == {kind}
        assert all((row["email"] is None) == (kind == "service") for row in rows)
    whole = org.api.get("/partner/v1/users", params={"limit": 200}).json()["data"]
    of_company = org.api.get("/partner/v1/users", params={"limit": 200, "company_id": company.id}).json()["data"]
    assert {row["company_id"] for row in of_company} == {company.id}
    assert of_company == [row for row in whole if row["company_id"] == company.id]


def test_a_partner_learns_that_an_address_is_in_use(org: Organization, company: Company) -> None:
    person = new_person(org, "company_member", company)
    for body in ({"role": "org_member"}, {"role": "company_member", "company_id": company.id}):
        answer = org.api.post("/partner/v1/users", json={"email": person.email.upper(), "name": "x", **body})
        problem(answer, 409, "email_in_use")
    invite(tenant(org.engine), "org_member", email=person.email)


def test_a_company_is_answered_alike_wherever_an_address_is_in_use(org: Organization, company: Company) -> None:
    other = company_of(org, "Other")
    taken = {
        "free": new_email(),
        "own, active": new_person(org, "company_member", company).email,
        "own, invited": invite(org, "company_member", company)["email"],
        "other company, active": new_person(org, "company_member", other).email,
        "other company, invited": invite(org, "company_member", other)["email"],
        "partner": new_person(org).email,
    }
    seen = set()
    for email in taken.values():
        answer = company.api.post("/v1/users", json={"email": email, "name": "x"}, headers={"X-Request-Id": "same"})
        link = answer.json()["link"]
        assert set(answer.json()) == {"link"}
        assert timedelta(days=2.9) < datetime.fromisoformat(link["expires_at"]) - datetime.now(UTC)
        status, headers, _ = likeness(answer)
        kept = [pair for pair in headers if not pair[0].startswith(b"ratelimit") and pair[0] != b"content-length"]
        seen.add((status, str(kept), len(link["token"]), link["token"][: len(LINK_PREFIX)]))
    assert len(seen) == 1
    assert next(iter(seen))[0] == 202
    assert [row["status"] for row in by_email(company.api, taken["free"])] == ["invited"]
    assert [row["status"] for row in by_email(company.api, taken["own, active"])] == ["active"]


def test_a_link_for_an_address_that_is_taken_elsewhere_does_nothing(org: Organization, company: Company) -> None:
    holder = new_person(org, "company_member", company_of(org, "Other"))
    link = colleague(company, holder.email).raise_for_status().json()["link"]["token"]
    used = set_password(org.engine, link, "the password of a newcomer")
    fresh = colleague(company).raise_for_status().json()["link"]["token"]
    assert (used.status_code, used.content) == (set_password(org.engine, fresh).status_code, b"")
    problem(holder.try_login(password="the password of a newcomer"), 401, "login_failed")
    assert holder.try_login().status_code == 200
    assert [row["status"] for row in by_email(company.api, holder.email)] == ["invited"]


def test_a_person_invited_again_gets_a_new_link_and_stays_one_person(company: Company, engine: Engine) -> None:
    email = new_email()
    first, second = (colleague(company, email).raise_for_status().json()["link"]["token"] for _ in range(2))
    assert len(by_email(company.api, email)) == 1
    problem(set_password(engine, first), 422, "link_not_valid")
    assert set_password(engine, second).status_code == 204
    assert by_email(company.api, email)[0]["status"] == "active"


def test_a_link_is_good_once_and_ends_every_session(org: Organization) -> None:
    person = new_person(org)
    path = f"/partner/v1/users/{person.id}/link"
    with person.session() as session:
        earlier, last = (org.api.post(path).raise_for_status().json()["token"] for _ in range(2))
        assert session.get("/v1/auth/me").status_code == 200
        assert pointers(problem(set_password(org.engine, earlier), 422, "link_not_valid")) == [
            ("/token", "link_not_valid")
        ]
        assert person.try_login().status_code == 200
        fresh = "quite another password"
        assert set_password(org.engine, last, fresh).status_code == 204
        problem(session.get("/v1/auth/me"), 401, "unauthorized")
    problem(set_password(org.engine, last, "and yet another one"), 422, "link_not_valid")
    problem(person.try_login(), 401, "login_failed")
    assert person.try_login(password=fresh).status_code == 200


def test_a_link_that_is_used_many_times_at_once_is_used_once(org: Organization) -> None:
    user = invite(org, "org_member")
    passwords = [f"the password number {number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda word: set_password(org.engine, user["link"]["token"], word), passwords))
    good = [word for word, answer in zip(passwords, answers, strict=True) if answer.status_code == 204]
    assert len(good) == 1
    slug = org.api.get("/partner/v1/organization").json()["slug"]
    assert Person("", slug, user["email"], org.engine, good[0]).try_login().status_code == 200


def test_a_link_that_has_expired_is_no_link(org: Organization) -> None:
    link = invite(org, "org_member")["link"]["token"]
    with org.engine.sql() as sql:
        hmac = vault_of(org.engine).token_hmac(link, purpose="link")
        moved = sql.execute("update ctx.credentials set expires_at = now() where hmac = %s", [hmac])
        assert moved.rowcount == 1
    problem(set_password(org.engine, link), 422, "link_not_valid")
    for bad in (org.engine.vault.new_secret(LINK_PREFIX), link.removeprefix(LINK_PREFIX), "x"):
        problem(set_password(org.engine, bad), 422, "link_not_valid")


def test_a_link_is_no_credential_and_dies_with_its_person(org: Organization) -> None:
    user = invite(org, "org_admin")
    with caller(org.engine, user["link"]["token"]) as client:
        problem(client.get("/v1/auth/me"), 401, "unauthorized")
    person = new_person(org)
    path = f"/partner/v1/users/{person.id}"
    link = org.api.post(f"{path}/link").raise_for_status().json()["token"]
    org.api.patch(path, json={"status": "suspended"}).raise_for_status()
    problem(org.api.post(f"{path}/link"), 404)
    set_password(org.engine, link, "a password while suspended")
    org.api.patch(path, json={"status": "active"}).raise_for_status()
    problem(person.try_login(password="a password while suspended"), 401, "login_failed")
    assert person.try_login().status_code == 200


@pytest.mark.parametrize(("length", "good"), [(0, False), (11, False), (12, True), (128, True), (129, False)])
def test_a_password_has_12_to_128_characters(length: int, good: bool, org: Organization) -> None:
    user = invite(org, "org_member")
    password = "pä" * 64 + "s"
    answer = set_password(org.engine, user["link"]["token"], password[:length])
    if good:
        assert answer.status_code == 204
        slug = org.api.get("/partner/v1/organization").json()["slug"]
        assert Person("", slug, user["email"], org.engine, password[:length]).try_login().status_code == 200
    else:
        assert pointers(problem(answer, 422, "invalid_request"))[0][0] == "/password"
        assert set_password(org.engine, user["link"]["token"]).status_code == 204


def test_a_role_keeps_to_its_level(org: Organization, company: Company) -> None:
    body = {"email": new_email(), "name": "x"}
    for extra in (
        {"role": "company_admin"}, {"role": "org_admin", "company_id": company.id},
        {"role": "org_member", "company_id": company.id},
    ):  # fmt: skip
        problem(org.api.post("/partner/v1/users", json={**body, **extra}), 422, "role_mismatch")
    for role in ("platform_admin", "owner", "", None):
        problem(org.api.post("/partner/v1/users", json={**body, "role": role}), 422, "invalid_request")
    for role in ("org_admin", "org_member", "platform_admin"):
        problem(colleague(company, role=role), 422, "invalid_request")
    mine, theirs = invite(org, "org_member"), invite(org, "company_member", company)
    for user, role in ((mine, "company_admin"), (theirs, "org_admin"), (theirs, "org_member")):
        problem(org.api.patch(f"/partner/v1/users/{user['id']}", json={"role": role}), 422)
    assert company.api.patch(f"/v1/users/{theirs['id']}", json={"role": "org_admin"}).status_code in (403, 422)
    unknown = {**body, "role": "company_member", "company_id": random_id()}
    problem(org.api.post("/partner/v1/users", json=unknown), 422, "unknown_reference")


def test_no_user_changes_their_own_role_status_or_existence(org: Organization, company: Company) -> None:
    for owner, role, base in ((None, "org_admin", "/partner/v1/users"), (company, "company_admin", "/v1/users")):
        person = new_person(org, role, owner)
        with person.session() as session:
            path = f"{base}/{person.id}"
            level = role.split("_")[0]
            for change in ({"role": f"{level}_member"}, {"role": role}, {"status": "suspended"}, {"status": "active"}):
                problem(session.patch(path, json=change), 409, "own_user")
            problem(session.delete(path), 409, "own_user")
            assert session.patch(path, json={"name": "Renamed"}).json()["name"] == "Renamed"
            assert session.get("/v1/auth/me").json()["role"] == role


def scoped(client: httpx.Client, path: str, engine: Engine, *scopes: str) -> httpx.Client:
    made = client.post(path, json={"scopes": list(scopes)}).raise_for_status().json()
    return caller(engine, made["token"])


def test_no_user_gives_or_touches_more_than_they_have(org: Organization, company: Company, engine: Engine) -> None:
    narrow = scoped(org.api, "/partner/v1/api-tokens", engine, "users:read", "users:write", "tokens:write")
    admin, member = (invite(org, role) for role in ("org_admin", "org_member"))
    staff = [admin, member, invite(org, "company_admin", company), invite(org, "company_member", company)]
    for role, owner in (("org_admin", None), ("org_member", None), ("company_admin", company.id)):
        body = {"email": new_email(), "name": "x", "role": role, **({"company_id": owner} if owner else {})}
        problem(narrow.post("/partner/v1/users", json=body), 403, "beyond_own_permissions")
    for user in staff:
        path = f"/partner/v1/users/{user['id']}"
        answers = [narrow.patch(path, json={"name": "x"}), narrow.delete(path), narrow.post(f"{path}/link")]
        for answer in answers:
            problem(answer, 403, "beyond_own_permissions")
    own = scoped(company.api, "/v1/api-tokens", engine, "users:write")
    problem(own.post("/v1/users", json={"email": new_email(), "name": "x"}), 403, "beyond_own_permissions")
    problem(own.post(f"/v1/users/{staff[3]['id']}/link"), 403, "beyond_own_permissions")


@pytest.mark.parametrize("body", [
    {"org_id": random_id()}, {"status": "active"}, {"password": "a long password here"}, {"password_hash": "x"},
    {"kind": "service"}, {"id": random_id()}, {"email": "no address"}, {"email": "a\0b@example.com"}, {"name": ""},
    {"name": " "}, {"metadata": {"a": 1}}, {"metadata": None},
], ids=[
    "org_id", "status", "password", "password_hash", "kind", "id", "no address", "NUL", "no name", "blank name",
    "number", "null",
])  # fmt: skip
def test_a_person_has_no_field_that_only_we_may_set(body: dict[str, Any], org: Organization, company: Company) -> None:
    good = {"email": new_email(), "name": "x", "role": "org_member"}
    problem(org.api.post("/partner/v1/users", json={**good, **body}), 422)
    problem(colleague(company, **{"email": new_email(), **body}), 422)
    assert by_email(org.api, good["email"], "/partner/v1/users") == []


@pytest.mark.parametrize("field", ["email", "kind", "company_id", "org_id", "password", "id", "created_at"])
def test_a_change_of_a_person_names_only_what_may_change(field: str, org: Organization) -> None:
    user = invite(org, "org_member")
    path = f"/partner/v1/users/{user['id']}"
    problem(org.api.patch(path, json={field: user.get(field)}), 422, "invalid_request")
    assert org.api.get(path).json()["updated_at"] == user["updated_at"]


def test_an_administrator_ends_the_sessions_of_another_user(org: Organization, company: Company) -> None:
    person = new_person(org, "company_member", company)
    with person.session() as session, door(org.engine):
        assert company.api.post(f"/v1/users/{person.id}/logout").status_code == 204
        problem(session.get("/v1/auth/me"), 401, "unauthorized")
    assert person.try_login().status_code == 200
