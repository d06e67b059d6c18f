"""What published clients of the provider call beyond what our own client does."""

import contextlib
import itertools
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.smartlead.simulator_fixture import (
    OTHER_KEY,
    Receiver,
    Simulator,
    hook,
    own,
    receiver,
    running,
    sim,
    wait_for,
)

__all__ = ["own", "receiver", "running", "sim"]
pytestmark = pytest.mark.compat

_numbers = itertools.count()
_SMTP = {
    "id": None,
    "from_name": "New Sender",
    "user_name": "new",
    "password": "hush",
    "smtp_host": "smtp.new.example",
    "smtp_port": 465,
    "imap_host": "imap.new.example",
    "imap_port": 993,
    "warmup_enabled": False,
}
_DAYS = {"start_date": "2026-01-01", "end_date": "2026-01-03"}


def fresh(name: str = "third") -> str:
    return f"{name}{next(_numbers)}@parties.com"


def mailbox(sim: Simulator, **more: Any) -> int:
    return sim.post("/email-accounts/save", {**_SMTP, "from_email": fresh("sender"), **more})["emailAccountId"]


def replied(sim: Simulator) -> tuple[int, dict[str, Any]]:
    """Return a campaign whose only lead answered the first step, and the lead's row in it."""
    email = fresh()
    campaign = sim.ready_campaign(email, steps=2)
    sim.start_campaign(campaign)
    sim.play(campaign, email, "reply", text="Yes")
    return campaign, sim.get(f"/campaigns/{campaign}/leads")["data"][0]


def today(sim: Simulator) -> str:
    return sim.control.get("/clock").json()["at"][:10]


def test_a_mailbox_is_connected_warmed_up_and_suspended(sim: Simulator) -> None:
    address = fresh("sender")
    made = sim.post("/email-accounts/save", {**_SMTP, "from_email": address, "max_email_per_day": 7})
    assert made == {
        "ok": True,
        "message": "Email account added/updated successfully!",
        "emailAccountId": made["emailAccountId"],
        "warmupKey": "apple-keys",
    }
    path = f"/email-accounts/{made['emailAccountId']}"
    shown = sim.get(path)
    assert (shown["from_email"], shown["type"], shown["message_per_day"]) == (address, "SMTP", 7)
    assert (shown["password"], shown["warmup_details"]) == ("hush", None)
    listed = next(row for row in sim.get("/email-accounts") if row["from_email"] == address)
    assert listed["password"] == "aHVzaA=="
    warm = {"warmup_enabled": True, "total_warmup_per_day": 20, "daily_rampup": 5, "reply_rate_percentage": 40}
    assert sim.post(f"{path}/warmup", warm)["ok"] is True
    details = sim.get(path)["warmup_details"]
    assert (details["status"], details["reply_rate"], details["total_sent_count"]) == ("ACTIVE", 40, 0)
    assert sim.ask("PUT", f"/email-accounts/suspend/{made['emailAccountId']}").json() == {"ok": True}
    assert sim.get(path)["is_suspended"] is True
    assert sim.delete(f"/email-accounts/unsuspend/{made['emailAccountId']}") == {"ok": True}
    assert sim.get(path)["is_suspended"] is False
    assert sim.delete(path) == {"ok": True}
    assert sim.ask("GET", path).json()["errorCode"] == "ACCOUNT_NOT_FOUND"


def test_a_mailbox_is_saved_again_by_its_id_and_never_twice(sim: Simulator) -> None:
    address = fresh("sender")
    first = mailbox(sim, from_email=address)
    again = sim.ask("POST", "/email-accounts/save", {**_SMTP, "from_email": address})
    assert (again.status_code, again.json()["errorCode"]) == (400, "ACCOUNT_ALREADY_EXIST")
    assert mailbox(sim, id=first, from_email=address, from_name="Other") == first
    assert sim.get(f"/email-accounts/{first}")["from_name"] == "Other"
    without = {key: value for key, value in _SMTP.items() if key != "id"}
    assert sim.post("/email-accounts/save", {**without, "from_email": fresh("sender")})["emailAccountId"] != first
    nameless = sim.ask("POST", "/email-accounts/save", {**without, "from_email": address, "user_name": ""})
    assert nameless.json()["message"] == '"user_name" is not allowed to be empty'
    foreign = sim.ask("POST", "/email-accounts/save", {**_SMTP, "id": first, "from_email": address}, key=OTHER_KEY)
    assert (foreign.status_code, foreign.json()["errorCode"]) == (404, "ACCOUNT_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({}, '"warmup_enabled" is required'),
        (
            {"warmup_enabled": True, "total_warmup_per_day": 51},
            '"total_warmup_per_day" must be less than or equal to 50',
        ),
        (
            {"warmup_enabled": True, "reply_rate_percentage": 5},
            '"reply_rate_percentage" must be larger than or equal to 20',
        ),
    ],
)
def test_bad_warm_ups_are_refused(sim: Simulator, body: dict[str, Any], complaint: str) -> None:
    answer = sim.ask("POST", f"/email-accounts/{mailbox(sim)}/warmup", body)
    assert (answer.status_code, answer.json()["message"]) == (400, complaint)


def test_reconnecting_finds_nothing_to_do(sim: Simulator) -> None:
    answer = sim.ask("POST", "/email-accounts/reconnect-failed-email-accounts", {})
    assert (answer.status_code, answer.json()) == (404, {"ok": True, "message": "No failed email account found!"})


def test_mailboxes_carry_tags(sim: Simulator) -> None:
    mailbox_id, name = mailbox(sim), fresh("tag")
    tag = sim.post("/tags", {"name": name, "color": "#FF5733"})["data"]
    assert sim.post("/tags", {"name": name})["data"] == tag
    body = {"email_account_ids": [mailbox_id], "tag_ids": [tag["id"]]}
    assert sim.post("/email-accounts/tag-mapping", body) == {"ok": True}
    assert sim.post("/email-accounts/tag-mapping", body) == {"ok": True}
    shown = sim.get(f"/email-accounts/{mailbox_id}")
    assert shown["tags"] == [{"id": tag["id"], "name": name, "color": "#FF5733"}]
    wanted = sim.post("/email-accounts/tag-list", {"email_ids": [shown["from_email"]]})
    assert wanted == [{"email": shown["from_email"], "tags": shown["tags"]}]
    renamed = {"id": tag["id"], "name": fresh("tag"), "color": "#000000"}
    assert sim.post("/email-accounts/tag-manager", renamed) == {"ok": True, "id": tag["id"]}
    assert renamed in sim.get("/email-accounts/tags")
    assert sim.delete("/email-accounts/tag-mapping", body) == {"ok": True}
    assert sim.get(f"/email-accounts/{mailbox_id}")["tags"] == []


def test_a_campaign_has_figures_between_two_days(sim: Simulator) -> None:
    campaign, _ = replied(sim)
    day = today(sim)
    path, days = f"/campaigns/{campaign}", {"start_date": day, "end_date": day}
    shown = sim.get(f"{path}/analytics-by-date", **days)
    assert (shown["id"], shown["start_date"], shown["end_date"]) == (campaign, day, day)
    counts = ("sent_count", "reply_count", "bounce_count", "total_count", "sequence_count")
    assert [shown[name] for name in counts] == ["1", "1", "0", "1", "2"]
    assert sim.get(f"{path}/analytics-by-date", **_DAYS)["sent_count"] == "0"
    top = sim.get(f"{path}/top-level-analytics-by-date", **days)
    assert (top["sent_count"], top["reply_count"], top["positive_reply_count"]) == ("1", "1", "0")
    steps = sim.get(f"{path}/sequence-analytics")["data"]
    assert [row["sent_count"] for row in steps] == ["1", "0"]
    assert [row["from_email"] for row in sim.get(f"{path}/mailbox-statistics")["data"]]
    assert sim.get(f"{path}/mailbox-statistics", **_DAYS)["data"] == []


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"start_date": "2026-01-01"}, '"end_date" is required'),
        ({"start_date": "2026-01-01", "end_date": "soon"}, "Invalid date"),
        ({"start_date": "2026-01-02", "end_date": "2026-01-01"}, "start_date cannot be greater"),
        ({"start_date": "2026-01-01", "end_date": "2026-03-01"}, "cannot be more than 30 days"),
    ],
)
def test_bad_days_are_refused(sim: Simulator, query: dict[str, str], complaint: str) -> None:
    answer = sim.ask("GET", f"/campaigns/{sim.campaign()}/analytics-by-date", **query)
    assert answer.status_code == 400
    assert complaint in str(answer.json())


def test_half_a_period_of_mailboxes_is_refused(sim: Simulator) -> None:
    answer = sim.ask("GET", f"/campaigns/{sim.campaign()}/mailbox-statistics", start_date="2026-01-01")
    assert answer.json() == {"error": "Both start_date and end_date are required"}


def test_the_account_has_figures_in_one_envelope(sim: Simulator) -> None:
    campaign, row = replied(sim)
    sim.post(f"/campaigns/{campaign}/leads/{row['lead']['id']}/category", {"category_id": 1})
    day = today(sim)
    query = {"start_date": day, "end_date": day, "campaign_ids": f"{campaign},0"}
    answer = sim.get("/analytics/overall-stats-v2", **query)
    assert (answer["success"], answer["message"]) == (True, "Overall Stats fetched successfully!")
    totals = answer["data"]["overall_stats"]
    assert (totals["sent"], totals["replied"], totals["positive_replied"]) == (1, 1, 1)
    assert (totals["reply_rate"], totals["bounce_rate"]) == ("100.00%", "0.00%")
    (performance,) = sim.get("/analytics/campaign/overall-stats", **query)["data"]["campaign_wise_performance"]
    assert (performance["id"], performance["campaign_name"], performance["sent"]) == (campaign, "Q3", 1)
    (stats,) = sim.get("/analytics/campaign/response-stats", **query)["data"]["campaign_wise_response_stats"]
    assert (stats["email_campaign_id"], stats["total_positive_response"]) == (campaign, 1)
    grouped = sim.get("/analytics/lead/category-wise-response", **query)["data"]["lead_responses_by_category"]
    (group,) = grouped["leadResponseGrouping"]
    assert group == {
        "total_response": 1,
        "percentage": "100.00%",
        "name": "Interested",
        "sentiment_type": "positive",
    }
    health = sim.get("/analytics/mailbox/name-wise-health-metrics", **query)["data"]["email_health_metrics"]
    domains = sim.get("/analytics/mailbox/domain-wise-health-metrics", **query)["data"]["domain_health_metrics"]
    assert [row["from_email"].split("@")[1] for row in health] == [row["domain"] for row in domains]


def test_days_without_a_message_are_listed_too(sim: Simulator) -> None:
    rows = sim.get("/analytics/day-wise-overall-stats", **_DAYS)["data"]["day_wise_stats"]
    nothing = {"sent": 0, "opened": 0, "replied": 0, "bounced": 0, "unsubscribed": 0}
    assert [(row["date"], row["day_name"]) for row in rows][:2] == [("01 Jan", "Thursday"), ("02 Jan", "Friday")]
    assert rows[0]["email_engagement_metrics"] == nothing
    positive = sim.get("/analytics/day-wise-positive-reply-stats", **_DAYS)["data"]["day_wise_stats"]
    assert positive[0]["email_engagement_metrics"] == {"positive_replied": 0}
    assert sim.ask("GET", "/analytics/day-wise-overall-stats").json()["message"] == '"start_date" is required'


def test_the_account_is_counted_by_kind(sim: Simulator) -> None:
    campaign, _ = replied(sim)
    query = {"start_date": today(sim), "end_date": today(sim), "campaign_ids": str(campaign)}
    states = sim.get("/analytics/campaign/status-stats")["data"]["campaign_status_stats"]
    assert int(next(row["total_count"] for row in states if row["status"] == "Active")) >= 1
    boxes = sim.get("/analytics/mailbox/overall-stats")["data"]["overall_mailbox_stats"]
    assert boxes["total_connected"] == len(sim.get("/email-accounts"))
    overview = sim.get("/analytics/mailbox/provider-wise-overall-performance", **query)["data"]
    assert overview["email_providers_performance_overview"]["overall"][0]["sent"] == "1"
    assert sim.get("/analytics/lead/overall-stats", **query)["data"]["lead_stats"] == {
        "count": {"total": 1, "new": 1, "follow_up": 0},
        "percentage": {"new": "100%", "follow_up": "0%"},
    }
    followed = sim.get("/analytics/campaign/follow-up-reply-rate", **query)["data"]
    assert (followed["followup_reply_rate"], followed["followup_stats"]["total_followups"]) == ("0.00%", 0)
    assert campaign in [row["id"] for row in sim.get("/analytics/campaign/list")["data"]["campaign_list"]]


def test_clients_and_their_keys(sim: Simulator) -> None:
    email = fresh("client")
    made = sim.post("/client/save", {"name": "Mr Bean", "email": email, "permission": ["reply_master_inbox"]})
    assert (made["ok"], made["name"], made["email"]) == (True, "Mr Bean", email)
    row = next(row for row in sim.get("/client/") if row["id"] == made["clientId"])
    assert row["client_permision"] == {"permission": ["reply_master_inbox"], "retricted_category": []}
    again = sim.ask("POST", "/client/save", {"name": "Other", "email": email})
    assert again.json()["message"].startswith(f"Client with {email} already exist")
    key = sim.post("/client/api-key", {"clientId": made["clientId"], "keyName": "k"})["data"]
    assert sim.get("/client/api-key", clientId=made["clientId"])["data"] == [key]
    reset = sim.ask("PUT", f"/client/api-key/reset/{key['id']}").json()["data"]
    assert reset["api_key"] != key["api_key"]
    assert sim.delete(f"/client/api-key/{key['id']}") == {"ok": True}
    assert sim.get("/client/api-key", clientId=made["clientId"])["data"] == []
    campaign = sim.ready_campaign(fresh())
    sim.post(f"/campaigns/{campaign}/settings", {"client_id": made["clientId"]})
    sim.start_campaign(campaign)
    sim.play(campaign, sim.get(f"/campaigns/{campaign}/leads")["data"][0]["lead"]["email"], "sent")
    days = {"start_date": today(sim), "end_date": today(sim)}
    (stats,) = sim.get("/analytics/client/overall-stats", **days)["data"]["client_wise_performance"]
    assert (stats["client_name"], stats["total_campaigns_count"], stats["campaign_stats"]["sent"]) == (
        "Mr Bean",
        "1",
        1,
    )


def test_lead_lists_feed_campaigns(sim: Simulator) -> None:
    listed = sim.post("/lead-list/", {"listName": "Cold"})["data"]
    assert (listed["list_name"], listed["leads_count"]) == ("Cold", 0)
    emails = [fresh(), fresh()]
    path = f"/lead-list/{listed['id']}"
    body = {"leadList": [{"email": email} for email in [*emails, "nobody"]], "fileName": "cold.csv"}
    assert sim.post(f"{path}/import", body) == {"ok": True, "imported_count": 2}
    assert sim.ask("PUT", path, {"listName": "Warm"}).json()["data"]["list_name"] == "Warm"
    assert (sim.get(path)["data"]["leads_count"], sim.get(path)["data"]["active_leads_count"]) == (2, 2)
    whole = sim.get("/lead-list/", listName="Warm", limit=1)["data"]
    assert (len(whole["lists"]), whole["totalCount"]) == (1, 1)
    other = sim.post("/lead-list/", {"listName": "Other"})["data"]["id"]
    moved = {"action": "move", "fromListId": listed["id"], "toListId": other}
    assert sim.post("/leads/leads/push-between-lists", moved) == {"ok": True}
    assert (sim.get(path)["data"]["leads_count"], sim.get(f"/lead-list/{other}")["data"]["leads_count"]) == (0, 2)
    campaign = sim.campaign()
    pushed = {"campaignId": campaign, "action": "copy", "leadList": {"listId": other}}
    assert sim.post("/leads/push-to-campaign", pushed)["total_leads"] == 2
    assert [(line["email"], line["effect"]) for line in sim.ledger(campaign)] == [(email, "added") for email in emails]
    assert sim.delete(path) == {"ok": True}
    assert sim.ask("GET", path).status_code == 404
    assert sim.ask("GET", f"/lead-list/{other}", key=OTHER_KEY).status_code == 404


def test_a_conversation_is_handled_in_the_master_inbox(sim: Simulator) -> None:
    campaign, row = replied(sim)
    map_id = int(row["campaign_lead_map_id"])
    path, mark = "/master-inbox", {"email_lead_map_id": map_id}
    only = {"filters": {"campaignId": [campaign]}}
    (found,) = sim.post(f"{path}/unread-replies", only)["data"]
    assert (found["email_lead_map_id"], found["has_new_unread_email"]) == (str(map_id), True)
    assert sim.ask("PATCH", f"{path}/change-read-status", {**mark, "read_status": True}).json() == {"ok": True}
    assert sim.post(f"{path}/unread-replies", only)["data"] == []
    sim.play(campaign, row["lead"]["email"], "reply", text="And?")
    assert len(sim.post(f"{path}/unread-replies", only)["data"]) == 1
    assert sim.ask("PATCH", f"{path}/update-revenue", {**mark, "revenue": 12.5}).json() == {"ok": True}
    assert sim.ask("PATCH", f"{path}/update-category", {**mark, "category_id": 2}).json() == {"ok": True}
    sim.post(f"{path}/update-team-member", {**mark, "team_member_id": 9})
    shown = sim.get(f"{path}/{map_id}", fetch_message_history="true")["data"]
    assert (shown["revenue"], shown["lead_category_id"], shown["team_member_id"]) == ("12.50", 2, 9)
    assert [message["type"] for message in shown["email_history"]] == ["SENT", "REPLY", "REPLY"]
    stats_id = shown["email_history"][0]["stats_id"]
    later = {"email_stats_id": stats_id, "message": "Call", "reminder_time": "2027-01-01T00:00:00Z"}
    assert sim.post(f"{path}/reminders", only)["data"] == []
    sim.post(f"{path}/set-reminder", {**mark, **later})
    assert len(sim.post(f"{path}/reminders", only)["data"]) == 1
    assert sim.post(f"{path}/create-note", {**mark, "note_message": "Rich"}) == {"ok": True}
    assert sim.post(f"{path}/create-task", {**mark, "name": "Ring", "priority": "HIGH"}) == {"ok": True}
    status = sim.get(f"{path}/reply-status", message_id=shown["email_history"][0]["message_id"])["data"]
    assert status["is_replied"] is True


@pytest.mark.parametrize("view", ["important", "archived", "snoozed", "scheduled"])
def test_views_that_nothing_gets_into_are_empty(sim: Simulator, view: str) -> None:
    assert sim.post(f"/master-inbox/{view}", {"limit": 5}) == {"ok": True, "data": [], "offset": 0, "limit": 5}
    assert sim.ask("POST", f"/master-inbox/{view}", {"limit": 21}).status_code == 400


def test_a_stranger_conversation_is_not_touched(sim: Simulator) -> None:
    _, row = replied(sim)
    mark = {"email_lead_map_id": int(row["campaign_lead_map_id"])}
    answer = sim.ask("PATCH", "/master-inbox/change-read-status", {**mark, "read_status": True}, key=OTHER_KEY)
    assert answer.status_code == 404
    assert sim.ask("GET", f"/master-inbox/{mark['email_lead_map_id']}", key=OTHER_KEY).status_code == 404


def test_a_lead_resumes_from_the_inbox_and_goes_into_a_sub_sequence(sim: Simulator) -> None:
    campaign, row = replied(sim)
    path, mark = f"/campaigns/{campaign}", {"email_lead_map_id": int(row["campaign_lead_map_id"])}
    assert sim.get(f"{path}/leads")["data"][0]["status"] == "STOPPED"
    resumed = sim.ask("PATCH", "/master-inbox/resume-lead", {"campaign_id": campaign, **mark})
    assert (resumed.json(), sim.get(f"{path}/leads")["data"][0]["status"]) == ({"ok": True}, "INPROGRESS")
    sub = sim.post("/campaigns/create-subsequence", {"parent_campaign_id": campaign, "subsequence_name": "Later"})
    assert sim.get(f"/campaigns/{sub['id']}")["parent_campaign_id"] == campaign
    assert sim.post("/master-inbox/push-to-subsequence", {**mark, "sub_sequence_id": sub["id"]}) == {"ok": True}
    (pushed,) = sim.get(f"/campaigns/{sub['id']}/leads")["data"]
    assert pushed["lead"]["email"] == row["lead"]["email"]
    wrong = sim.ask("POST", "/master-inbox/push-to-subsequence", {**mark, "sub_sequence_id": campaign})
    assert wrong.status_code == 404


def test_single_messages_and_senders(sim: Simulator) -> None:
    campaign, row = replied(sim)
    lead_id, sender = row["lead"]["id"], sim.get("/email-accounts")[0]
    test = {"leadId": lead_id, "sequenceNumber": 1, "selectedEmailAccountId": sender["id"]}
    assert sim.post(f"/campaigns/{campaign}/send-test-email", test) == {"ok": True}
    wrong = sim.ask("POST", f"/campaigns/{campaign}/send-test-email", {**test, "sequenceNumber": 9})
    assert wrong.json() == {"error": "Invalid sequenceNumber - 9"}
    moved = {"email_account_id": sender["id"], "email_campaign_id": campaign, "email_lead_id": lead_id}
    assert sim.post("/campaigns/update-lead-email-account", {**moved, "override_lead_email_account": True})["ok"]
    assert sim.get(f"/campaigns/{campaign}/leads-statistics")["data"][0]["from"] == sender["from_email"]
    letter = {"to": "x@y.example", "subject": "s", "body": "b", "fromEmailId": sender["id"]}
    sent = sim.post("/send-email/initiate", letter)
    assert sent["message_id"].endswith(f"@{sender['from_email'].split('@')[1]}>")
    credits_ = sim.get("/subscription/credits-stats")
    assert credits_["used_credits"] + credits_["remaining_credits"] == credits_["total_credits"]


def test_activities_of_all_campaigns_are_listed_but_not_of_one(sim: Simulator) -> None:
    campaign, row = replied(sim)
    answer = sim.get("/campaigns/all-leads-activities", limit=2)
    assert answer["pagination"] == {"has_more": answer["pagination"]["has_more"], "offset": 0, "limit": 2}
    assert {line["lead_email"] for line in answer["data"]} == {row["lead"]["email"]}
    assert [line["type"] for line in answer["data"]] == ["REPLY", "SENT"]
    refused = sim.ask("GET", "/campaigns/all-leads-activities", campaign_id=campaign)
    assert refused.json()["message"] == '"campaign_id" is not allowed'


def test_domains_are_blocked_from_the_inbox(sim: Simulator) -> None:
    domain = f"blocked{next(_numbers)}.example"
    body = {"domains": [domain], "source": "complaint"}
    assert sim.post("/master-inbox/block-domains", body) == {"ok": True, "uploadCount": 1, "totalDomainAdded": 1}
    (entry,) = sim.get("/leads/get-domain-block-list", filter_email_or_domain=domain)
    assert entry["source"] == "complaint"


def _summary_of_two(data: Any) -> Any:
    return data if len(data["summary"]) == 2 else None


def test_a_campaign_tells_how_its_webhooks_were_delivered(sim: Simulator, receiver: Receiver) -> None:
    email = fresh()
    campaign = sim.ready_campaign(email)
    sim.post(f"/campaigns/{campaign}/webhooks", hook(receiver.url))
    sim.play(campaign, email, "sent")
    sim.play(campaign, email, "open")
    wait_for(lambda: len(receiver.bodies) == 2)
    query = {"fromTime": "2020-01-01T00:00:00Z", "toTime": "2040-01-01T00:00:00Z"}
    path = f"/campaigns/{campaign}/webhooks"
    data = wait_for(lambda: _summary_of_two(sim.get(f"{path}/summary", **query)["data"]))
    rows = [(row["event_type"], row["success_count"], row["failed_count"]) for row in data["summary"]]
    assert rows == [("EMAIL_OPEN", 1, 0), ("EMAIL_SENT", 1, 0)]
    assert data["timeRange"] == {"from": "2020-01-01T00:00:00.000Z", "to": "2040-01-01T00:00:00.000Z"}
    assert sim.post(f"{path}/retrigger-failed-events", query) == {"ok": True}


def test_a_state_file_from_before_gets_the_new_tables(own: Callable[..., Simulator]) -> None:
    simulator = own()
    simulator.stop()
    with contextlib.closing(sqlite3.connect(simulator.settings["state_path"])) as state:
        state.execute("drop table lead_lists")
        state.commit()
    simulator.start()
    assert simulator.get("/lead-list/")["data"] == {"lists": [], "totalCount": 0}
