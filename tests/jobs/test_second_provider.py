"""The main job through the other email provider: a company sees no difference, and every lead is added once."""

from collections import Counter

import httpx

from tests.engine import STEPS, Company, Engine, add_leads, addresses, start, wait_for

PEOPLE = 120


def connected(engine: Engine) -> Company:
    """Make a company whose email goes through the second provider."""
    org = engine.new_organization()
    company = org.new_company()
    path = f"/partner/v1/companies/{company.id}/entitlements/email_outreach"
    org.api.put(path, json={"provider": "instantly"}).raise_for_status()
    key = engine.dev["simulators"]["instantly"]["api_key"]
    body = {"company_id": company.id, "provider": "instantly", "credential": {"api_key": key}}
    wrong = {**body, "credential": {"api_key": "wrong"}}
    assert org.api.post("/partner/v1/connections", json=wrong).json()["code"] == "credential_refused"
    org.api.post("/partner/v1/connections", json=body).raise_for_status()
    return company


def test_a_campaign_runs_through_the_second_provider(engine: Engine) -> None:
    company = connected(engine)
    senders = [row["id"] for row in company.api.get("/v1/senders").json()["data"]]
    assert len(senders) == 3
    made = {"name": "Second", "capability": "email_outreach"}
    campaign = company.api.post("/v1/campaigns", json=made).raise_for_status().json()["id"]
    company.api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": STEPS}).raise_for_status()
    company.api.put(f"/v1/campaigns/{campaign}/senders", json={"sender_ids": senders}).raise_for_status()
    emails = addresses(PEOPLE)
    add_leads(company, campaign, emails)
    start(company, campaign)

    def sent() -> bool:
        stats = company.api.get(f"/v1/campaigns/{campaign}/stats").json()
        return stats["leads"]["pushed"] == PEOPLE and stats["messages"]["sent"] >= 10

    wait_for("everybody handed over and the first messages", sent, 60)
    control = engine.dev["simulators"]["instantly"]["control_url"]
    ledger = [line for line in httpx.get(f"{control}/ledger").json() if line["email"] in set(emails)]
    assert Counter(line["effect"] for line in ledger) == {"added": PEOPLE}
    shown = (
        company.api.get("/v1/events", params={"limit": 200}).text + company.api.get(f"/v1/campaigns/{campaign}").text
    )
    assert "instantly" not in shown.lower()
    company.api.post(f"/v1/campaigns/{campaign}/pause").raise_for_status()
