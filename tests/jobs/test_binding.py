"""Where no campaign can be made through an API, one that was made by hand is bound, and people flow into it."""

import secrets
from typing import Any

import httpx
import pytest

from tests.api.answers import problem
from tests.engine import Company, Engine, Organization, wait_for, wait_synced
from tests.jobs.test_linkedin_provider import STEPS, control, effects, profiles
from tests.providers.heyreach.simulator_fixture import TREE

Row = dict[str, Any]


class Workspace:
    """An account at the simulated provider whose campaigns are made by hand."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.key = engine, f"test_{secrets.token_hex(8)}"
        self.url = engine.dev["simulators"]["heyreach"]["url"]

    def post(self, path: str, body: Row | None = None, **query: Any) -> Any:
        headers = {"X-API-KEY": self.key}
        answer = httpx.post(f"{self.url}/api/public{path}", params=query, json=body or {}, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def made_by_hand(self, *, begun: bool = True) -> int:
        seats = [row["id"] for row in self.post("/li_account/GetAll")["items"]]
        source = self.post("/list/CreateEmptyList", {"name": "Made by hand"})["id"]
        body = {"name": "By hand", "linkedInUserListId": source, "linkedInAccountIds": seats, "sequence": TREE}
        campaign = int(self.post("/campaign/Create", body)["campaignId"])
        if begun:
            self.post("/campaign/StartCampaign", campaignId=campaign)
        return campaign

    def close_the_door(self, how: str) -> None:
        control(self.engine, "PUT", "/settings", json={"campaign_api": {self.key: how}})


@pytest.fixture
def organization(engine: Engine) -> Organization:
    return engine.new_organization()


@pytest.fixture
def workspace(engine: Engine) -> Workspace:
    return Workspace(engine)


@pytest.fixture
def company(organization: Organization, workspace: Workspace) -> Company:
    made = organization.new_company()
    path = f"/partner/v1/companies/{made.id}/entitlements/linkedin_outreach"
    organization.api.put(path, json={"provider": "heyreach"}).raise_for_status()
    body = {"company_id": made.id, "provider": "heyreach", "credential": {"api_key": workspace.key}}
    organization.api.post("/partner/v1/connections", json=body).raise_for_status()
    return made


def draft(company: Company) -> str:
    body = {"name": "Bound", "capability": "linkedin_outreach"}
    return company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]


def bind(organization: Organization, campaign: str, external: int | str) -> httpx.Response:
    path = f"/partner/v1/campaigns/{campaign}/binding"
    return organization.api.put(path, json={"external_id": str(external)})


def fill(company: Company, campaign: str, people: list[str]) -> None:
    rows = [{"linkedin_url": url, "first_name": "Maria"} for url in people]
    company.api.post(f"/v1/campaigns/{campaign}/leads", json={"leads": rows}).raise_for_status()


def wait_failed(company: Company, campaign: str, reason: str) -> None:
    def failed() -> bool:
        sync = company.api.get(f"/v1/campaigns/{campaign}").json()["sync"]
        return (sync["state"], sync["reason"]) == ("failed", reason)

    wait_for(reason, failed, 30)


@pytest.mark.parametrize("how", ["absent", "forbidden"])
def test_people_flow_into_a_campaign_that_was_made_by_hand(
    engine: Engine, organization: Organization, company: Company, workspace: Workspace, how: str
) -> None:
    external = workspace.made_by_hand()
    before = workspace.post("/campaign/GetAll", {"offset": 0, "limit": 10})["items"][0]
    workspace.close_the_door(how)
    campaign = draft(company)
    bound = bind(organization, campaign, external)
    assert (bound.status_code, bound.json()["external_id"], bound.json()["managed"]) == (200, str(external), True)
    assert company.api.get(f"/v1/campaigns/{campaign}").json()["managed"] is True
    people = profiles(5)
    fill(company, campaign, people)
    company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
    wait_synced(company, campaign)
    assert effects(engine, people) == {"added": 5}
    after = workspace.post("/campaign/GetAll", {"offset": 0, "limit": 10})["items"][0]
    assert {name: after[name] for name in ("id", "name", "linkedInUserListId", "campaignAccountIds")} == {
        name: before[name] for name in ("id", "name", "linkedInUserListId", "campaignAccountIds")
    }

    def shown() -> bool:
        rows = company.api.get("/v1/events", params={"campaign_id": campaign, "limit": 200}).json()["data"]
        return any(row["type"] == "connection_request.sent" for row in rows)

    wait_for("its events", shown, 40)


def test_what_is_managed_elsewhere_is_not_changed_here(
    organization: Organization, company: Company, workspace: Workspace
) -> None:
    campaign = draft(company)
    bind(organization, campaign, workspace.made_by_hand()).raise_for_status()
    path = f"/v1/campaigns/{campaign}"
    problem(company.api.put(f"{path}/sequence", json={"steps": STEPS}), 409, "campaign_managed")
    senders = [row["id"] for row in company.api.get("/v1/senders").json()["data"]]
    problem(company.api.put(f"{path}/senders", json={"sender_ids": senders}), 409, "campaign_managed")
    problem(company.api.patch(path, json={"schedule": {"start": "10:00"}}), 409, "campaign_managed")
    assert company.api.patch(path, json={"name": "Ours"}).json()["name"] == "Ours"
    problem(company.api.get(f"/partner{path}/binding"), 404, "not_found")


def test_a_campaign_that_was_never_started_there_is_not_started_by_us(
    organization: Organization, company: Company, workspace: Workspace
) -> None:
    external, campaign = workspace.made_by_hand(begun=False), draft(company)
    bind(organization, campaign, external).raise_for_status()
    fill(company, campaign, profiles(1))
    company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
    wait_failed(company, campaign, "not_begun")
    row = workspace.post("/campaign/GetAll", {"offset": 0, "limit": 10})["items"][0]
    assert row["status"] == "DRAFT"


def test_a_campaign_that_is_not_there_is_said_to_be_lost(organization: Organization, company: Company) -> None:
    campaign = draft(company)
    bind(organization, campaign, 99999999).raise_for_status()
    fill(company, campaign, profiles(1))
    company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
    wait_failed(company, campaign, "campaign_lost")


def test_without_a_binding_it_is_said_that_none_can_be_made(company: Company, workspace: Workspace) -> None:
    workspace.close_the_door("absent")
    campaign = draft(company)
    company.api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": STEPS}).raise_for_status()
    senders = [row["id"] for row in company.api.get("/v1/senders").json()["data"]]
    company.api.put(f"/v1/campaigns/{campaign}/senders", json={"sender_ids": senders}).raise_for_status()
    fill(company, campaign, profiles(1))
    company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
    wait_failed(company, campaign, "creation_refused")


def test_one_campaign_there_is_one_of_ours(organization: Organization, company: Company, workspace: Workspace) -> None:
    external, first, second = workspace.made_by_hand(), draft(company), draft(company)
    bind(organization, first, external).raise_for_status()
    assert bind(organization, first, external).status_code == 200, "twice is once"
    problem(bind(organization, second, external), 409, "already_bound")
    for wrong in ("", "a b", "../x", "x" * 65):
        assert bind(organization, second, wrong).status_code == 422, wrong
    fill(company, first, profiles(1))
    company.api.post(f"/v1/campaigns/{first}/start").raise_for_status()
    problem(bind(organization, first, workspace.made_by_hand()), 409, "campaign_started")
