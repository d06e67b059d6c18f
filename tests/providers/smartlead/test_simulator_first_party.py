"""What the provider's own tools call beyond what our own client does."""

import itertools
from typing import Any

import pytest

from tests.providers.smartlead.simulator_fixture import OTHER_KEY, Simulator, running, sim, step

__all__ = ["running", "sim"]
pytestmark = pytest.mark.compat

_numbers = itertools.count()
_MISSING = {"error": "Lead not found - Invalid lead_id."}
_NO_LIST = {"error": "Lead list not found."}
_NO_CAMPAIGN = {"error": "Campaign not found - Invalid campaign_id."}
_VARIANTS = [{"subject": letter, "email_body": f"<p>{letter}</p>", "variant_label": letter} for letter in "AB"]


def fresh() -> str:
    return f"first{next(_numbers)}@own-tools.com"


def rows(sim: Simulator, campaign: int) -> list[dict[str, Any]]:
    """Return a campaign's leads in the order they were added."""
    return sim.get(f"/campaigns/{campaign}/leads")["data"]


def lead_ids(sim: Simulator, campaign: int) -> list[int]:
    return [row["lead"]["id"] for row in rows(sim, campaign)]


def map_ids(sim: Simulator, campaign: int) -> list[int]:
    return [int(row["campaign_lead_map_id"]) for row in rows(sim, campaign)]


def filled(sim: Simulator, count: int) -> int:
    """Return a campaign of so many new leads that has not begun."""
    return sim.ready_campaign(*(fresh() for _ in range(count)))


def replied(sim: Simulator) -> tuple[int, dict[str, Any]]:
    """Return a campaign whose only lead answered the first of two steps, and the lead's row in it."""
    email = fresh()
    campaign = sim.ready_campaign(email, steps=2)
    sim.start_campaign(campaign)
    sim.play(campaign, email, "reply", text="Yes")
    return campaign, rows(sim, campaign)[0]


def new_list(sim: Simulator, **more: Any) -> int:
    return sim.post("/lead-list/", {"listName": "Inactive"}, **more)["data"]["id"]


def listed(sim: Simulator, **query: Any) -> list[int]:
    answer = sim.get("/leads/all", **query)
    assert (list(answer), list(answer["data"])) == (["ok", "data"], ["leads"])
    assert answer["ok"] is True
    return [lead["id"] for lead in answer["data"]["leads"]]


def refused(sim: Simulator, path: str, body: Any, **more: Any) -> tuple[int, Any]:
    answer = sim.ask("POST", path, body, **more)
    return answer.status_code, answer.json()


def test_all_leads_are_listed_in_the_order_of_their_ids(sim: Simulator) -> None:
    campaign = filled(sim, 3)
    ids = lead_ids(sim, campaign)
    everything = listed(sim, limit=1000)
    assert everything == sorted(everything)
    assert everything[-3:] == ids
    shown = sim.get("/leads/all", campaignId=campaign)["data"]["leads"][0]
    assert (shown["id"], shown["first_name"], shown["is_unsubscribed"]) == (ids[0], "Jason", False)
    assert shown["email"] == rows(sim, campaign)[0]["lead"]["email"]


def test_all_leads_are_read_on_behind_the_last_one_seen(sim: Simulator) -> None:
    campaign = filled(sim, 3)
    ids = lead_ids(sim, campaign)
    assert listed(sim, campaignId=campaign, limit=2) == ids[:2]
    assert listed(sim, campaignId=campaign, limit=2, lastSeenLeadId=ids[1]) == ids[2:]
    assert listed(sim, campaignId=campaign, lastSeenLeadId=ids[2]) == []


def test_all_leads_are_filtered(sim: Simulator) -> None:
    campaign, row = replied(sim)
    email = fresh()
    sim.add(campaign, email)
    first, second = lead_ids(sim, campaign)
    of = {"campaignId": campaign}
    assert listed(sim, **of, status="STOPPED") == [first]
    assert listed(sim, **of, emailStatus="is_replied") == [first]
    assert listed(sim, **of, emailStatus="not_replied") == [second]
    assert listed(sim, leadEmail=email.upper()) == [second]
    assert listed(sim, **of, leadType="active") == [second]
    assert listed(sim, **of, leadType="previously_active") == [first]
    assert listed(sim, **of, leadType="archived") == []
    client = sim.post(
        "/client/save", {"name": "Bean", "email": fresh(), "password": "x", "permission": ["full_access"]}
    )
    assert listed(sim, clientId=client["clientId"]) == []
    sim.post(f"/campaigns/{campaign}/settings", {"client_id": client["clientId"]})
    assert listed(sim, clientId=client["clientId"]) == [first, second]
    assert listed(sim, **of, leadEmail=row["lead"]["email"], status="BLOCKED") == []


def test_leads_of_a_list_are_yet_to_be_used(sim: Simulator) -> None:
    list_id, email = new_list(sim), fresh()
    sim.post(f"/lead-list/{list_id}/import", {"leadList": [{"email": email}], "fileName": "cold.csv"})
    (lead_id,) = listed(sim, listId=list_id)
    assert lead_id == listed(sim, leadEmail=email, leadType="yet_to_use")[0]
    sim.add(sim.campaign(), email)
    assert listed(sim, listId=list_id, leadType="yet_to_use") == []


def test_all_leads_are_of_one_account(sim: Simulator) -> None:
    campaign = filled(sim, 1)
    assert lead_ids(sim, campaign)[0] not in listed(sim, key=OTHER_KEY, limit=1000)
    assert listed(sim, key=OTHER_KEY, campaignId=campaign) == []
    assert listed(sim, key=OTHER_KEY, leadEmail=rows(sim, campaign)[0]["lead"]["email"]) == []


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"limit": 1001}, '"limit" must be less than or equal to 1000'),
        ({"offset": 0}, '"offset" is not allowed'),
        ({"last_seen_lead_id": 1}, '"last_seen_lead_id" is not allowed'),
        ({"lastSeenLeadId": "x"}, '"lastSeenLeadId" must be a number'),
        ({"leadType": "old"}, '"leadType" must be one of [active, yet_to_use, previously_active, archived]'),
    ],
)
def test_bad_questions_for_all_leads_are_refused(sim: Simulator, query: dict[str, Any], complaint: str) -> None:
    answer = sim.ask("GET", "/leads/all", **query)
    assert (answer.status_code, answer.json()["message"]) == (400, complaint)


def test_a_lead_is_seen_over_all_its_campaigns(sim: Simulator) -> None:
    campaign, row = replied(sim)
    other, lead = sim.campaign("Q4"), row["lead"]
    sim.add(other, lead["email"], ignore_duplicate_leads_in_other_campaign=True)
    worth = {"email_lead_map_id": int(row["campaign_lead_map_id"]), "revenue": 12.5}
    assert sim.ask("PATCH", "/master-inbox/update-revenue", worth).json() == {"ok": True}
    answer = sim.get(f"/leads/{lead['id']}/campaign-overview")
    data = answer["data"]
    assert (answer["ok"], data["id"], data["email"]) == (True, str(lead["id"]), lead["email"])
    first, second = data["email_campaign_leads_mappings"]
    assert first == {
        "id": int(row["campaign_lead_map_id"]),
        "status": "STOPPED",
        "lead_category_id": None,
        "revenue": 12.5,
        "current_seq_num": 1,
        "next_timestamp_to_reach": None,
        "email_campaign_id": campaign,
        "email_campaign": {"id": campaign, "name": "Q3", "status": "ACTIVE"},
    }
    assert (second["status"], second["current_seq_num"], second["revenue"]) == ("STARTED", 0, 0)
    assert second["email_campaign"] == {"id": other, "name": "Q4", "status": "DRAFTED"}


def test_a_lead_of_another_account_has_no_overview(sim: Simulator) -> None:
    (lead_id,) = lead_ids(sim, filled(sim, 1))
    for answer in (
        sim.ask("GET", f"/leads/{lead_id}/campaign-overview", key=OTHER_KEY),
        sim.ask("GET", "/leads/1/campaign-overview"),
    ):
        assert (answer.status_code, answer.json()) == (404, _MISSING)
    assert sim.ask("GET", "/leads/x/campaign-overview").json()["message"] == '"lead_id" must be a number'


def test_the_steps_a_lead_was_sent_are_listed(sim: Simulator) -> None:
    campaign, row = replied(sim)
    path = f"/leads/{row['campaign_lead_map_id']}/sequence-details"
    first = sim.get(f"/campaigns/{campaign}/sequences")[0]["id"]
    answer = sim.get(path, campaignId=campaign)
    (sent,) = answer["data"]
    assert (answer["ok"], sent["status"], sent["email_campaign_seq_id"]) == (True, "SENT", first)
    assert sent["sent_time"] == sim.get(f"/campaigns/{campaign}/statistics")["data"][0]["sent_time"]
    assert sim.get(path) == answer
    (unsent,) = map_ids(sim, filled(sim, 1))
    assert sim.get(f"/leads/{unsent}/sequence-details")["data"] == []


def test_the_steps_of_an_unknown_lead_are_refused(sim: Simulator) -> None:
    campaign, row = replied(sim)
    path = f"/leads/{row['campaign_lead_map_id']}/sequence-details"
    for answer in (
        sim.ask("GET", path, key=OTHER_KEY, campaignId=campaign),
        sim.ask("GET", path, campaignId=sim.campaign()),
        sim.ask("GET", "/leads/1/sequence-details"),
    ):
        assert (answer.status_code, answer.json()) == (404, _MISSING)
    assert sim.ask("GET", path, campaignId="x").json()["message"] == '"campaignId" must be a number'


def test_leads_are_moved_or_copied_into_a_list(sim: Simulator) -> None:
    campaign, list_id = filled(sim, 3), new_list(sim)
    ids = lead_ids(sim, campaign)
    answer = sim.post("/leads/push-to-list", {"listId": list_id, "leadIds": ids[:1], "action": "copy"})
    assert answer == {"ok": True, "message": "Leads inactivated from all leads successfully"}
    assert (listed(sim, listId=list_id), lead_ids(sim, campaign)) == (ids[:1], ids)
    assert sim.post("/leads/push-to-list", {"listId": list_id, "leadIds": ids[:2]})["ok"] is True
    assert (listed(sim, listId=list_id), lead_ids(sim, campaign)) == (ids[:2], ids[2:])
    rest = {"listId": list_id, "allLeads": True, "filters": {"campaignId": str(campaign), "tagIds": "1"}}
    assert sim.post("/leads/push-to-list", {**rest, "action": "move"})["ok"] is True
    assert (listed(sim, listId=list_id), lead_ids(sim, campaign)) == (ids, [])


def test_what_cannot_be_pushed_changes_nothing(sim: Simulator) -> None:
    campaign, list_id, path = filled(sim, 1), new_list(sim), "/leads/push-to-list"
    ids = lead_ids(sim, campaign)
    theirs = new_list(sim, key=OTHER_KEY)
    assert refused(sim, path, {"listId": list_id, "leadIds": [*ids, 1]}) == (404, _MISSING)
    assert refused(sim, path, {"listId": theirs, "leadIds": ids}, key=OTHER_KEY) == (404, _MISSING)
    assert refused(sim, path, {"listId": theirs, "leadIds": ids}) == (404, _NO_LIST)
    assert (listed(sim, listId=list_id), lead_ids(sim, campaign)) == ([], ids)
    everything = {"listId": theirs, "allLeads": True, "filters": {"campaignId": campaign}}
    assert sim.post(path, everything, key=OTHER_KEY)["ok"] is True
    assert (listed(sim, listId=theirs, key=OTHER_KEY), lead_ids(sim, campaign)) == ([], ids)


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("/leads/push-to-list", {"leadIds": [1]}, '"listId" is required'),
        ("/leads/push-to-list", {"listId": 0}, '"leadIds" is required'),
        ("/leads/push-to-list", {"listId": 0, "leadIds": [1], "allLeads": True}, '"leadIds" is not allowed'),
        ("/leads/push-to-list", {"listId": 0, "leadIds": []}, '"leadIds" does not contain 1 required value(s)'),
        ("/leads/push-to-list", {"listId": 0, "action": "drop"}, '"action" must be one of [copy, move, COPY, MOVE]'),
        ("/leads/campaign/push-to-list", {"listId": 0}, '"campaignId" is required'),
        ("/leads/campaign/push-to-list", {"listId": 0, "campaignId": 0}, '"leadMapIds" is required'),
    ],
)
def test_bad_pushes_are_refused(sim: Simulator, path: str, body: dict[str, Any], complaint: str) -> None:
    real = {"listId": new_list(sim), "campaignId": sim.campaign()}
    status, answer = refused(sim, path, {**body, **{name: real[name] for name in real if name in body}})
    assert (status, answer["message"]) == (400, complaint)


def test_leads_are_moved_from_one_campaign_into_a_list(sim: Simulator) -> None:
    campaign, other, list_id = filled(sim, 3), sim.campaign(), new_list(sim)
    ids, links, path = lead_ids(sim, campaign), map_ids(sim, campaign), "/leads/campaign/push-to-list"
    sim.add(other, rows(sim, campaign)[0]["lead"]["email"], ignore_duplicate_leads_in_other_campaign=True)
    body = {"campaignId": str(campaign), "listId": str(list_id)}
    answer = sim.post(path, {**body, "leadMapIds": links[:1], "archivedFromAllCampaign": False})
    assert answer == {"ok": True, "message": "Leads pushed to list successfully"}
    assert (listed(sim, listId=list_id), lead_ids(sim, campaign)) == (ids[:1], ids[1:])
    assert lead_ids(sim, other) == ids[:1]
    assert sim.post(path, {**body, "allLeads": True, "filters": {"status": "PAUSED"}})["ok"] is True
    assert lead_ids(sim, campaign) == ids[1:]
    assert sim.post(path, {**body, "allLeads": True})["ok"] is True
    assert (listed(sim, listId=list_id), lead_ids(sim, campaign)) == (ids, [])


def test_what_cannot_be_pushed_from_a_campaign_stays_there(sim: Simulator) -> None:
    campaign, list_id, path = filled(sim, 1), new_list(sim), "/leads/campaign/push-to-list"
    body = {"campaignId": campaign, "listId": list_id, "leadMapIds": map_ids(sim, campaign)}
    theirs = new_list(sim, key=OTHER_KEY)
    assert refused(sim, path, {**body, "leadMapIds": [1]}) == (404, _MISSING)
    assert refused(sim, path, {**body, "campaignId": sim.campaign()}) == (404, _MISSING)
    assert refused(sim, path, {**body, "listId": theirs}) == (404, _NO_LIST)
    assert refused(sim, path, {**body, "listId": theirs}, key=OTHER_KEY) == (404, _NO_CAMPAIGN)
    assert (listed(sim, listId=list_id), map_ids(sim, campaign)) == ([], body["leadMapIds"])


def written(sim: Simulator) -> tuple[int, dict[str, Any]]:
    """Return the mailbox that wrote to a new lead and was answered, and the lead."""
    campaign, row = replied(sim)
    sender = sim.get(f"/campaigns/{campaign}/leads-statistics")["data"][0]["from"]
    (mailbox_id,) = [each["id"] for each in sim.get("/email-accounts") if each["from_email"] == sender]
    return mailbox_id, row["lead"]


def test_the_messages_of_a_mailbox_are_fetched(sim: Simulator) -> None:
    mailbox_id, lead = written(sim)
    path = f"/email-accounts/{mailbox_id}/fetch-messages"
    answer = sim.post(path, {"limit": 2, "includeBody": True})
    assert (answer["success"], answer["accountId"]) == (True, str(mailbox_id))
    reply, sent = answer["data"]["messages"]
    assert (reply["from"], reply["folders"]) == (lead["email"], [{"id": "INBOX", "name": "INBOX"}])
    assert reply["body"] == {"text": "Yes", "html": "<div>Yes</div>"}
    assert (sent["to"], sent["labelIds"], sent["threadId"]) == (lead["email"], ["SENT"], reply["threadId"])
    assert answer["data"]["folders"] == [{"name": "INBOX", "count": 1}, {"name": "SENT", "count": 1}]
    assert (answer["data"]["processedCount"], answer["data"]["totalCount"] >= 2) == (2, True)
    (latest,) = sim.post(path, {"limit": 1, "folder": "sent"})["data"]["messages"]
    assert (latest["messageId"], "body" in latest) == (sent["messageId"], False)
    assert sim.post(path, {"folder": "Trash"})["data"]["messages"] == []
    past = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    assert sim.post(path, past)["data"] == {"messages": [], "totalCount": 0, "processedCount": 0, "folders": []}


def test_the_messages_of_an_unknown_mailbox_are_refused(sim: Simulator) -> None:
    mailbox_id, _ = written(sim)
    path = f"/email-accounts/{mailbox_id}/fetch-messages"
    status, answer = refused(sim, path, {}, key=OTHER_KEY)
    assert (status, answer["errorCode"], answer["emailAccountId"]) == (404, "ACCOUNT_NOT_FOUND", mailbox_id)
    assert refused(sim, "/email-accounts/1/fetch-messages", {})[0] == 404
    assert refused(sim, path, {"limit": 501})[1]["message"] == '"limit" must be less than or equal to 500'
    assert refused(sim, path, {"from": "soon"})[1]["message"] == '"from" must be a valid date'


def test_the_messages_of_several_mailboxes_are_fetched_at_once(sim: Simulator) -> None:
    mailbox_id, lead = written(sim)
    path, theirs = "/email-accounts/multi/fetch-messages", sim.get("/email-accounts", key=OTHER_KEY)[0]["id"]
    body = [{"account_id": mailbox_id, "limit": 1}, {"account_id": theirs}]
    answer = sim.post(path, body)
    mine, foreign = answer["results"]
    assert (mine["account_id"], mine["status"]) == (mailbox_id, "success")
    assert [message["from"] for message in mine["data"]["messages"]] == [lead["email"]]
    assert foreign == {"account_id": theirs, "status": "error", "error": "Account not found"}
    assert answer["summary"] == {"total": 2, "success": 1, "error": 1}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"account_id": 1}, '"value" must be an array'),
        ([], '"value" does not contain 1 required value(s)'),
        ([{"limit": 1}], '"[0].account_id" is required'),
        ([{"account_id": 1}] * 11, '"value" must contain less than or equal to 10 items'),
    ],
)
def test_bad_lists_of_mailboxes_are_refused(sim: Simulator, body: Any, complaint: str) -> None:
    status, answer = refused(sim, "/email-accounts/multi/fetch-messages", body)
    assert (status, answer["message"]) == (400, complaint)


def test_variants_have_figures_of_their_own(sim: Simulator) -> None:
    email, other = fresh(), fresh()
    campaign = sim.ready_campaign(email, other)
    path = f"/campaigns/{campaign}"
    sim.post(f"{path}/sequences", {"sequences": [step(1, seq_variants=_VARIANTS), step(2)]})
    sim.start_campaign(campaign)
    for address in (email, other):
        sim.play(campaign, address, "sent")
    sim.play(campaign, email, "open")
    sim.play(campaign, email, "reply", text="Yes")
    sim.play(campaign, other, "bounce")
    sent = {row["lead_email"]: row["seq_variant_id"] for row in sim.get(f"{path}/statistics")["data"]}
    first = sim.get(f"{path}/sequences")[0]
    answer = sim.get(f"{path}/variant-statistics")
    assert answer["ok"] is True
    assert [(row["email_campaign_seq_id"], row["variant_label"]) for row in answer["data"]] == [
        (first["id"], "A"),
        (first["id"], "B"),
    ]
    found = {row["seq_variant_id"]: row for row in answer["data"]}
    names = ("sent_count", "open_count", "click_count", "reply_count", "bounce_count")
    assert set(sent.values()) == set(found)
    assert [found[sent[email]][name] for name in names] == ["1", "1", "0", "1", "0"]
    assert [found[sent[other]][name] for name in names] == ["1", "0", "0", "0", "1"]
    past = sim.get(f"{path}/variant-statistics", start_date="2020-01-01", end_date="2020-01-02")["data"]
    assert [row["sent_count"] for row in past] == ["0", "0"]


def test_variants_of_no_campaign_of_the_account_are_not_shown(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}/variant-statistics"
    assert sim.get(path) == {"ok": True, "data": []}
    foreign = sim.ask("GET", path, key=OTHER_KEY)
    assert (foreign.status_code, foreign.content) == (200, b"")
    half = sim.ask("GET", path, start_date="2026-01-01")
    assert half.json() == {"error": "Both start_date and end_date are required"}


def test_the_reputation_of_a_warm_up_is_a_number_only_by_id(sim: Simulator) -> None:
    campaign = sim.ready_campaign()
    mailbox = next(row for row in sim.get("/email-accounts") if row["warmup_details"])
    text = mailbox["warmup_details"]["warmup_reputation"]
    of_campaign = {row["id"]: row for row in sim.get(f"/campaigns/{campaign}/email-accounts")}
    assert of_campaign[mailbox["id"]]["warmup_details"]["warmup_reputation"] == text
    read = sim.get(f"/email-accounts/{mailbox['id']}")["warmup_details"]["warmup_reputation"]
    assert isinstance(read, int)
    assert f"{read}%" == text
