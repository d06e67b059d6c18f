"""Who answers, unsubscribes or cannot be reached gets nothing more from the company, in any campaign and channel."""

from uuid import UUID

import pytest

from api.access.vault import SealedField
from tests.engine import STEPS, Company, Engine, Organization, addresses, start, wait_for
from tests.jobs.moving import PROVIDERS, Account, Row, Work
from tests.jobs.test_linkedin_provider import STEPS as LINKEDIN_STEPS
from tests.jobs.test_linkedin_provider import profiles

pytestmark = pytest.mark.usefixtures("quiet_everywhere")


def stops(engine: Engine, company: Company) -> list[Row]:
    """Return the enrolments of a company that were stopped at the provider, or are about to be."""
    query = """
        select e.campaign_id::text as campaign, e.status, e.stop_state, e.stop_reason from outbound.campaign_leads as e
        where e.company_id = %s and e.stop_state is not null
    """
    with engine.sql() as sql:
        return sql.execute(query, [company.id]).fetchall()


def webhooks_of(work: Work) -> str:
    """Return all that a company's provider has reported so far."""
    query = "select id, body from outbound.inbound_webhooks where connection_id = %s"
    with work.account.engine.sql() as sql:
        rows = sql.execute(query, [work.connection]).fetchall()
    organization, vault = UUID(work.account.organization.id), work.account.engine.vault
    places = [SealedField(organization, "inbound_webhooks", "body", row["id"]) for row in rows]
    return " ".join(vault.unseal(bytes(row["body"]), place).decode() for row, place in zip(rows, places, strict=True))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_stop_shows_at_the_provider_is_no_event(
    provider: str, organization: Organization, engine: Engine
) -> None:
    account = Account(engine, organization, provider)
    company = account.company("Acme")
    sender = account.assign(account.senders()[0]["id"], company)
    person = account.new_person()
    first, second = (Work.begin(account, company, sender, person) for _ in range(2))
    first.hears("Yes, tell me more.")
    wait_for("the stop", lambda: {row["stop_state"] for row in stops(engine, company)} == {"done"})
    assert [(row["campaign"], row["status"], row["stop_reason"]) for row in stops(engine, company)] == [
        (second.campaign, "stopped", "replied")
    ]
    if provider == "instantly":
        wait_for("what it shows there", lambda: "lead_not_interested" in webhooks_of(second))
        query = "select count(*) as n from outbound.inbound_webhooks where connection_id = %s and state = 'received'"
        wait_for("everything read", lambda: account.row(query, second.connection)["n"] == 0)
    happened = {row["type"] for row in second.rows("/v1/events", campaign_id=second.campaign)}
    assert not happened & {"lead.labelled", "lead.unsubscribed"}
    assert len(first.replies()) == 1


def begin(company: Company, account: Account, sender: str, lead: dict[str, str]) -> Work:
    """Start a campaign to a person who is known by two names."""
    api, linkedin = company.api, account.provider == "heyreach"
    body = {"name": account.capability, "capability": account.capability}
    campaign = api.post("/v1/campaigns", json=body).raise_for_status().json()["id"]
    steps = {"steps": LINKEDIN_STEPS if linkedin else STEPS}
    api.put(f"/v1/campaigns/{campaign}/sequence", json=steps).raise_for_status()
    api.put(f"/v1/campaigns/{campaign}/senders", json={"sender_ids": [sender]}).raise_for_status()
    api.post(f"/v1/campaigns/{campaign}/leads", json={"leads": [lead]}).raise_for_status()
    start(company, campaign)
    work = Work(account, company, campaign, lead["linkedin_url" if linkedin else "email"])
    wait_for("the hand-over", lambda: work.stats()["leads"]["pushed"] == 1)
    return work


@pytest.mark.parametrize(
    ("channel", "event", "ending"),
    [
        ("smartlead", "reply", "replied"),
        ("smartlead", "unsubscribed", "unsubscribed"),
        ("smartlead", "bounce", "bounced"),
        ("heyreach", "reply", "replied"),
    ],
)
def test_what_ends_a_person_on_one_channel_ends_them_on_the_other(
    channel: str, event: str, ending: str, organization: Organization, engine: Engine
) -> None:
    email, linkedin = (Account(engine, organization, provider) for provider in ("smartlead", "heyreach"))
    company = email.company("Acme")
    path = f"/partner/v1/companies/{company.id}/entitlements/{linkedin.capability}"
    organization.api.put(path, json={"provider": "heyreach"}).raise_for_status()
    body = {"company_id": company.id, "provider": "heyreach", "credential": {"api_key": linkedin.key}}
    organization.api.post("/partner/v1/connections", json=body).raise_for_status()
    senders = {row["provider"]: email.assign(row["id"], company) for row in email.senders()}
    person = {"email": addresses(1)[0], "linkedin_url": profiles(1)[0], "first_name": "Maria", "city": "Lisbon"}
    lead = {**{key: person[key] for key in ("email", "linkedin_url", "first_name")}, "custom": {"city": "Lisbon"}}
    works = {
        account.provider: begin(company, account, senders[account.provider], lead) for account in (email, linkedin)
    }
    (other,) = works.keys() - {channel}
    works[channel].hears("Yes, tell me more.", event)
    wait_for(
        "the stop on the other channel",
        lambda: (
            (works[other].campaign, "stopped", "done")
            in {(row["campaign"], row["status"], row["stop_state"]) for row in stops(engine, company)}
        ),
    )
    path = f"/v1/campaigns/{works[channel].campaign}/leads"
    (enrolment,) = works[channel].rows(path)
    assert enrolment["status"] == ending


def test_who_asks_on_linkedin_not_to_be_contacted_is_listed_by_profile(
    organization: Organization, engine: Engine
) -> None:
    account = Account(engine, organization, "heyreach")
    company = account.company("Acme")
    sender = account.assign(account.senders()[0]["id"], company)
    person = account.new_person()
    first, second = (Work.begin(account, company, sender, person) for _ in range(2))
    reply = first.hears("Please leave me alone.")
    tagged = {**reply, "event_type": "lead_tag_updated", "lead": {**reply["lead"], "tags": ["Do not contact"]}}
    assert first.deliver(tagged) == 200
    wait_for("the stops", lambda: {row["stop_state"] for row in stops(engine, company)} == {"done"})
    listed = company.api.get("/v1/suppressions", params={"limit": 200}).json()["data"]
    assert [(row["kind"], row["source"]) for row in listed] == [("linkedin_url", "unsubscribed")]
    (enrolment,) = first.rows(f"/v1/campaigns/{first.campaign}/leads")
    assert enrolment["status"] == "unsubscribed"
    (other,) = second.rows(f"/v1/campaigns/{second.campaign}/leads")
    assert other["status"] == "stopped"
