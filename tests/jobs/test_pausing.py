"""One person of a campaign rests and goes on, whether they were handed over already or not."""

import httpx

from tests.api.answers import problem
from tests.engine import Company, Engine, add_leads, addresses, draft, start, wait_for, wait_synced
from tests.jobs.provider_state import people_at_provider, play


def press(company: Company, campaign: str, lead: str, verb: str) -> httpx.Response:
    return company.api.post(f"/v1/campaigns/{campaign}/leads/{lead}/{verb}")


def people(company: Company, campaign: str) -> dict[str, dict[str, str]]:
    rows = company.api.get(f"/v1/campaigns/{campaign}/leads").raise_for_status().json()["data"]
    return {row["email"]: row for row in rows}


def wait_there(engine: Engine, campaign: str, email: str, status: str) -> None:
    wait_for(f"{email} {status}", lambda: people_at_provider(engine, campaign)[email]["status"] == status, 20)


def test_who_was_handed_over_is_paused_there_and_goes_on(engine: Engine, company: Company, quiet: None) -> None:
    emails = addresses(2)
    campaign = draft(company)
    add_leads(company, campaign, emails)
    start(company, campaign)
    lead = people(company, campaign)[emails[0]]["lead_id"]
    assert press(company, campaign, lead, "pause").json()["status"] == "paused"
    wait_there(engine, campaign, emails[0], "PAUSED")
    assert people_at_provider(engine, campaign)[emails[1]]["status"] != "PAUSED"
    assert press(company, campaign, lead, "pause").status_code == 200, "twice is once"
    assert press(company, campaign, lead, "resume").json()["status"] == "active"
    wait_for("going on", lambda: people_at_provider(engine, campaign)[emails[0]]["status"] != "PAUSED", 20)


def test_who_waits_is_handed_over_only_after_resuming(engine: Engine, company: Company, quiet: None) -> None:
    emails = addresses(3)
    campaign = draft(company)
    add_leads(company, campaign, emails)
    lead = people(company, campaign)[emails[0]]["lead_id"]
    assert press(company, campaign, lead, "pause").json()["status"] == "paused"
    start(company, campaign)
    assert set(people_at_provider(engine, campaign)) == set(emails[1:])
    assert people(company, campaign)[emails[0]]["push"]["state"] == "pending"
    assert press(company, campaign, lead, "resume").json()["status"] == "queued"
    wait_for("handed over", lambda: emails[0] in people_at_provider(engine, campaign), 20)
    wait_synced(company, campaign)


def test_a_lead_that_has_ended_is_neither_paused_nor_resumed(engine: Engine, company: Company, quiet: None) -> None:
    (email,) = addresses(1)
    campaign = draft(company)
    add_leads(company, campaign, [email])
    start(company, campaign)
    lead = people(company, campaign)[email]["lead_id"]
    play(engine, campaign, email, "reply")
    wait_for("the reply", lambda: people(company, campaign)[email]["status"] == "replied")
    for verb in ("pause", "resume"):
        problem(press(company, campaign, lead, verb), 409, "lead_ended")


def test_where_no_person_can_be_paused_it_is_said(engine: Engine) -> None:
    org = engine.new_organization()
    company = org.new_company()
    org.api.put(
        f"/partner/v1/companies/{company.id}/entitlements/email_outreach", json={"provider": "instantly"}
    ).raise_for_status()
    key = engine.dev["simulators"]["instantly"]["api_key"]
    body = {"company_id": company.id, "provider": "instantly", "credential": {"api_key": key}}
    org.api.post("/partner/v1/connections", json=body).raise_for_status()
    (capability,) = company.api.get("/v1/capabilities").json()["data"]
    assert capability["features"]["lead_pause"] is False
    assert capability["features"]["reply"] is True
    campaign = draft(company)
    email, late = addresses(2)
    add_leads(company, campaign, [email])
    start(company, campaign)
    lead = people(company, campaign)[email]["lead_id"]
    problem(press(company, campaign, lead, "pause"), 409, "not_supported")
    company.api.post(f"/v1/campaigns/{campaign}/pause").raise_for_status()
    add_leads(company, campaign, [late])
    waiting = people(company, campaign)[late]["lead_id"]
    assert press(company, campaign, waiting, "pause").json()["status"] == "paused", "who waits can always rest"
