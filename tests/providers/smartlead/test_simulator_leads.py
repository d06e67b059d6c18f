"""Leads in the simulator: adding, the ledger, reading, changing, blocking."""

import csv
import io
import itertools
import json
from typing import Any

import pytest

from tests.providers.smartlead.simulator_fixture import Simulator, running, sim, step

__all__ = ["running", "sim"]

_numbers = itertools.count()


def fresh(name: str = "lead") -> str:
    return f"{name}{next(_numbers)}@leads.com"


def lead_id(sim: Simulator, email: str) -> int:
    return int(sim.get("/leads", email=email)["id"])


def effects(sim: Simulator, campaign: int) -> list[tuple[str, str]]:
    return [(line["email"], line["effect"]) for line in sim.ledger(campaign)]


def test_adding_answers_with_counters(sim: Simulator) -> None:
    campaign, email = sim.campaign(), fresh()
    assert sim.add(campaign, email) == {
        "ok": True,
        "upload_count": 1,
        "total_leads": 1,
        "block_count": 0,
        "duplicate_count": 0,
        "invalid_email_count": 0,
        "invalid_emails": [],
        "already_added_to_campaign": 0,
        "unsubscribed_leads": [],
        "is_lead_limit_exhausted": False,
        "lead_import_stopped_count": 0,
        "bounce_count": 0,
    }
    again = sim.add(campaign, email)
    assert (again["upload_count"], again["total_leads"], again["already_added_to_campaign"]) == (1, 0, 1)
    assert effects(sim, campaign) == [(email, "added"), (email, "already")]


def test_lead_ids_come_as_strings_when_requested(sim: Simulator) -> None:
    first, second = sim.campaign(), sim.campaign()
    here, there, new = fresh(), fresh(), fresh()
    sim.add(first, here)
    sim.add(second, there)
    answer = sim.add(first, here, there, new, return_lead_ids=True)
    ids = answer["emailToLeadIdMap"]
    assert list(ids["newlyAddedLeads"]) == [new]
    assert list(ids["existingLeads"]) == [here]
    assert list(ids["existingLeadsInOtherCampaigns"]) == [there]
    assert int(ids["newlyAddedLeads"][new]) > 2**31
    assert isinstance(ids["newlyAddedLeads"][new], str)
    assert effects(sim, first)[1:] == [(here, "already"), (there, "refused"), (new, "added")]
    misplaced = sim.ask("POST", f"/campaigns/{first}/leads", {"lead_list": [], "return_lead_ids": True})
    assert misplaced.json()["message"] == '"return_lead_ids" is not allowed'


def test_a_lead_joins_a_second_campaign_when_the_flag_says_so(sim: Simulator) -> None:
    first, second, email = sim.campaign(), sim.campaign(), fresh()
    sim.add(first, email)
    assert sim.add(second, email)["total_leads"] == 0
    joined = sim.add(second, email, ignore_duplicate_leads_in_other_campaign=True)
    assert joined["total_leads"] == 1
    assert len(sim.get("/leads", email=email)["lead_campaign_data"]) == 2


def test_each_lead_of_an_ask_is_one_ledger_line(sim: Simulator) -> None:
    campaign, email = sim.campaign(), fresh()
    answer = sim.add(campaign, email, email.upper(), "not-an-address")
    assert (answer["total_leads"], answer["duplicate_count"], answer["invalid_emails"]) == (
        1,
        1,
        ["not-an-address"],
    )
    assert effects(sim, campaign) == [(email, "added"), (email, "already"), ("not-an-address", "refused")]
    assert all(line["answered"] for line in sim.ledger(campaign))


def test_one_unknown_lead_key_fails_the_whole_ask(sim: Simulator) -> None:
    campaign, good, bad = sim.campaign(), fresh(), fresh()
    leads: list[Any] = [{"email": good}, {"email": bad, "company": "Acme"}]
    answer = sim.ask("POST", f"/campaigns/{campaign}/leads", {"lead_list": leads})
    assert answer.status_code == 400
    assert answer.json()["message"] == '"lead_list[1].company" is not allowed'
    assert answer.json()["validation"]["keys"] == ["lead_list.1.company"]
    assert sim.get(f"/campaigns/{campaign}/leads")["total_leads"] == "0"
    assert effects(sim, campaign) == [(good, "none"), (bad, "none")]


def test_more_than_400_leads_are_refused(sim: Simulator) -> None:
    campaign = sim.campaign()
    leads = [{"email": f"bulk{number}@many.com"} for number in range(401)]
    path = f"/campaigns/{campaign}/leads"
    assert sim.ask("POST", path, {"lead_list": leads}).status_code == 400
    assert sim.post(path, {"lead_list": leads[:400]})["total_leads"] == 400
    assert sim.ask("POST", path, {"leads": []}).json()["message"] == '"lead_list" is required'


def test_more_than_200_custom_fields_are_refused(sim: Simulator) -> None:
    lead = {"email": fresh(), "custom_fields": {f"f{number}": "x" for number in range(201)}}
    answer = sim.ask("POST", f"/campaigns/{sim.campaign()}/leads", {"lead_list": [lead]})
    assert "custom_fields" in answer.json()["message"]


def test_blocked_addresses_and_domains_are_left_out(sim: Simulator) -> None:
    campaign, one = sim.campaign(), fresh()
    added = sim.post("/leads/add-domain-block-list", {"domain_block_list": ["blocked.com", one]})
    assert (added["uploadCount"], added["totalDomainAdded"]) == (2, 2)
    answer = sim.add(campaign, one, "a@blocked.com")
    assert (answer["block_count"], answer["total_leads"]) == (2, 0)
    assert {effect for _, effect in effects(sim, campaign)} == {"refused"}
    assert sim.add(campaign, one, ignore_global_block_list=True)["total_leads"] == 1
    rows = sim.get("/leads/get-domain-block-list", filter_email_or_domain="blocked.com")
    assert rows[0]["source"] == "manual"
    sim._json(sim.ask("DELETE", "/leads/delete-domain-block-list", id=rows[0]["id"]))
    assert sim.add(campaign, "a@blocked.com")["total_leads"] == 1


def test_an_entry_of_the_accounts_own_takes_the_place_of_a_clients(sim: Simulator) -> None:
    domain, path = f"{fresh().partition('@')[0]}.example", "/leads/add-domain-block-list"
    for body, owner in (({"client_id": 22}, 22), ({"client_id": None}, None), ({"client_id": 23}, None)):
        sim.post(path, {"domain_block_list": [domain], **body})
        (row,) = sim.get("/leads/get-domain-block-list", filter_email_or_domain=domain)
        assert row["client_id"] == owner


def test_an_unsubscribed_lead_is_left_out_everywhere(sim: Simulator) -> None:
    first, second, email = sim.campaign(), sim.campaign(), fresh()
    sim.add(first, email)
    sim.post(f"/leads/{lead_id(sim, email)}/unsubscribe")
    answer = sim.add(second, email, ignore_duplicate_leads_in_other_campaign=True)
    assert (answer["unsubscribed_leads"], answer["total_leads"]) == ([email], 0)
    assert effects(sim, second) == [(email, "refused")]
    assert sim.get("/leads", email=email)["is_unsubscribed"] is True


def test_the_list_of_a_campaign_pages_and_spells_numbers_as_strings(sim: Simulator) -> None:
    campaign, emails = sim.campaign(), [fresh() for _ in range(5)]
    sim.add(campaign, *emails)
    page = sim.get(f"/campaigns/{campaign}/leads", offset=2, limit=2)
    assert (page["total_leads"], page["offset"], page["limit"]) == ("5", 2, 2)
    assert [row["lead"]["email"] for row in page["data"]] == emails[2:4]
    row = page["data"][0]
    assert isinstance(row["campaign_lead_map_id"], str)
    assert int(row["campaign_lead_map_id"]) > 2**31
    assert isinstance(row["lead"]["id"], int)
    assert row["status"] == "STARTED"
    assert sim.ask("GET", f"/campaigns/{campaign}/leads", limit=101).status_code == 400


def test_the_list_of_a_campaign_is_filtered(sim: Simulator) -> None:
    one, two = fresh(), fresh()
    campaign = sim.ready_campaign(one, two, steps=2)
    sim.play(campaign, one, "open")
    path = f"/campaigns/{campaign}/leads"

    def found(**query: Any) -> list[str]:
        page = sim.get(path, **query)
        assert page["total_leads"] == str(len(page["data"]))
        return [row["lead"]["email"] for row in page["data"]]

    assert found(status="INPROGRESS") == [one]
    assert found(status="STARTED") == [two]
    assert found(emailStatus="is_opened") == [one]
    assert found(last_sent_time_gt="2020-01-01") == [one]
    assert found(created_at_gt="2099-01-01") == []
    assert sim.ask("GET", path, status="ACTIVE").status_code == 400


def test_a_lead_is_looked_up_by_address_id_and_across_the_account(sim: Simulator) -> None:
    campaign, email = sim.campaign(), fresh()
    sim.add(campaign, email)
    lead = sim.get("/leads/", email=email.upper())
    assert isinstance(lead["id"], str)
    assert isinstance(lead["lead_campaign_data"][0]["campaign_lead_map_id"], int)
    assert sim.get("/leads", email="nobody@nowhere.com") == {}
    assert sim.ask("GET", "/leads", email="nobody").json() == {"error": "Invalid email - nobody"}
    by_id = sim.get(f"/leads/{lead['id']}")["data"]
    assert by_id[0]["email"] == email
    places = [{"id": campaign, "status": "DRAFTED", "name": "Q3"}]
    assert sim.get(f"/leads/{lead['id']}/campaigns") == places
    across = sim.get("/leads/global-leads", email=email)
    assert (across["skip"], across["limit"], across["hasMore"]) == (0, 100, False)
    assert across["data"][0]["campaigns"][0]["campaign_id"] == campaign
    assert sim.get("/leads/global-leads", limit=1)["hasMore"] is True


def test_a_lead_is_changed_only_with_its_address(sim: Simulator) -> None:
    campaign, email = sim.campaign(), fresh()
    sim.add(campaign, email)
    path = f"/campaigns/{campaign}/leads/{lead_id(sim, email)}"
    assert sim.ask("POST", path, {"first_name": "X"}).json()["message"] == '"email" is required'
    sim.post(path, {"email": email, "custom_fields": {"Title": "Boss"}})
    sim.post(path, {"email": email, "first_name": "New", "custom_fields": {"Team": "A"}})
    lead = sim.get("/leads", email=email)
    assert (lead["first_name"], lead["last_name"]) == ("New", "T")
    assert lead["custom_fields"] == {"Title": "Boss", "Team": "A"}


def test_a_lead_is_paused_resumed_and_removed(sim: Simulator) -> None:
    campaign, email = sim.campaign(), fresh()
    sim.add(campaign, email)
    path = f"/campaigns/{campaign}/leads/{lead_id(sim, email)}"

    def status() -> str:
        return sim.get(f"/campaigns/{campaign}/leads")["data"][0]["status"]

    assert sim.post(f"{path}/pause") == {"ok": True}
    assert status() == "PAUSED"
    sim.post(f"{path}/resume", {"resume_lead_with_delay_days": 10})
    assert status() == "STARTED"
    removed = sim.ask("DELETE", path)
    assert (removed.status_code, removed.text) == (200, "success")
    assert sim.get(f"/campaigns/{campaign}/leads")["total_leads"] == "0"
    assert sim.get("/leads", email=email)["email"] == email
    assert sim.ask("DELETE", path).status_code == 404


def test_unsubscribing_from_one_campaign_leaves_the_others(sim: Simulator) -> None:
    first, second, email = sim.campaign(), sim.campaign(), fresh()
    sim.add(first, email)
    sim.post(f"/campaigns/{first}/leads/{lead_id(sim, email)}/unsubscribe")
    assert sim.get("/leads", email=email)["is_unsubscribed"] is False
    assert sim.add(second, email, ignore_duplicate_leads_in_other_campaign=True)["total_leads"] == 1


def test_a_lead_gets_a_category(sim: Simulator) -> None:
    campaign, email = sim.campaign(), fresh()
    sim.add(campaign, email)
    names = [row["name"] for row in sim.get("/leads/fetch-categories")]
    assert names[:2] == ["Interested", "Meeting Request"]
    assert len(names) == 7
    path = f"/campaigns/{campaign}/leads/{lead_id(sim, email)}/category"
    sim.post(path, {"category_id": 1, "pause_lead": True})
    row = sim.get(f"/campaigns/{campaign}/leads", lead_category_id=1)["data"][0]
    assert row["status"] == "PAUSED"
    sim.post(path, {"category_id": None})
    assert sim.get(f"/campaigns/{campaign}/leads", lead_category_id=1)["data"] == []


def test_completing_by_hand_takes_the_map_id(sim: Simulator) -> None:
    email = fresh()
    campaign = sim.ready_campaign(email, steps=2)
    row = sim.get(f"/campaigns/{campaign}/leads")["data"][0]
    path = f"/campaigns/{campaign}/leads/{row['campaign_lead_map_id']}/manual-complete"
    first = sim.post(path)["status"]
    assert first["isLastSequence"] is False
    assert first["nextSequence"]["delayInDays"] == 3
    assert sim.post(path)["status"] == {"isLastSequence": True, "nextSequence": None}
    wrong = sim.ask("POST", f"/campaigns/{campaign}/leads/{row['lead']['id']}/manual-complete", {})
    assert wrong.status_code == 404


def test_the_export_is_csv_with_line_breaks_in_fields(sim: Simulator) -> None:
    campaign, email = sim.campaign(), fresh()
    lead = {"email": email, "company_name": 'Two\n"Lines"', "custom_fields": {"A": "b"}}
    sim.post(f"/campaigns/{campaign}/leads", {"lead_list": [lead]})
    text = sim.ask("GET", f"/campaigns/{campaign}/leads-export").text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["company_name"] == 'Two\n"Lines"'
    assert json.loads(rows[0]["custom_fields"]) == {"A": "b"}
    assert rows[0]["status"] == "STARTED"


def test_statistics_analytics_and_history_follow_what_happens(sim: Simulator) -> None:
    one, two = fresh(), fresh()
    campaign = sim.ready_campaign(one, two)
    for event in ("sent", "open", "click", "reply"):
        sim.play(campaign, one, event)
    sim.play(campaign, two, "bounce")
    stats = sim.get(f"/campaigns/{campaign}/statistics")
    assert stats["total_stats"] == "2"
    assert stats["data"][0]["email_subject"] == "Hi Jason"
    replied = sim.get(f"/campaigns/{campaign}/statistics", email_status="replied")
    assert [row["lead_email"] for row in replied["data"]] == [one]
    figures = sim.get(f"/campaigns/{campaign}/analytics")
    counts = [figures[f"{name}_count"] for name in ("sent", "open", "click", "reply", "bounce", "total")]
    assert counts == ["2", "1", "1", "1", "1", "2"]
    assert figures["campaign_lead_stats"]["stopped"] == 1
    assert figures["campaign_lead_stats"]["blocked"] == 1
    path = f"/campaigns/{campaign}/leads/{lead_id(sim, one)}/message-history"
    history = sim.get(path)
    assert [row["type"] for row in history["history"]] == ["SENT", "REPLY"]
    assert history["history"][0]["email_seq_number"] == "1"
    assert history["to"] == one
    assert sim.get(path, event_time_gt="2099-01-01")["history"] == []
    plain = sim.get(path, show_plain_text_response="true")["history"]
    assert plain[0]["email_body"] == "Step 1, Jason"


def test_leads_statistics_ask_offset_and_answer_skip(sim: Simulator) -> None:
    campaign = sim.ready_campaign(fresh(), fresh())
    page = sim.get(f"/campaigns/{campaign}/leads-statistics", offset=0, limit=1)
    assert (page["skip"], page["limit"], page["hasMore"]) == (0, 1, True)
    assert isinstance(page["data"][0]["lead_id"], str)


def test_the_inbox_shows_replies_and_takes_an_answer(sim: Simulator) -> None:
    email = fresh()
    campaign = sim.ready_campaign(email)
    body = sim.play(campaign, email, "reply", text="Tell me more")
    listed = sim.post(
        "/master-inbox/inbox-replies",
        {"filters": {"campaignId": [campaign]}},
        fetch_message_history="true",
    )
    assert (listed["offset"], listed["limit"]) == (0, 20)
    assert [row["lead_email"] for row in listed["data"]] == [email]
    assert [row["type"] for row in listed["data"][0]["email_history"]] == ["SENT", "REPLY"]
    assert sim.ask("POST", "/master-inbox/inbox-replies", {"limit": 21}).status_code == 400
    assert sim.ask("POST", "/master-inbox/inbox-replies", {"campaign_id": 1}).status_code == 400
    path = f"/campaigns/{campaign}/reply-email-thread"
    sim.post(path, {"email_stats_id": body["stats_id"], "email_body": "<p>Sure</p>", "cc": "c@x.com"})
    history = sim.get(f"/campaigns/{campaign}/leads/{lead_id(sim, email)}/message-history")["history"]
    assert (history[-1]["email_body"], history[-1]["cc"]) == ("<p>Sure</p>", ["c@x.com"])
    assert sim.get(f"/campaigns/{campaign}/statistics")["total_stats"] == "1"
    unknown = sim.ask("POST", path, {"email_stats_id": "nope", "email_body": "x"})
    assert unknown.json() == {"error": "Invalid email_stats_id - nope"}


def test_the_broken_inbox_view_stays_broken(sim: Simulator) -> None:
    answer = sim.ask("POST", "/master-inbox/assigned-me", {})
    assert answer.status_code == 500
    assert 'column "undefined" does not exist' in answer.json()["message"]


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_the_ledger_reads_as_an_array_and_as_lines(sim: Simulator, accept: str) -> None:
    campaign, emails = sim.campaign(), [fresh(), fresh()]
    sim.add(campaign, *emails)
    text = sim.control.get("/ledger", params={"campaign": campaign}, headers={"Accept": accept}).text
    lines = [json.loads(line.rstrip(",")) for line in text.splitlines() if line.startswith("{")]
    assert [line["email"] for line in lines] == emails
    if accept == "application/json":
        assert json.loads(text) == lines
    since = sim.control.get("/ledger", params={"campaign": campaign, "since": "2099-01-01T00:00:00Z"})
    assert since.json() == []


def test_the_control_app_shows_what_stands(sim: Simulator) -> None:
    email = fresh()
    campaign = sim.ready_campaign(email)
    shown = sim.control.get(f"/campaigns/{campaign}").json()
    assert (shown["status"], shown["lead_count"], len(shown["email_account_ids"])) == ("DRAFTED", 1, 3)
    assert shown["sequence"][0]["subject"] == step(1)["subject"]
    assert shown["schedule"]["tz"] == "America/Los_Angeles"
    leads = sim.control.get(f"/campaigns/{campaign}/leads").json()
    assert leads[0]["email"] == email
    assert campaign in [row["id"] for row in sim.control.get("/campaigns").json()]
    assert sim.control.get("/campaigns/1").status_code == 404
