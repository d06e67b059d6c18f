"""From the first connection to the end: what is suspended, disconnected or deleted stops sending, here and outside."""

import re
from typing import Any

import pytest

from api.access.permissions import ROUTES
from tests.api.answers import pointers, problem, random_id, without_autoplay
from tests.api.people import company_of, new_email, new_person, operator, tenant
from tests.engine import Company, Engine, Organization, draft, start, wait_for, wait_synced
from tests.jobs.provider_state import at_provider

CAPABILITY = "email_outreach"


@pytest.fixture
def org(engine: Engine) -> Organization:
    return tenant(engine)


@pytest.fixture(autouse=True)
def quiet(engine: Engine) -> Any:
    """Nothing happens at the provider by itself."""
    with without_autoplay(engine):
        yield


def connected(org: Organization) -> tuple[Company, str]:
    company = company_of(org)
    return company, org.connect(company)


def running(company: Company) -> str:
    campaign = draft(company, leads=2)
    start(company, campaign)
    return campaign


def outside(engine: Engine, campaign: str) -> str:
    """Return a campaign's status at the simulated provider."""
    with engine.control as control:
        rows = control.get("/campaigns").raise_for_status().json()
    return next((row["status"] for row in rows if campaign.replace("-", "") in row["name"]), "none")


def wait_stopped(engine: Engine, *campaigns: str) -> None:
    for campaign in campaigns:
        wait_for("a pause outside", lambda campaign=campaign: outside(engine, campaign) == "PAUSED", 30)


def standing(client: Any, campaign: str) -> tuple[str, str | None]:
    row = client.get(f"/v1/campaigns/{campaign}").raise_for_status().json()
    return row["status"], row["pause_reason"]


def credential(engine: Engine, connection: str) -> tuple[bool, str]:
    """Return whether a connection's key is still there, and its status."""
    with engine.sql() as sql:
        row = sql.execute(
            "select credential is not null as kept, status from outbound.connections where id = %s", [connection]
        ).fetchone()
    assert row is not None
    return row["kept"], row["status"]


def test_a_suspended_company_sends_nothing_and_starts_nothing_by_itself(org: Organization, engine: Engine) -> None:
    company, _ = connected(org)
    other, _ = connected(org)
    campaign, others = running(company), running(other)
    assert outside(engine, campaign) == outside(engine, others) == "ACTIVE"
    path = f"/partner/v1/companies/{company.id}"
    assert org.api.patch(path, json={"status": "suspended"}).json()["status"] == "suspended"
    assert standing(org.api, campaign) == ("paused", "suspended")
    problem(company.api.get("/v1/campaigns"), 401, "unauthorized")
    wait_stopped(engine, campaign)
    problem(org.api.post(f"/v1/campaigns/{campaign}/start"), 409, "company_suspended")
    assert org.api.patch(path, json={"status": "active"}).json()["status"] == "active"
    assert standing(company.api, campaign) == ("paused", "suspended")
    events = company.api.get("/v1/events", params={"campaign_id": campaign}).json()["data"]
    assert (events[-1]["type"], events[-1]["data"]) == ("campaign.paused", {"reason": "suspended"})
    wait_synced(company, campaign)
    assert outside(engine, campaign) == "PAUSED"
    assert standing(other.api, others) == ("active", None)
    assert outside(engine, others) == "ACTIVE"
    start(company, campaign)
    assert standing(company.api, campaign) == ("active", None)
    assert outside(engine, campaign) == "ACTIVE"


def listed(org: Organization, company_id: str) -> dict[str, str]:
    """Return what every list says to a partner, with and without the company as a filter. The record is kept."""
    paths = [path for method, path in ROUTES if method == "GET" and path.startswith(("/v1/", "/partner/"))]
    lists = [path for path in paths if "{" not in path and not path.endswith(("audit-log", "/me", "/openapi.json"))]
    assert len(lists) > 10
    answers = {}
    for path in lists:
        for params in ({"limit": 200}, {"company_id": company_id}):
            answers[f"{path} {next(iter(params))}"] = org.api.get(path, params=params)
    return {name: answer.text for name, answer in answers.items() if answer.status_code == 200}


def test_a_deleted_company_is_stopped_outside_and_then_gone(org: Organization, engine: Engine) -> None:
    company, connection = connected(org)
    other = company_of(org, "Other")
    campaign = running(company)
    company.api.post("/v1/suppressions", json={"email": new_email()}).raise_for_status()
    person = new_person(org, "company_admin", company)
    lead = company.api.get("/v1/leads").json()["data"][0]["id"]
    sender = company.api.get("/v1/senders").json()["data"][0]["id"]
    before = listed(org, company.id)
    assert sum(company.id in text for text in before.values()) > 8
    path = f"/partner/v1/companies/{company.id}"
    deleted = org.api.delete(path)
    assert (deleted.status_code, deleted.json()["status"]) == (202, "deleting")
    problem(company.api.get("/v1/campaigns"), 401, "unauthorized")
    problem(person.try_login(), 401, "login_failed")
    wait_for("the end", lambda: org.api.get(path).status_code == 404, 40)
    assert outside(engine, campaign) == "PAUSED"
    assert credential(engine, connection) == (False, "disconnected")
    found = [name for name, text in listed(org, company.id).items() if re.search(f"{company.id}|{campaign}", text)]
    assert found == []
    gone = [
        f"/v1/campaigns/{campaign}", f"/v1/leads/{lead}", f"/v1/senders/{sender}", f"/partner/v1/users/{person.id}",
        f"/partner/v1/connections/{connection}", f"{path}/entitlements",
    ]  # fmt: skip
    for address in gone:
        problem(org.api.get(address), 404, "not_found")
    problem(org.api.delete(path), 404)
    problem(org.api.patch(path, json={"name": "x"}), 404)
    problem(org.api.post("/partner/v1/api-tokens", json={"company_id": company.id}), 422, "unknown_reference")
    assert other.api.get("/v1/company").json()["status"] == "active"


def test_a_company_that_is_being_deleted_stays_so(org: Organization, engine: Engine) -> None:
    company, _ = connected(org)
    with engine.control as control:
        control.put("/faults", json={"server_error": True}).raise_for_status()
        try:
            path = f"/partner/v1/companies/{company.id}"
            with_campaign = draft(company, leads=1)
            company.api.post(f"/v1/campaigns/{with_campaign}/start").raise_for_status()
            assert org.api.delete(path).status_code == 202
            for change in ({"status": "active"}, {"status": "suspended"}, {"name": "x"}):
                answer = org.api.patch(path, json=change)
                assert answer.status_code in (404, 409), answer.text
            assert org.api.delete(path).status_code in (202, 404)
        finally:
            control.put("/faults", json={}).raise_for_status()
    wait_for("the end", lambda: org.api.get(path).status_code == 404, 40)


def test_a_deleting_organization_stops_everything_first(engine: Engine) -> None:
    org = tenant(engine)
    (first, one), (second, two) = connected(org), connected(org)
    campaigns = [running(first), running(second)]
    with operator(engine) as platform:
        path = f"/platform/v1/organizations/{org.id}"
        assert platform.delete(path).status_code == 202
        wait_for("the end", lambda: platform.get(path).status_code == 404, 40)
    assert [outside(engine, campaign) for campaign in campaigns] == ["PAUSED", "PAUSED"]
    assert [credential(engine, connection)[0] for connection in (one, two)] == [False, False]


def test_disconnecting_pauses_and_reconnecting_resumes_exactly_what_it_paused(
    org: Organization, engine: Engine
) -> None:
    company, connection = connected(org)
    campaigns = [running(company), running(company), draft(company)]
    company.api.post(f"/v1/campaigns/{campaigns[1]}/pause").raise_for_status()
    wait_synced(company, campaigns[1])
    answer = org.api.post(f"/partner/v1/connections/{connection}/disconnect")
    assert (answer.status_code, answer.json()["status"]) == (202, "disconnected")
    assert [standing(company.api, campaign) for campaign in campaigns] == [
        ("paused", "disconnected"), ("paused", None), ("draft", None),
    ]  # fmt: skip
    assert company.api.get("/v1/capabilities").json()["data"][0]["status"] == "disconnected"
    assert org.api.post(f"/partner/v1/connections/{connection}/disconnect").status_code == 202
    problem(company.api.post(f"/v1/campaigns/{campaigns[1]}/start"), 409, "campaign_not_ready")
    wait_for("the key destroyed", lambda: credential(engine, connection) == (False, "disconnected"), 30)
    assert [outside(engine, campaign) for campaign in campaigns] == ["PAUSED", "PAUSED", "none"]
    assert at_provider(engine, campaigns[0])["webhooks"] == []
    assert org.connect(company) == connection
    assert [standing(company.api, campaign) for campaign in campaigns] == [
        ("active", None), ("paused", None), ("draft", None),
    ]  # fmt: skip
    wait_synced(company, campaigns[0])
    assert [outside(engine, campaign) for campaign in campaigns] == ["ACTIVE", "PAUSED", "none"]
    assert len(at_provider(engine, campaigns[0])["webhooks"]) == 1
    assert credential(engine, connection) == (True, "connected")
    types = [event["type"] for event in company.api.get("/v1/events").json()["data"]]
    in_order = [name for name in types if name.startswith("entitlement.")]
    assert in_order == ["entitlement.connected", "entitlement.disconnected", "entitlement.connected"]


def test_what_was_paused_for_another_reason_is_not_resumed(org: Organization, engine: Engine) -> None:
    company, connection = connected(org)
    campaign = running(company)
    org.api.post(f"/partner/v1/connections/{connection}/disconnect").raise_for_status()
    org.api.patch(f"/partner/v1/companies/{company.id}", json={"status": "suspended"}).raise_for_status()
    wait_stopped(engine, campaign)
    org.api.patch(f"/partner/v1/companies/{company.id}", json={"status": "active"}).raise_for_status()
    assert standing(company.api, campaign) == ("paused", "disconnected")
    suspended, line = connected(org)
    other = running(suspended)
    org.api.patch(f"/partner/v1/companies/{suspended.id}", json={"status": "suspended"}).raise_for_status()
    org.api.post(f"/partner/v1/connections/{line}/disconnect").raise_for_status()
    wait_for("the key destroyed", lambda: not credential(engine, line)[0], 30)
    org.api.patch(f"/partner/v1/companies/{suspended.id}", json={"status": "active"}).raise_for_status()
    org.connect(suspended)
    assert standing(suspended.api, other) == ("paused", "suspended")
    assert outside(engine, other) == "PAUSED"


def test_connecting_again_while_the_company_is_suspended_starts_nothing(org: Organization, engine: Engine) -> None:
    company, connection = connected(org)
    campaign = running(company)
    org.api.post(f"/partner/v1/connections/{connection}/disconnect").raise_for_status()
    wait_for("the key destroyed", lambda: not credential(engine, connection)[0], 30)
    org.api.patch(f"/partner/v1/companies/{company.id}", json={"status": "suspended"}).raise_for_status()
    body = {"company_id": company.id, "provider": "smartlead", "credential": {"api_key": engine.api_key}}
    answer = org.api.post("/partner/v1/connections", json=body)
    assert answer.status_code in (201, 409), answer.text
    assert standing(org.api, campaign)[0] == "paused"
    assert outside(engine, campaign) == "PAUSED"


def test_taking_a_capability_away_stops_its_campaigns(org: Organization, engine: Engine) -> None:
    company, connection = connected(org)
    campaign = running(company)
    assert org.api.delete(f"/partner/v1/companies/{company.id}/entitlements/{CAPABILITY}").status_code == 204
    assert standing(company.api, campaign) == ("paused", "disconnected")
    wait_stopped(engine, campaign)
    wait_for("the key destroyed", lambda: credential(engine, connection) == (False, "disconnected"), 30)
    assert company.api.get("/v1/capabilities").json()["data"] == []
    problem(org.api.delete(f"/partner/v1/companies/{company.id}/entitlements/{CAPABILITY}"), 404)


def test_a_connections_key_is_rotated_without_a_pause(org: Organization, engine: Engine) -> None:
    company, connection = connected(org)
    campaign = running(company)
    path = f"/partner/v1/connections/{connection}/rotate"
    refused = org.api.post(path, json={"credential": {"api_key": "a-wrong-key"}})
    assert pointers(problem(refused, 422, "credential_refused")) == [("/credential/api_key", "credential_refused")]
    assert "a-wrong-key" not in refused.text
    with engine.sql() as sql:
        query = "select encode(credential, 'hex') as sealed from outbound.connections where id = %s"
        sealed = [sql.execute(query, [connection]).fetchone()]
        answer = org.api.post(path, json={"credential": {"api_key": engine.api_key}})
        assert (answer.status_code, answer.json()["status"]) == (200, "connected")
        assert engine.api_key not in answer.text
        sealed.append(sql.execute(query, [connection]).fetchone())
    assert sealed[0] != sealed[1]
    assert standing(company.api, campaign) == ("active", None)
    problem(org.api.post("/partner/v1/connections/" + random_id() + "/rotate", json={"credential": {"api_key": "x"}}),
            404)  # fmt: skip
    org.api.post(f"/partner/v1/connections/{connection}/disconnect").raise_for_status()
    problem(org.api.post(path, json={"credential": {"api_key": engine.api_key}}), 409, "not_connected")


def test_connecting_with_one_key_twice_is_one_connection(org: Organization, engine: Engine) -> None:
    company = company_of(org)
    org.api.put(
        f"/partner/v1/companies/{company.id}/entitlements/{CAPABILITY}", json={"provider": "smartlead"}
    ).raise_for_status()
    body = {"company_id": company.id, "provider": "smartlead", "credential": {"api_key": engine.api_key}}
    headers = {"Idempotency-Key": "connect-once"}
    first, again = (org.api.post("/partner/v1/connections", json=body, headers=headers) for _ in range(2))
    assert first.status_code == 201
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (201, "true"), again.text
    assert again.content == first.content


def test_the_partner_sees_who_can_do_the_work(org: Organization) -> None:
    page = org.api.get("/partner/v1/providers").raise_for_status().json()
    assert page["next_cursor"] is None
    rows = {row["key"]: row for row in page["data"]}
    assert set(rows) == {"smartlead", "instantly", "heyreach"}
    assert rows["smartlead"]["available"] is True
    assert {key: row["capability"] for key, row in rows.items()} == {
        "smartlead": "email_outreach", "instantly": "email_outreach", "heyreach": "linkedin_outreach",
    }  # fmt: skip


def test_companies_are_listed_by_status(org: Organization) -> None:
    active, suspended = company_of(org, "Active"), company_of(org, "Suspended")
    org.api.patch(f"/partner/v1/companies/{suspended.id}", json={"status": "suspended"}).raise_for_status()
    for status, expected in (("active", [active.id]), ("suspended", [suspended.id]), ("deleting", [])):
        rows = org.api.get("/partner/v1/companies", params={"status": status}).raise_for_status().json()["data"]
        assert [row["id"] for row in rows] == expected
    problem(org.api.get("/partner/v1/companies", params={"status": "gone"}), 422)
    for bad in ({"status": "deleting"}, {"status": ""}, {"org_id": org.id}, {"id": active.id}):
        problem(org.api.patch(f"/partner/v1/companies/{active.id}", json=bad), 422, "invalid_request")
    problem(active.api.patch("/v1/company", json={"status": "suspended"}), 422, "invalid_request")
    assert active.api.patch("/v1/company", json={"name": "Renamed"}).json()["name"] == "Renamed"
