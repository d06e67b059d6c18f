"""The audit log: every write, who did it and to what; a partner's own acts stay hidden from its companies."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from tests.api.answers import problem, random_id
from tests.api.people import Person, caller, company_of, invite, new_email, new_person, set_password, tenant
from tests.engine import Company, Engine, Organization

OWN, PARTNERS = "/v1/audit-log", "/partner/v1/audit-log"
FIELDS = {"id", "company_id", "action", "actor", "target", "request_id", "created_at"}
Entry = dict[str, Any]


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return tenant(engine)


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return company_of(org)


def entries(client: httpx.Client, path: str = OWN, **params: Any) -> list[Entry]:
    return client.get(path, params={"limit": 200, **params}).raise_for_status().json()["data"]


def noted(client: httpx.Client, request_id: str, path: str = OWN) -> list[Entry]:
    return [entry for entry in entries(client, path) if entry["request_id"] == request_id]


def campaign(company: Company) -> str:
    body = {"name": "x", "capability": "email_outreach"}
    return company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]


# What a company does: the request, the action that is noted, and where the target's id comes from.
Act = tuple[str, str, dict[str, Any] | None, str]
ACTS: dict[str, Callable[[Company], Act]] = {
    "create_campaign": lambda c: ("POST", "/v1/campaigns", {"name": "x", "capability": "email_outreach"}, "id"),
    "update_campaign": lambda c: ("PATCH", f"/v1/campaigns/{campaign(c)}", {"name": "y"}, "campaign_id"),
    "add_leads": lambda c: (
        "POST", f"/v1/campaigns/{campaign(c)}/leads", {"leads": [{"email": new_email()}]}, "campaign_id"
    ),
    "create_suppression": lambda c: ("POST", "/v1/suppressions", {"email": new_email()}, "id"),
    "create_own_api_token": lambda c: ("POST", "/v1/api-tokens", {}, "id"),
    "update_own_company": lambda c: ("PATCH", "/v1/company", {"name": "Renamed"}, "id"),
    "invite_user": lambda c: ("POST", "/v1/users", {"email": new_email(), "name": "x"}, ""),
}  # fmt: skip


@pytest.mark.parametrize("action", ACTS)
def test_what_a_company_does_is_seen_by_both(action: str, org: Organization, company: Company, engine: Engine) -> None:
    token = company.api.post("/v1/api-tokens", json={}).raise_for_status().json()
    method, path, body, target = ACTS[action](company)
    request_id = uuid4().hex
    with caller(engine, token["token"]) as client:
        answer = client.request(method, path, json=body, headers={"X-Request-Id": request_id})
        assert answer.is_success, answer.text
    (entry,) = noted(company.api, request_id)
    assert noted(org.api, request_id, PARTNERS) == noted(org.api, request_id) == [entry]
    assert set(entry) == FIELDS
    assert (entry["action"], entry["company_id"]) == (action, company.id)
    assert entry["actor"] == {"tier": "company", "user_id": token["user_id"], "credential_id": token["id"]}
    if target:
        named = answer.json()["id"] if target == "id" else path.split("/")[3]
        assert entry["target"][target] == named
    now = datetime.now(UTC)
    assert now - timedelta(seconds=60) < datetime.fromisoformat(entry["created_at"]) <= now


def test_what_a_partner_does_is_nothing_to_its_companies(org: Organization, company: Company) -> None:
    before = entries(company.api)
    headers = {"X-Request-Id": uuid4().hex}
    api = org.api
    user = invite(org, "company_member", company)
    path = f"/partner/v1/companies/{company.id}"
    api.patch(path, json={"name": "By the partner"}, headers=headers).raise_for_status()
    api.put(f"{path}/entitlements/email_outreach", json={"provider": "smartlead"}, headers=headers).raise_for_status()
    api.post("/partner/v1/api-tokens", json={"company_id": company.id}, headers=headers).raise_for_status()
    api.patch(f"/partner/v1/users/{user['id']}", json={"name": "x"}, headers=headers).raise_for_status()
    api.post("/v1/suppressions", json={"email": new_email(), "company_id": company.id}, headers=headers)
    api.delete(f"/partner/v1/users/{user['id']}", headers=headers).raise_for_status()
    done = noted(api, headers["X-Request-Id"], PARTNERS)
    assert [entry["action"] for entry in done] == [
        "delete_user", "create_suppression", "update_user", "create_api_token", "put_entitlement", "update_company",
    ]  # fmt: skip
    assert {entry["actor"]["tier"] for entry in done} == {"org"}
    assert {entry["company_id"] for entry in done} == {None}
    assert done[5]["target"]["company_id"] == company.id
    assert entries(company.api) == before
    other = company_of(org, "Other")
    campaign(other)
    assert entries(company.api) == before
    assert {entry["company_id"] for entry in entries(other.api)} == {other.id}


def test_a_person_is_named_with_their_session(org: Organization, company: Company) -> None:
    person = new_person(org, "company_admin", company)
    tokens = person.login()
    sid = jwt.decode(tokens["access_token"], options={"verify_signature": False})["sid"]
    with caller(org.engine, tokens["access_token"]) as session:
        session.post("/v1/campaigns", json={"name": "x", "capability": "email_outreach"}).raise_for_status()
        session.post("/v1/auth/logout").raise_for_status()
    done = entries(company.api, user_id=person.id)
    assert [entry["action"] for entry in done[:2]] == ["logout", "create_campaign"]
    assert all(entry["actor"]["credential_id"] == sid for entry in done[:2])


def test_setting_a_password_is_on_record(org: Organization, company: Company) -> None:
    for owner, role in ((company, "company_member"), (None, "org_member")):
        user = invite(org, role, owner)
        set_password(org.engine, user["link"]["token"]).raise_for_status()
        (entry,) = entries(org.api, PARTNERS, user_id=user["id"])
        assert (entry["action"], entry["target"]) == ("user.password_set", {"id": user["id"]})
        assert entry["company_id"] == (owner.id if owner else None)


def test_what_was_refused_replayed_or_only_read_is_not_on_record(company: Company) -> None:
    before = entries(company.api)
    problem(company.api.post("/v1/campaigns", json={}), 422)
    problem(company.api.patch(f"/v1/campaigns/{random_id()}", json={"name": "x"}), 404)
    problem(company.api.post(f"/v1/campaigns/{random_id()}/start"), 404)
    problem(company.api.post("/v1/auth/logout"), 409)
    company.api.get("/v1/campaigns").raise_for_status()
    assert entries(company.api) == before
    for _ in range(3):
        body = {"name": "Once", "capability": "email_outreach"}
        company.api.post("/v1/campaigns", json=body, headers={"Idempotency-Key": "only-once"}).raise_for_status()
    assert len(entries(company.api)) == len(before) + 1


def test_no_secret_is_on_record(org: Organization, company: Company, engine: Engine) -> None:
    person = new_person(org)
    token = company.api.post("/v1/api-tokens", json={}).json()["token"]
    invited = company.api.post("/v1/users", json={"email": new_email(), "name": "x"}).json()["link"]["token"]
    link = org.api.post(f"/partner/v1/users/{person.id}/link").json()["token"]
    with engine.sql() as sql:
        rows = sql.execute("select a::text as row from outbound.audit_log as a where org_id = %s", [org.id]).fetchall()
    text = str(rows)
    assert len(rows) > 3
    assert not [secret for secret in (token, invited, link, person.password) if secret in text]


def test_no_role_writes_changes_or_deletes_the_record(engine: Engine, company: Company) -> None:
    campaign(company)
    with engine.sql() as sql:
        for role in ("outbound_org", "outbound_company", "outbound_worker", "outbound_platform", "outbound_public"):
            for verb in ("insert", "update", "delete", "truncate"):
                query = "select has_table_privilege(%s, 'outbound.audit_log', %s) as has"
                row = sql.execute(query, [role, verb]).fetchone()
                assert row == {"has": False}, (role, verb)


def test_the_log_is_filtered_and_paged(org: Organization, company: Company) -> None:
    for _ in range(7):
        campaign(company)
    assert {entry["action"] for entry in entries(company.api, action="create_campaign")} == {"create_campaign"}
    assert entries(company.api, action="no_such_action") == []
    assert {entry["company_id"] for entry in entries(org.api, PARTNERS, company_id=company.id)} == {company.id}
    whole, page = entries(company.api), {"next_cursor": ""}
    walked: list[Entry] = []
    while page["next_cursor"] is not None:
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        page = company.api.get(OWN, params={"limit": 5, **cursor}).raise_for_status().json()
        walked += page["data"]
    assert walked == whole
    assert [entry["id"] for entry in whole] == sorted((entry["id"] for entry in whole), reverse=True)
    for params in ({"action": "DROP"}, {"user_id": "me"}, {"limit": 0}, {"cursor": "x"}):
        problem(company.api.get(OWN, params=params), 422)


def test_only_administrators_read_it(org: Organization, company: Company) -> None:
    people: list[tuple[Person, str]] = [
        (new_person(org, "org_member"), PARTNERS), (new_person(org, "company_member", company), OWN)
    ]  # fmt: skip
    for person, path in people:
        with person.session() as session:
            problem(session.get(path), 403, "forbidden")


def test_a_stolen_session_is_on_record_once(org: Organization, engine: Engine) -> None:
    person = new_person(org)
    first = person.login()
    with caller(engine, first["access_token"]) as client:
        body = {"refresh_token": first["refresh_token"]}
        child = client.post("/v1/auth/refresh", json=body).raise_for_status().json()
        client.post("/v1/auth/refresh", json={"refresh_token": child["refresh_token"]}).raise_for_status()
        for _ in range(3):
            problem(client.post("/v1/auth/refresh", json=body), 401, "session_ended")
            time.sleep(0.01)
    found = entries(org.api, PARTNERS, action="session.reuse_detected", user_id=person.id)
    assert len(found) == 1
