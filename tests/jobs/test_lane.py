"""What the lane does for a campaign, seen at the provider."""

import base64
import json
import time
from uuid import UUID

from api.access.vault import SealedField, Vault
from api.dev.home import Home, State
from api.settings import parse_keys
from providers.templates import Variable, field_of
from tests.engine import STEPS, Company, Engine, Organization, add_leads, addresses, draft, start, wait_for, wait_synced
from tests.jobs.provider_state import (
    account_of,
    assert_each_added_once,
    at_provider,
    external_ids,
    faults,
    jobs_of,
    ledger,
    lose_jobs,
    people_at_provider,
    play,
    provider,
    pushes,
    stats,
    wait_status,
)

NAME = field_of(Variable("first_name"), "line")


def running(company: Company, emails: list[str], name: str = "Campaign") -> str:
    """Make a campaign that runs and has handed every lead over."""
    campaign = draft(company, name=name)
    add_leads(company, campaign, emails)
    start(company, campaign)
    return campaign


def suppress(company: Company, email: str) -> None:
    company.api.post("/v1/suppressions", json={"email": email}).raise_for_status()


def test_the_providers_campaign_is_what_ours_says(engine: Engine, company: Company, quiet: None) -> None:
    campaign = draft(company, name="Spring — été")
    steps = [
        {"type": "email", "delay_days": 0, "subject": "Hi {{ first_name }}", "body": "Line one\n\n{{custom.city}} < 3"},
        {"type": "email", "delay_days": 4, "subject": "", "body": "<p>{{company_name}}</p>"},
    ]
    schedule = {"timezone": "Europe/Lisbon", "days": [1, 7], "start": "08:30", "end": "16:45"}
    schedule |= {"minutes_between_sends": 12, "max_new_leads_per_day": 55}
    company.api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": steps}).raise_for_status()
    company.api.patch(f"/v1/campaigns/{campaign}", json={"schedule": schedule}).raise_for_status()
    senders = company.api.get("/v1/senders").json()["data"][:2]
    ids = {"sender_ids": [sender["id"] for sender in senders]}
    company.api.put(f"/v1/campaigns/{campaign}/senders", json=ids).raise_for_status()
    (email,) = addresses(1)
    add_leads(company, campaign, [email])
    start(company, campaign)
    wait_status(engine, campaign, "ACTIVE")
    stands = at_provider(engine, campaign)
    assert stands["name"].startswith("Spring — été ")
    assert [(step["delay_in_days"], step["subject"], step["email_body"]) for step in stands["sequence"]] == [
        (0, f"Hi {{{{{NAME}}}}}", "<p>Line one</p><p>{{obx_c_city}} &lt; 3</p>"),
        (4, "", "<p>{{obx_company_name}}</p>"),
    ]
    assert stands["schedule"] == {"tz": "Europe/Lisbon", "days": [0, 1], "startHour": "08:30", "endHour": "16:45"}
    assert (stands["settings"]["min_time_btwn_emails"], stands["settings"]["max_leads_per_day"]) == (12, 55)
    assert len(stands["email_account_ids"]) == 2
    (hook,) = stands["webhooks"]
    assert hook["webhook_url"].startswith(f"{engine.api_url}/hooks/")
    lead = people_at_provider(engine, campaign)[email]
    assert lead["first_name"] == "Maria"
    assert (lead["custom_fields"][NAME], lead["custom_fields"]["obx_c_city"]) == ("Maria", "Lisbon")


def test_pausing_and_starting_again_reach_the_provider(engine: Engine, company: Company, quiet: None) -> None:
    campaign = running(company, addresses(3))
    wait_status(engine, campaign, "ACTIVE")
    for action, status in (("pause", "PAUSED"), ("start", "ACTIVE"), ("pause", "PAUSED")):
        company.api.post(f"/v1/campaigns/{campaign}/{action}").raise_for_status()
        wait_status(engine, campaign, status)
        wait_synced(company, campaign)
    assert len(external_ids(engine, campaign)) == 1


def test_a_pause_does_not_wait_for_the_people_of_other_campaigns(engine: Engine, company: Company, quiet: None) -> None:
    campaign = running(company, addresses(1), "Small")
    wait_status(engine, campaign, "ACTIVE")
    large = draft(company, leads=2000, name="Large")
    with faults(engine, slow={"paths": ["/leads"], "methods": ["POST"], "seconds": 0.7}):
        company.api.post(f"/v1/campaigns/{large}/start").raise_for_status()
        wait_for("a part", lambda: stats(company, large)["leads"]["pushed"] >= 100)
        company.api.post(f"/v1/campaigns/{campaign}/pause").raise_for_status()
        wait_status(engine, campaign, "PAUSED", 30)
        assert stats(company, large)["leads"]["pending"] > 300
    wait_synced(company, large)


def test_a_paused_campaign_hands_no_lead_over(engine: Engine, company: Company, quiet: None) -> None:
    first, late = addresses(1), addresses(2)
    campaign = running(company, first)
    company.api.post(f"/v1/campaigns/{campaign}/pause").raise_for_status()
    wait_status(engine, campaign, "PAUSED")
    add_leads(company, campaign, late)
    time.sleep(2)
    assert_each_added_once(engine, campaign, first)
    start(company, campaign)
    assert_each_added_once(engine, campaign, first + late)


def test_people_added_to_a_running_campaign_are_handed_over(engine: Engine, company: Company, quiet: None) -> None:
    emails = addresses(250)
    campaign = running(company, emails[:5])
    add_leads(company, campaign, emails[5:])
    wait_synced(company, campaign)
    assert_each_added_once(engine, campaign, emails)
    assert at_provider(engine, campaign)["status"] == "ACTIVE"


def test_a_changed_sequence_replaces_the_providers(engine: Engine, company: Company, quiet: None) -> None:
    campaign = running(company, addresses(1))
    company.api.post(f"/v1/campaigns/{campaign}/pause").raise_for_status()
    steps = [{**STEPS[0], "subject": "Another"}]
    company.api.put(f"/v1/campaigns/{campaign}/sequence", json={"steps": steps}).raise_for_status()
    start(company, campaign)
    wait_status(engine, campaign, "ACTIVE")
    assert [step["subject"] for step in at_provider(engine, campaign)["sequence"]] == ["Another"]


def test_a_changed_name_and_schedule_reach_a_running_campaign(engine: Engine, company: Company, quiet: None) -> None:
    campaign = running(company, addresses(1))
    body = {"name": "Renamed", "schedule": {"timezone": "UTC", "days": [2]}}
    company.api.patch(f"/v1/campaigns/{campaign}", json=body).raise_for_status()
    wait_synced(company, campaign)
    wait_status(engine, campaign, "ACTIVE")
    stands = at_provider(engine, campaign)
    assert stands["name"].startswith("Renamed ")
    assert stands["schedule"]["days"] == [2]


def test_a_person_suppressed_while_waiting_is_never_handed_over(engine: Engine, company: Company, quiet: None) -> None:
    emails = addresses(4)
    campaign = draft(company)
    add_leads(company, campaign, emails)
    suppress(company, emails[1].upper())
    start(company, campaign)
    assert_each_added_once(engine, campaign, [emails[0], *emails[2:]])
    assert emails[1] not in json.dumps(ledger(engine, campaign))
    assert pushes(company, campaign)[emails[1]] == ("suppressed", "suppressed")


def test_a_whole_domain_suppressed_while_waiting_is_never_handed_over(
    engine: Engine, company: Company, quiet: None
) -> None:
    (email,) = addresses(1)
    other = email.replace("@example.com", "@blocked.example.com")
    campaign = draft(company)
    add_leads(company, campaign, [email, other])
    company.api.post("/v1/suppressions", json={"domain": "blocked.example.com"}).raise_for_status()
    start(company, campaign)
    assert_each_added_once(engine, campaign, [email])


def test_a_person_suppressed_after_the_hand_over_is_stopped_for_good(
    engine: Engine, company: Company, quiet: None
) -> None:
    emails = addresses(3)
    campaign = running(company, emails)
    suppress(company, emails[1])
    wait_for("unsubscribed", lambda: people_at_provider(engine, campaign)[emails[1]]["is_unsubscribed"])
    others = people_at_provider(engine, campaign)
    assert [others[email]["is_unsubscribed"] for email in (emails[0], emails[2])] == [False, False]


def test_a_person_suppressed_while_their_hand_over_is_uncertain_is_stopped(
    engine: Engine, company: Company, quiet: None
) -> None:
    emails = addresses(2)
    campaign = draft(company)
    add_leads(company, campaign, emails)
    with faults(engine, lost_response={"paths": ["/leads$"], "methods": ["POST"], "times": 1}):
        company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
        wait_for("doubt", lambda: stats(company, campaign)["leads"]["uncertain"] == 2)
        suppress(company, emails[0])
        wait_synced(company, campaign)
    wait_for("unsubscribed", lambda: people_at_provider(engine, campaign)[emails[0]]["is_unsubscribed"])
    assert_each_added_once(engine, campaign, emails)


def test_a_reply_stops_the_persons_other_campaigns(engine: Engine, company: Company, quiet: None) -> None:
    both, other = addresses(2)
    first, second = running(company, [both, other], "First"), running(company, [both, other], "Second")
    waiting = draft(company, name="Third")
    add_leads(company, waiting, [both, other])
    play(engine, first, both, "reply")
    wait_for("paused", lambda: people_at_provider(engine, second)[both]["status"] == "PAUSED")
    assert people_at_provider(engine, second)[other]["status"] != "PAUSED"
    assert not people_at_provider(engine, second)[both]["is_unsubscribed"]
    assert pushes(company, waiting)[both] == ("suppressed", "replied")
    start(company, waiting)
    assert_each_added_once(engine, waiting, [other])


def test_a_reply_stops_no_lead_of_another_company(engine: Engine, organization: Organization, quiet: None) -> None:
    one, two = organization.companies_on_one_account()
    (email,) = addresses(1)
    first, second = running(one, [email]), running(two, [email])
    play(engine, first, email, "reply")
    wait_for("reply", lambda: stats(one, first)["messages"]["replied"] == 1)
    time.sleep(1)
    assert people_at_provider(engine, second)[email]["status"] != "PAUSED"


def test_an_unsubscribe_reaches_all_campaigns_of_the_company(engine: Engine, company: Company, quiet: None) -> None:
    (email,) = addresses(1)
    first, second = running(company, [email], "First"), running(company, [email], "Second")
    play(engine, first, email, "unsubscribed")
    wait_for("unsubscribed", lambda: people_at_provider(engine, second)[email]["is_unsubscribed"])
    answer = add_leads(company, draft(company), [email])
    assert answer["counts"]["suppressed"] == 1


def test_a_lead_that_the_provider_blocks_is_failed_and_the_rest_handed_over(
    engine: Engine, company: Company, quiet: None
) -> None:
    emails = addresses(5)
    provider(engine, "POST", "/leads/add-domain-block-list", {"domain_block_list": [emails[2]]})
    campaign = running(company, emails)
    states = pushes(company, campaign)
    assert states.pop(emails[2]) == ("failed", "not_accepted")
    assert set(states.values()) == {("pushed", None)}
    assert_each_added_once(engine, campaign, [email for email in emails if email != emails[2]])


def test_two_companies_on_one_account_both_progress(engine: Engine, organization: Organization, quiet: None) -> None:
    one, two = organization.companies_on_one_account()
    first, second = draft(one, leads=600, name="Large"), draft(two, leads=30, name="Small")
    with faults(engine, slow={"paths": ["/leads"], "methods": ["POST"], "seconds": 0.5}):
        for company, campaign in ((one, first), (two, second)):
            company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
        wait_synced(two, second, 30)
        wait_synced(one, first, 30)
    assert (stats(one, first)["leads"]["pushed"], stats(two, second)["leads"]["pushed"]) == (600, 30)
    assert len(jobs_of(engine, account_of(engine, organization))) <= 1


def put_key(engine: Engine, organization: Organization, key: str) -> None:
    """Give the connection another key, as if the provider had forgotten ours: it has no switch for that."""
    home = Home(engine.home, State(**json.loads((engine.home / "state.json").read_text())))
    keys = home.state.keys
    pepper = base64.b64decode(keys["pepper"])
    vault = Vault(pepper=pepper, encryption_keys=parse_keys(keys["encryption"]))
    with engine.sql() as conn:
        row = conn.execute("select id from outbound.connections where org_id = %s", [organization.id]).fetchone()
        assert row is not None
        sealed = vault.seal(key.encode(), SealedField(UUID(organization.id), "connections", "credential", row["id"]))
        conn.execute("update outbound.connections set credential = %s where id = %s", [sealed, row["id"]])


def test_a_refused_key_loses_the_connection_and_a_new_key_mends_it(
    engine: Engine, organization: Organization, company: Company, quiet: None
) -> None:
    emails = addresses(3)
    campaign = running(company, emails[:1])
    put_key(engine, organization, "a-key-nobody-knows")
    add_leads(company, campaign, emails[1:])
    connections = "/partner/v1/connections"
    wait_for("error", lambda: organization.api.get(connections).json()["data"][0]["status"] == "error")
    capabilities = {row["capability"]: row["status"] for row in company.api.get("/v1/capabilities").json()["data"]}
    assert capabilities["email_outreach"] == "disconnected"
    assert {state for state, _ in pushes(company, campaign).values()} == {"pushed", "pending"}
    wait_for("an empty lane", lambda: not jobs_of(engine, account_of(engine, organization)))
    body = {"company_id": company.id, "provider": "smartlead", "credential": {"api_key": engine.api_key}}
    assert organization.api.post(connections, json=body).status_code == 201
    wait_synced(company, campaign)
    assert_each_added_once(engine, campaign, emails)


def forget(engine: Engine, account: str) -> None:
    """Lose all that is known of a lane, and have what is due compared now instead of within the hour."""
    lose_jobs(engine, account)
    with engine.sql() as conn:
        conn.execute("delete from ctx.lanes where subject = %s", [account])
        conn.execute("update ctx.rounds set finished_at = null")


def test_a_lane_that_was_forgotten_is_found_by_what_is_due(
    engine: Engine, organization: Organization, company: Company, quiet: None
) -> None:
    emails = addresses(300)
    campaign = draft(company)
    add_leads(company, campaign, emails)
    account = account_of(engine, organization)
    with faults(engine, rate_limited={"paths": ["/leads"], "methods": ["POST"], "seconds": 4}):
        company.api.post(f"/v1/campaigns/{campaign}/start").raise_for_status()
        with engine.sql() as conn:
            waits = "select from outbound.provider_accounts where id = %s and paused_until > now()"
            wait_for("an account that waits", lambda: conn.execute(waits, [account]).fetchall())
        forget(engine, account)
    wait_synced(company, campaign, 30)
    assert_each_added_once(engine, campaign, emails)


def test_a_campaign_that_was_never_switched_on_is_switched_on_later(
    engine: Engine, organization: Organization, company: Company, quiet: None
) -> None:
    """The worker may end between the last hand-over and the start: nothing else is due then."""
    campaign = running(company, addresses(1))
    wait_status(engine, campaign, "ACTIVE")
    account = account_of(engine, organization)
    (number,) = external_ids(engine, campaign)
    wait_for("an empty lane", lambda: not jobs_of(engine, account))
    provider(engine, "POST", f"/campaigns/{number}/status", {"status": "PAUSED"})
    with engine.sql() as conn:
        conn.execute("update outbound.campaign_bindings set remote_status = 'draft' where campaign_id = %s", [campaign])
    forget(engine, account)
    wait_status(engine, campaign, "ACTIVE", 15)
