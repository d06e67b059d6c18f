"""The main job on LinkedIn: people are known by their profile, added once, and what comes of it comes back."""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.engine import Company, Engine, start, wait_for, wait_synced

NAMES = ("heyreach", "hey reach", "smartlead", "instantly")
STEPS = [
    {"type": "connection_request", "delay_days": 0, "body": "Hi {{first_name}}, {{custom.city}} is lovely."},
    {"type": "message", "delay_days": 1, "body": "Thank you, {{first_name}}!"},
    {"type": "message", "delay_days": 3, "body": "Did you have a look?"},
]


@pytest.fixture(scope="module")
def company(engine: Engine) -> Company:
    """A company whose LinkedIn seats are connected."""
    org = engine.new_organization()
    company = org.new_company()
    path = f"/partner/v1/companies/{company.id}/entitlements/linkedin_outreach"
    org.api.put(path, json={"provider": "heyreach"}).raise_for_status()
    key = engine.dev["simulators"]["heyreach"]["api_key"]
    body = {"company_id": company.id, "provider": "heyreach", "credential": {"api_key": key}}
    wrong = {**body, "credential": {"api_key": "wrong"}}
    assert org.api.post("/partner/v1/connections", json=wrong).json()["code"] == "credential_refused"
    org.api.post("/partner/v1/connections", json=body).raise_for_status()
    return company


def control(engine: Engine, method: str, path: str, **request: Any) -> Any:
    """Speak to the simulator's control API."""
    url = engine.dev["simulators"]["heyreach"]["control_url"]
    return httpx.request(method, url + path, timeout=60, **request).raise_for_status().json()


@contextmanager
def faults(engine: Engine, **switches: Any) -> Iterator[None]:
    """Have the provider misbehave for a while."""
    control(engine, "PUT", "/faults", json=switches)
    try:
        yield
    finally:
        control(engine, "PUT", "/faults", json={})


@pytest.fixture
def quiet(engine: Engine) -> Iterator[None]:
    """Nothing happens at the provider by itself."""
    control(engine, "PUT", "/settings", json={"autoplay": False})
    yield
    control(engine, "PUT", "/settings", json={"autoplay": True})


def profiles(count: int) -> list[str]:
    """Return profiles that no other test has, in the spelling of the simulator's ledger."""
    mark = secrets.token_hex(4)
    return [f"https://www.linkedin.com/in/maria-{mark}-{number}" for number in range(count)]


def draft(company: Company, people: list[str], steps: list[dict[str, Any]] = STEPS) -> str:
    """Make a campaign with people that lacks nothing."""
    body = {"name": "A campaign with a name that is longer than fifty characters", "capability": "linkedin_outreach"}
    campaign = company.api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]
    company.api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": steps}).raise_for_status()
    senders = company.api.get("/v1/senders").raise_for_status().json()["data"]
    ids = {"sender_ids": [row["id"] for row in senders if row["capability"] == "linkedin_outreach"]}
    company.api.put(f"/v1/campaigns/{campaign}/senders", json=ids).raise_for_status()
    add(company, campaign, people)
    return campaign


def add(company: Company, campaign: str, people: list[str]) -> None:
    rows = [{"linkedin_url": url, "first_name": "Maria", "custom": {"city": "Lisbon"}} for url in people]
    added = company.api.post(f"/v1/campaigns/{campaign}/leads", json={"leads": rows}).raise_for_status().json()
    assert added["counts"]["added"] == len(people)


def stats(company: Company, campaign: str) -> dict[str, Any]:
    return company.api.get(f"/v1/campaigns/{campaign}/stats").raise_for_status().json()


def effects(engine: Engine, people: list[str]) -> Counter[str]:
    """Return what the provider's ledger says of these people."""
    known = set(people)
    return Counter(line["effect"] for line in control(engine, "GET", "/ledger") if line["email"] in known)


def theirs(engine: Engine, person: str) -> int:
    """Return the provider's campaign that a person is in."""
    (line,) = (line for line in control(engine, "GET", "/ledger") if line["email"] == person)
    return int(line["campaign"])


def stopped(engine: Engine, campaign: int) -> dict[str, bool]:
    """Return whether each person was stopped at the provider."""
    rows = control(engine, "GET", f"/campaigns/{campaign}/leads")
    return {row["profile_url"]: row["stopped"] for row in rows}


def test_a_campaign_goes_out_and_its_events_come_back(engine: Engine, company: Company) -> None:
    people = profiles(120)
    campaign = draft(company, people)
    start(company, campaign)
    assert effects(engine, people) == {"added": len(people)}

    def answered() -> bool:
        shown = stats(company, campaign)
        return shown["connection_requests"]["accepted"] > 0 and shown["messages"]["replied"] > 0

    wait_for("acceptances and answers", answered, 60)
    shown = stats(company, campaign)
    assert shown["leads"]["pushed"] == len(people)
    assert len(people) >= shown["connection_requests"]["sent"] >= shown["connection_requests"]["accepted"]
    replied = company.api.get("/v1/events", params={"type": "message.replied", "limit": 1}).json()["data"][0]
    assert replied["campaign_id"] == campaign
    lead = company.api.get(f"/v1/leads/{replied['lead_id']}").json()
    assert lead["linkedin_url"] in people
    reported = (
        company.api.get("/v1/events", params={"limit": 200}).text + company.api.get(f"/v1/campaigns/{campaign}").text
    )
    assert not [name for name in NAMES if name in reported.lower()]
    company.api.post(f"/v1/campaigns/{campaign}/pause").raise_for_status()
    wait_synced(company, campaign)


def test_lost_answers_are_settled_by_asking(engine: Engine, company: Company, quiet: None) -> None:
    people = profiles(30)
    campaign = draft(company, people)
    with faults(engine, lost_response={"paths": ["/AddLeadsToCampaignV2"], "times": 1}):
        company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
        wait_for("doubt", lambda: stats(company, campaign)["leads"]["uncertain"] == len(people))
    wait_synced(company, campaign)
    assert stats(company, campaign)["leads"]["pushed"] == len(people)
    assert effects(engine, people) == {"added": len(people)}


def test_totals_that_do_not_account_for_all_leave_all_uncertain(engine: Engine, company: Company, quiet: None) -> None:
    people = profiles(30)
    campaign = draft(company, people)
    with faults(engine, partial_failure={"times": 1}):
        company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
        wait_for("doubt", lambda: stats(company, campaign)["leads"]["uncertain"] == len(people))
    there = effects(engine, people)["added"]
    assert 0 < there < len(people)
    wait_for("those who are there", lambda: stats(company, campaign)["leads"]["pushed"] == there)
    # An absence in a list that lags proves nothing: no lead is given up, and none is handed over a second time.
    assert stats(company, campaign)["leads"]["uncertain"] == len(people) - there
    assert effects(engine, people)["added"] == there


def test_a_suppressed_person_is_stopped(engine: Engine, company: Company, quiet: None) -> None:
    first, second = people = profiles(2)
    campaign = draft(company, people)
    start(company, campaign)
    outside = theirs(engine, first)
    company.api.post("/v1/suppressions", json={"linkedin_url": first}).raise_for_status()
    wait_for("stopped", lambda: stopped(engine, outside)[first])
    assert stopped(engine, outside) == {first: True, second: False}


def test_a_change_pauses_and_goes_on_and_later_people_come_in(engine: Engine, company: Company, quiet: None) -> None:
    people = profiles(3)
    campaign = draft(company, people)
    start(company, campaign)
    outside = theirs(engine, people[0])
    company.api.patch(f"/v1/campaigns/{campaign}", json={"name": "Renamed"}).raise_for_status()
    wait_synced(company, campaign)
    more = profiles(2)
    add(company, campaign, more)
    wait_synced(company, campaign)
    shown = control(engine, "GET", f"/campaigns/{outside}")
    assert (shown["name"], shown["status"]) == ("Renamed", "IN_PROGRESS")
    assert effects(engine, people + more) == {"added": 5}
