"""Sandboxes: organizations whose connections talk to simulators only, with keys that any caller may make up."""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from api.dev.home import Home, State
from tests.api.people import second_api
from tests.engine import Company, Engine, Organization, add_leads, addresses, draft, start, wait_for

PROVIDERS = [("email_outreach", "smartlead"), ("email_outreach", "instantly"), ("linkedin_outreach", "heyreach")]


@dataclass
class Made:
    """A tenant as the platform's route made it."""

    org: Organization
    shown: dict[str, Any]


@pytest.fixture(scope="module")
def operator(engine: Engine) -> httpx.Client:
    return engine.client(engine.new_operator())


def make(engine: Engine, operator: httpx.Client, **body: Any) -> Made:
    """Make an organization through the platform's route."""
    slug = f"sandbox-{secrets.token_hex(5)}"
    shown = operator.post("/platform/v1/organizations", json={"name": slug, "slug": slug, **body})
    made = shown.raise_for_status().json()
    token = made["api_token"]
    return Made(Organization(made["id"], token, engine.client(token), engine, slug=slug), made)


@pytest.fixture(scope="module")
def sandbox(engine: Engine, operator: httpx.Client) -> Made:
    return make(engine, operator, sandbox=True)


def connect(org: Organization, company: Company, capability: str, provider: str, key: str) -> httpx.Response:
    path = f"/partner/v1/companies/{company.id}/entitlements/{capability}"
    org.api.put(path, json={"provider": provider}).raise_for_status()
    body = {"company_id": company.id, "provider": provider, "credential": {"api_key": key}}
    answer = org.api.post("/partner/v1/connections", json=body)
    for _ in range(5):
        if answer.status_code != 503:  # the simulator is shared, and may be busy for longer than a check waits
            break
        time.sleep(int(answer.headers["retry-after"]))
        answer = org.api.post("/partner/v1/connections", json=body)
    return answer


def test_an_organization_says_whether_it_is_one(engine: Engine, operator: httpx.Client, sandbox: Made) -> None:
    assert sandbox.shown["sandbox"] is True
    assert sandbox.org.api.get("/partner/v1/organization").json()["sandbox"] is True
    usual = make(engine, operator)
    assert usual.shown["sandbox"] is False
    assert usual.org.api.get("/partner/v1/organization").json()["sandbox"] is False


def test_no_caller_makes_it_real_afterwards(operator: httpx.Client, sandbox: Made, engine: Engine) -> None:
    path = f"/platform/v1/organizations/{sandbox.org.id}"
    assert operator.patch(path, json={"sandbox": False}).status_code == 422
    assert sandbox.org.api.patch("/partner/v1/organization", json={"sandbox": False}).status_code == 422
    for tier in ("platform", "org", "worker"):
        with engine.sql(tier) as sql, pytest.raises(psycopg.errors.InsufficientPrivilege):
            sql.execute("update outbound.organizations set sandbox = false")


def senders(company: Company) -> set[str]:
    return {row["address"] for row in company.api.get("/v1/senders").raise_for_status().json()["data"]}


@pytest.mark.parametrize(("capability", "provider"), PROVIDERS)
def test_any_test_key_connects_and_each_has_an_account_of_its_own(
    sandbox: Made, capability: str, provider: str
) -> None:
    addresses_of: list[set[str]] = []
    for _ in range(2):
        company = sandbox.org.new_company()
        connection = connect(sandbox.org, company, capability, provider, f"test_{secrets.token_hex(8)}")
        assert connection.status_code == 201, connection.text
        assert connection.json()["environment"] == "test"
        addresses_of.append(wait_for("senders", lambda: senders(company)))  # noqa: B023 - it is called at once
    assert addresses_of[0] != addresses_of[1]
    assert connect(sandbox.org, sandbox.org.new_company(), capability, provider, "live_key").status_code == 422


def test_a_campaign_runs_in_a_sandbox(sandbox: Made) -> None:
    company = sandbox.org.new_company()
    connect(sandbox.org, company, "email_outreach", "smartlead", f"test_{secrets.token_hex(8)}").raise_for_status()
    campaign = draft(company)
    add_leads(company, campaign, addresses(5))
    start(company, campaign)
    assert company.api.get(f"/v1/campaigns/{campaign}/stats").json()["leads"]["pushed"] == 5
    company.api.post(f"/v1/campaigns/{campaign}/pause").raise_for_status()


def test_a_live_connection_says_so(engine: Engine) -> None:
    org = engine.new_organization()
    connection = org.connect(org.new_company())
    assert org.api.get(f"/partner/v1/connections/{connection}").json()["environment"] == "live"


def test_a_connection_is_what_its_organization_is_whatever_is_written(engine: Engine, sandbox: Made) -> None:
    usual = engine.new_organization()
    live = usual.connect(usual.new_company())
    with engine.sql() as sql:
        wanted = "update outbound.connections set environment = 'test' where id = %s returning environment"
        assert sql.execute(wanted, [live]).fetchone() == {"environment": "live"}
        every = "select distinct environment from outbound.connections where org_id = %s"
        assert sql.execute(every, [sandbox.org.id]).fetchall() == [{"environment": "test"}]


@pytest.fixture
def without_simulators(engine: Engine) -> Iterator[str]:
    """An API process that knows no simulator, and whose live providers would answer a test key."""
    state = State(**json.loads((engine.home / "state.json").read_text()))
    assert Home(engine.home, state).settings().provider_url("smartlead", "test")
    with second_api(engine, providers__smartlead__sandbox_url="") as url:
        yield url


def test_without_a_simulator_a_sandbox_connects_to_nothing(sandbox: Made, without_simulators: str) -> None:
    company = sandbox.org.new_company()
    path = f"/partner/v1/companies/{company.id}/entitlements/email_outreach"
    sandbox.org.api.put(path, json={"provider": "smartlead"}).raise_for_status()
    body = {"company_id": company.id, "provider": "smartlead", "credential": {"api_key": "test_x"}}
    headers = {"Authorization": f"Bearer {sandbox.org.token}"}
    answer = httpx.post(f"{without_simulators}/partner/v1/connections", json=body, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (422, "sandbox_not_available")
