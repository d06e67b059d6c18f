"""No user acts on a stronger one or outlives themselves, and what a stranger sends costs next to nothing."""

import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.access.vault import LINK_PREFIX
from tests.api.answers import problem
from tests.api.people import caller, company_of, door, new_email, tenant
from tests.engine import PASSWORD, Company, Engine, Organization

WEAK = ["users:read", "users:write", "tokens:read", "tokens:write", "campaigns:read"]


@pytest.fixture(scope="module")
def org(engine: Engine) -> Organization:
    return tenant(engine)


@pytest.fixture(scope="module")
def company(org: Organization) -> Company:
    return company_of(org)


def campaign(company: Company) -> str:
    body = {"name": "Campaign", "capability": "email_outreach"}
    return str(company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"])


def token(client: httpx.Client, path: str = "/v1/api-tokens", **body: Any) -> dict[str, Any]:
    return client.post(path, json=body).raise_for_status().json()


def test_inviting_a_stronger_user_again_gives_no_link_of_theirs(
    engine: Engine, org: Organization, company: Company
) -> None:
    email = new_email()
    body = {"email": email, "name": "Boss", "role": "company_admin", "company_id": company.id}
    org.api.post("/partner/v1/users", json=body).raise_for_status()
    weak = caller(engine, token(company.api, scopes=WEAK)["token"])
    wanted = {"email": email, "name": "x", "role": "company_member"}
    link = weak.post("/v1/users", json=wanted)
    assert link.status_code in (202, 403)
    if link.status_code == 202:
        given = {"token": link.json()["link"]["token"], "password": PASSWORD}
        with door(engine) as stranger:
            problem(stranger.post("/v1/auth/password", json=given), 422, "link_not_valid")
    # A caller who may give the role gets a link that works.
    again = company.api.post("/v1/users", json={**wanted, "role": "company_admin"}).raise_for_status().json()
    with door(engine) as invited:
        body = {"token": again["link"]["token"], "password": PASSWORD}
        assert invited.post("/v1/auth/password", json=body).status_code == 204


@pytest.mark.parametrize("tier", ["company", "org"])
def test_a_narrow_token_revokes_no_stronger_one(engine: Engine, org: Organization, company: Company, tier: str) -> None:
    client, path = (company.api, "/v1/api-tokens") if tier == "company" else (org.api, "/partner/v1/api-tokens")
    strong, narrow = token(client, path, name="Strong"), token(client, path, scopes=["tokens:write"])
    weak = caller(engine, narrow["token"])
    problem(weak.delete(f"{path}/{strong['id']}"), 403, "beyond_own_permissions")
    caller(engine, strong["token"]).get("/v1/auth/me").raise_for_status()
    assert weak.delete(f"{path}/{narrow['id']}").status_code == 204, "its own it may"
    problem(weak.get("/v1/auth/me"), 401, "unauthorized")


def test_a_token_makes_none_that_outlives_it(engine: Engine, company: Company) -> None:
    ends = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    short = token(company.api, expires_at=ends.isoformat())
    client = caller(engine, short["token"])
    assert datetime.fromisoformat(token(client)["expires_at"]) == ends, "what is not asked for ends with its maker"
    late = {"expires_at": (ends + timedelta(hours=1)).isoformat()}
    problem(client.post("/v1/api-tokens", json=late), 422, "expires_beyond_own")
    problem(client.post(f"/v1/api-tokens/{short['id']}/rotate", json=late), 422, "expires_beyond_own")
    sooner = {"expires_at": (ends - timedelta(minutes=1)).isoformat()}
    assert client.post("/v1/api-tokens", json=sooner).status_code == 201
    assert company.api.post(f"/v1/api-tokens/{short['id']}/rotate", json=late).status_code == 201


def test_one_body_of_braces_delays_no_request(company: Company) -> None:
    steps = [{"type": "email", "delay_days": 1, "subject": "s", "body": "{{" * 40_000} for _ in range(10)]
    answer = company.api.put(f"/v1/campaigns/{campaign(company)}/sequence", json={"steps": steps}, timeout=20)
    problem(answer, 422)
    company.api.get("/v1/company").raise_for_status()


def test_a_made_up_link_is_looked_at_before_anything_is_hashed(engine: Engine) -> None:
    """Logging in hashes for any user; a made-up link takes a fraction of that. Medians of one run, in turn."""
    spent: dict[str, list[float]] = {"login": [], "link": []}
    with door(engine) as stranger:
        for _ in range(7):
            wanted = {
                "login": ("/v1/auth/login", {"organization": "x", "email": new_email(), "password": PASSWORD}),
                "link": ("/v1/auth/password", {"token": engine.vault.new_secret(LINK_PREFIX), "password": PASSWORD}),
            }
            for name, (path, body) in wanted.items():
                began = time.perf_counter()
                assert stranger.post(path, json=body).status_code in (401, 422)
                spent[name].append(time.perf_counter() - began)
    assert statistics.median(spent["link"]) < statistics.median(spent["login"]) * 0.7


def test_what_was_a_500_is_explained_to_the_caller(org: Organization, company: Company) -> None:
    csv = {"Content-Type": "text/csv"}
    path = f"/v1/campaigns/{campaign(company)}/leads"
    header = f"email,{'x' * 140_000}\na@example.com,1\n"
    problem(company.api.post(path, content=header, headers=csv), 422, "header_missing")
    surrogate = {"Content-Type": "application/json"}
    answer = company.api.post("/v1/suppressions", content=rb'{"email":"a@example.com","\ud800":1}', headers=surrogate)
    problem(answer, 422)
    for method in ("PUT", "DELETE"):
        url = f"/partner/v1/companies/{company.id}/entitlements/{'a' * 600}"
        answer = org.api.request(method, url, json={"provider": "smartlead"}, headers={"Idempotency-Key": "one"})
        assert answer.status_code < 500, answer.text


def test_an_address_that_does_not_look_at_if_match_says_so(company: Company) -> None:
    path = f"/v1/campaigns/{campaign(company)}"
    stale = {"If-Match": '"stale"'}
    problem(company.api.put(f"{path}/sequence", json={"steps": []}, headers=stale), 400, "if_match_not_heeded")
    problem(company.api.post("/v1/campaigns", json={}, headers=stale), 400, "if_match_not_heeded")
    problem(company.api.patch(path, json={"name": "x"}, headers=stale), 412, "precondition_failed")
    assert company.api.get(path, headers=stale).status_code == 200


def test_a_page_cannot_be_framed_and_loads_nothing_from_elsewhere(engine: Engine) -> None:
    with engine.client() as anonymous:
        for path in ("/docs", "/docs/start.js", "/docs/swagger-ui.css"):
            headers = anonymous.get(path).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
            assert "http:" not in policy and "https:" not in policy
        for path in ("/docs", "/openapi.json", "/v1/campaigns", "/healthz", "/nowhere"):
            assert anonymous.get(path).headers["x-content-type-options"] == "nosniff"


def test_a_member_of_a_company_does_not_lift_an_unsubscribe(org: Organization, company: Company) -> None:
    email = new_email()
    lead = company.api.post(f"/v1/campaigns/{campaign(company)}/leads", json={"leads": [{"email": email}]})
    (added,) = lead.raise_for_status().json()["results"]
    company.api.post(f"/v1/leads/{added['lead_id']}/unsubscribe").raise_for_status()
    listed = company.api.get("/v1/suppressions", params={"limit": 200}).raise_for_status().json()["data"]
    kept = next(row for row in listed if row["value"] == email)
    member = org.new_person("company_member", company)
    problem(member.api.delete(f"/v1/suppressions/{kept['id']}"), 403, "unsubscribed")
    own = member.api.post("/v1/suppressions", json={"email": new_email()}).raise_for_status().json()
    assert member.api.delete(f"/v1/suppressions/{own['id']}").status_code == 204
    assert company.api.delete(f"/v1/suppressions/{kept['id']}").status_code == 204


def test_no_key_of_a_simulator_can_be_read_by_other_users(engine: Engine) -> None:
    for name, pid in engine.dev["pids"].items():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        assert not [key for key in engine.folder.state.keys.values() if key in command], name
    files = [path for path in engine.home.iterdir() if path.suffix == ".sqlite"]
    assert len(files) >= 3
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
