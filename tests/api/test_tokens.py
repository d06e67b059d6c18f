"""API tokens: shown once, narrowed by scopes, rotated with an overlap, and in a company's own hands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.access.permissions import ROLES, SCOPES
from api.access.vault import last_four
from tests.api.answers import pointers, problem, random_id
from tests.api.people import caller, company_of, invite, new_person, second_api, tenant
from tests.engine import Company, Engine, Organization

FIELDS = {
    "id", "company_id", "user_id", "made_by", "name", "scopes", "last_four", "expires_at", "revoked_at", "last_used_at",
    "replaced_by", "created_at", "updated_at",
}  # fmt: skip
OWN, PARTNERS = "/v1/api-tokens", "/partner/v1/api-tokens"


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return tenant(engine)


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return company_of(org)


def made(client: httpx.Client, path: str = OWN, **body: Any) -> dict[str, Any]:
    return client.post(path, json=body).raise_for_status().json()


def works(engine: Engine, token: str) -> bool:
    """Whether a token is let in."""
    with caller(engine, token) as client:
        status = client.get("/v1/auth/me").status_code
    assert status in (200, 401)
    return status == 200


def test_a_token_is_shown_once_and_never_again(org: Organization, company: Company, engine: Engine) -> None:
    for client, path, tier in ((company.api, OWN, "company"), (org.api, PARTNERS, "org")):
        token = made(client, path, name="For the CRM")
        secret = token.pop("token")
        assert set(token) == FIELDS
        assert (token["last_four"], token["name"], token["scopes"]) == (last_four(secret), "For the CRM", None)
        assert engine.vault.token_tier(secret) == tier
        assert works(engine, secret)
        pages = [client.get(f"{path}/{token['id']}"), client.get(path, params={"limit": 200})]
        pages.append(org.api.get("/partner/v1/audit-log", params={"limit": 200}))
        assert all(secret not in page.raise_for_status().text for page in pages)
        assert set(pages[0].json()) == FIELDS
        with engine.sql() as sql:
            rows = sql.execute("select t::text as t from outbound.api_tokens as t where id = %s", [token["id"]])
            assert secret not in str(rows.fetchall())


def test_a_company_lists_and_revokes_its_own_tokens_alone(org: Organization, company: Company, engine: Engine) -> None:
    other = company_of(org, "Other")
    mine, theirs, partners = made(company.api), made(other.api), made(org.api, PARTNERS)
    ids = {row["id"] for row in company.api.get(OWN, params={"limit": 200}).json()["data"]}
    assert mine["id"] in ids
    assert not ids & {theirs["id"], partners["id"]}
    for stranger in (theirs["id"], partners["id"], random_id()):
        for answer in (
            company.api.get(f"{OWN}/{stranger}"), company.api.delete(f"{OWN}/{stranger}"),
            company.api.post(f"{OWN}/{stranger}/rotate", json={}),
        ):  # fmt: skip
            problem(answer, 404, "not_found")
    for company_id in (other.id, random_id()):
        answer = company.api.post(OWN, json={"company_id": company_id})
        assert pointers(problem(answer, 422, "unknown_reference")) == [("/company_id", "unknown_reference")]
    assert company.api.delete(f"{OWN}/{mine['id']}").status_code == 204
    assert company.api.delete(f"{OWN}/{mine['id']}").status_code == 204
    assert company.api.get(f"{OWN}/{mine['id']}").json()["revoked_at"] is not None
    assert [works(engine, token["token"]) for token in (mine, theirs, partners)] == [False, True, True]


def test_a_partner_makes_tokens_for_its_companies_and_filters_by_them(org: Organization, company: Company) -> None:
    token = made(org.api, PARTNERS, company_id=company.id)
    assert org.engine.vault.token_tier(token["token"]) == "company"
    assert company.api.get(f"{OWN}/{token['id']}").json()["id"] == token["id"]
    rows = org.api.get(PARTNERS, params={"company_id": company.id, "limit": 200}).json()["data"]
    assert {row["company_id"] for row in rows} == {company.id}
    everything = org.api.get(PARTNERS, params={"limit": 200}).json()["data"]
    assert None in {row["company_id"] for row in everything}
    assert "company_id_required" in org.api.post(OWN, json={}).text


def test_scopes_narrow_what_a_token_may_do(company: Company, engine: Engine) -> None:
    token = made(company.api, scopes=["leads:read", "campaigns:read", "leads:read"])
    assert token["scopes"] == ["campaigns:read", "leads:read"]
    with caller(engine, token["token"]) as client:
        assert client.get("/v1/auth/me").json()["permissions"] == ["campaigns:read", "leads:read"]
        assert client.get("/v1/campaigns").status_code == client.get("/v1/leads").status_code == 200
        body = {"name": "x", "capability": "email_outreach"}
        for answer in (client.post("/v1/campaigns", json=body), client.get("/v1/suppressions"), client.get(OWN)):
            problem(answer, 403, "forbidden")


@pytest.mark.parametrize(
    "scopes",
    [["campaigns"], ["*"], ["platform:read"], ["campaigns:delete"], [""], [], ["campaigns:read"] * 51, "leads"],
    ids=["half", "star", "platform", "other verb", "empty", "none", "too many", "no list"],
)  # fmt: skip
def test_a_scope_that_there_is_not_is_named(scopes: Any, company: Company, org: Organization) -> None:
    for client, path in ((company.api, OWN), (org.api, PARTNERS)):
        document = problem(client.post(path, json={"scopes": scopes}), 422, "invalid_request")
        assert pointers(document)[0][0].startswith("/scopes")


def test_scopes_above_a_role_are_refused(org: Organization, company: Company) -> None:
    body = {"scopes": ["companies:write", "campaigns:read"]}
    for client, path, more in ((company.api, OWN, {}), (org.api, PARTNERS, {"company_id": company.id})):
        document = problem(client.post(path, json={**body, **more}), 422, "scope_beyond_role")
        assert pointers(document) == [("/scopes", "scope_beyond_role")]


def test_a_narrow_token_makes_no_wider_one(org: Organization, company: Company, engine: Engine) -> None:
    scopes = ["tokens:read", "tokens:write", "leads:read"]
    narrow = made(company.api, scopes=scopes)
    wide = made(company.api)
    with caller(engine, narrow["token"]) as client:
        for wider in ([*scopes, "leads:write"], ["campaigns:read"], sorted(ROLES["company_admin"])):
            problem(client.post(OWN, json={"scopes": wider}), 403, "beyond_own_permissions")
        assert client.post(OWN, json={}).json()["scopes"] == sorted(scopes)
        assert client.post(OWN, json={"scopes": ["leads:read"]}).json()["scopes"] == ["leads:read"]
        problem(client.post(f"{OWN}/{wide['id']}/rotate", json={}), 403, "beyond_own_permissions")
        assert client.post(f"{OWN}/{narrow['id']}/rotate", json={}).json()["scopes"] == sorted(scopes)
    partner = made(org.api, PARTNERS, scopes=["tokens:write"])
    with caller(engine, partner["token"]) as client:
        for body in ({"company_id": company.id, "scopes": ["leads:read"]}, {"scopes": sorted(SCOPES)}):
            problem(client.post(PARTNERS, json=body), 403, "beyond_own_permissions")


def test_a_token_speaks_for_the_person_it_names(org: Organization, company: Company, engine: Engine) -> None:
    person = new_person(org, "company_member", company)
    token = made(company.api, user_id=person.id)
    assert token["user_id"] == person.id
    with caller(engine, token["token"]) as client:
        me = client.get("/v1/auth/me").json()
        assert (me["role"], me["auth_method"]) == ("company_member", "token")
        problem(client.get("/v1/users"), 403, "forbidden")
    others = [
        new_person(org).id, new_person(org, "company_member", company_of(org, "Other")).id, random_id(),
        invite(org, "company_member", company)["id"],
    ]  # fmt: skip
    for user_id in others:
        answer = company.api.post(OWN, json={"user_id": user_id})
        assert pointers(problem(answer, 422, "unknown_reference")) == [("/user_id", "unknown_reference")]
    problem(org.api.post(PARTNERS, json={"user_id": person.id}), 422, "unknown_reference")


def test_a_member_makes_no_tokens_at_all(org: Organization, company: Company) -> None:
    for role, owner, path in (("org_member", None, PARTNERS), ("company_member", company, OWN)):
        with new_person(org, role, owner).session() as session:
            problem(session.post(path, json={}), 403, "forbidden")


@pytest.mark.parametrize("level", ["company", "organization"])
def test_a_rotated_token_works_beside_its_successor_and_then_no_more(
    level: str, org: Organization, company: Company, engine: Engine
) -> None:
    client, path = (company.api, OWN) if level == "company" else (org.api, PARTNERS)
    old = made(client, path, name="Rotated", scopes=["tokens:read", "tokens:write"])
    with engine.sql() as sql:
        day = client.post(f"{path}/{old['id']}/rotate", json={})
        assert day.status_code == 201
        new = day.json()
        assert set(new) == FIELDS | {"token"}
        same = ("name", "scopes", "user_id", "made_by", "company_id")
        assert [new[name] for name in same] == [old[name] for name in same]
        assert [works(engine, token["token"]) for token in (old, new)] == [True, True]
        shown = client.get(f"{path}/{old['id']}").json()
        assert shown["replaced_by"] == new["id"]
        left = datetime.fromisoformat(shown["expires_at"]) - datetime.now(UTC)
        assert timedelta(hours=23.9) < left <= timedelta(hours=24)
        sql.execute("update outbound.api_tokens set expires_at = now() where id = %s", [old["id"]])
    assert [works(engine, token["token"]) for token in (old, new)] == [False, True]
    problem(client.post(f"{path}/{old['id']}/rotate", json={}), 409, "token_not_active")


def test_a_rotation_without_overlap_ends_the_old_one_at_once(company: Company, engine: Engine) -> None:
    old = made(company.api)
    new = made(company.api, f"{OWN}/{old['id']}/rotate", overlap_seconds=0)
    assert [works(engine, token["token"]) for token in (old, new)] == [False, True]
    problem(company.api.post(f"{OWN}/{old['id']}/rotate", json={}), 409, "token_not_active")
    company.api.delete(f"{OWN}/{new['id']}").raise_for_status()
    problem(company.api.post(f"{OWN}/{new['id']}/rotate", json={}), 409, "token_not_active")
    for overlap in (-1, 604_801, 1.5, "soon", None):
        problem(company.api.post(f"{OWN}/{old['id']}/rotate", json={"overlap_seconds": overlap}), 422)


def test_a_rotation_lengthens_no_life_and_happens_once(company: Company, engine: Engine) -> None:
    end = datetime.now(UTC) + timedelta(minutes=5)
    old = made(company.api, expires_at=end.isoformat())
    new = made(company.api, f"{OWN}/{old['id']}/rotate")
    assert datetime.fromisoformat(company.api.get(f"{OWN}/{old['id']}").json()["expires_at"]) == end
    problem(company.api.post(f"{OWN}/{old['id']}/rotate", json={}), 409, "token_not_active")
    company.api.delete(f"{OWN}/{old['id']}").raise_for_status()
    assert [works(engine, token["token"]) for token in (old, new)] == [False, True]


@pytest.mark.parametrize("body", [
    {"org_id": random_id()}, {"tier": "org"}, {"role": "org_admin"}, {"hmac": "x"}, {"token": "x"}, {"name": ""},
    {"name": "a\0b"}, {"expires_at": "2030-01-01T00:00:00"}, {"expires_at": "soon"}, {"user_id": "me"},
    {"revoked_at": None},
], ids=lambda body: next(iter(body)) + "-" + str(len(str(body))))  # fmt: skip
def test_a_token_has_no_field_that_only_we_may_set(body: dict[str, Any], company: Company, org: Organization) -> None:
    problem(company.api.post(OWN, json=body), 422, "invalid_request")
    problem(org.api.post(PARTNERS, json=body), 422, "invalid_request")


def test_it_is_known_when_a_token_was_last_used(company: Company, engine: Engine) -> None:
    used, idle = made(company.api), made(company.api)
    with second_api(engine) as url, caller(engine, used["token"], url) as client:
        started = datetime.now(UTC)
        client.get("/v1/campaigns").raise_for_status()
        made(client, name="by a write")
        ended = datetime.now(UTC)
    # It is written down every half minute, and when the process ends.
    at = datetime.fromisoformat(company.api.get(f"{OWN}/{used['id']}").json()["last_used_at"])
    assert started <= at <= ended
    assert company.api.get(f"{OWN}/{idle['id']}").json()["last_used_at"] is None
