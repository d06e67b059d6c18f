"""Campaigns: created, read, edited, moved, and refused in the provider's own words."""

from typing import Any

import pytest

from tests.providers.heyreach.simulator_fixture import (
    END,
    KEY,
    OTHER_KEY,
    TREE,
    Simulator,
    invite,
    message,
    node,
    shared,
    sim,
    wait_for,
)

__all__ = ["shared", "sim"]

FIELDS = {
    "id",
    "name",
    "creationTime",
    "startedAt",
    "linkedInUserListName",
    "linkedInUserListId",
    "campaignAccountIds",
    "status",
    "progressStats",
    "excludeInOtherCampaigns",
    "excludeHasOtherAccConversations",
    "excludeContactedFromSenderInOtherCampaign",
    "excludeListId",
    "organizationUnitId",
}


def create_body(sim: Simulator, **more: Any) -> dict[str, Any]:
    return {"name": "Q3", "linkedInUserListId": sim.list_(), "linkedInAccountIds": sim.seats(), **more}


def test_a_new_campaign_is_a_draft_with_fourteen_fields(sim: Simulator) -> None:
    campaign = sim.draft(excludeContactedFromOtherCampaigns=True)
    shown = sim.get("/campaign/GetById", campaignId=campaign)
    assert shown.keys() == FIELDS
    assert (shown["status"], shown["startedAt"], shown["excludeInOtherCampaigns"]) == ("DRAFT", None, True)
    assert shown in sim.post("/campaign/GetAll", {"limit": 100})["items"]
    assert sim.refused("/campaign/Create", create_body(sim, linkedInUserListId=1)) == "The list does not exist!"
    missing = sim.ask("GET", "/campaign/GetById", campaignId=1)
    assert (missing.status_code, missing.json()) == (404, {"errorMessage": "There is no campaign with provided id."})
    assert sim.ask("GET", "/campaign/GetById", campaignId=campaign, key=OTHER_KEY).status_code == 404


def test_campaigns_are_filtered_by_word_state_and_sender(sim: Simulator) -> None:
    seat = sim.seats()[2]
    campaign = sim.draft(name="Findable one", linkedInAccountIds=[seat])

    def found(**wanted: Any) -> list[int]:
        return [row["id"] for row in sim.post("/campaign/GetAll", {"keyword": "findable", **wanted})["items"]]

    assert found() == [campaign]
    assert found(statuses=["DRAFT"], accountIds=[seat]) == [campaign]
    assert found(statuses=["PAUSED"]) == []
    assert found(accountIds=[sim.seats()[0]]) == []
    assert sim.post("/campaign/GetAll", {"filters": {"keyword": "no such"}})["totalCount"] > 0
    assert "PublicCampaignStatus" in sim.refused("/campaign/GetAll", {"statuses": ["ACTIVE"]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"linkedInAccountIds": []}, "must be a string or array type with a minimum length of '1'"),
        ({"linkedInAccountIds": None}, "field is required"),
        ({"linkedInAccountIds": [7]}, "does not exist"),
        ({"name": "x" * 51}, "maximum length of 50"),
        ({"schedule": {"dailyStartTime": "17:00:00", "dailyEndTime": "09:00:00", "enabledMonday": True}}, "before"),
        ({"schedule": {"enabledMonday": False}}, "At least one day"),
        ({"schedule": {"enabledMonday": True, "timeZoneId": "Mars/Base"}}, "time zone"),
        ({"schedule": {"enabledMonday": True, "startDate": "2027-01-02", "endDate": "2027-01-01"}}, "end date"),
    ],
)
def test_a_campaign_is_checked(sim: Simulator, change: dict[str, Any], said: str) -> None:
    assert said in sim.refused("/campaign/Create", create_body(sim, **change))


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (invite(message("x", node("END", 0)), END), "UNCND-END has invalid delay: 00:00:00, delay must be at least 3"),
        (invite(END, node("END", 2)), "UNCND-END has invalid delay: 02:00:00"),
        (invite(END, node("FOLLOW", unconditionalNode=END)), "Cannot have a FOLLOW node after a CONNECTION_REQUEST"),
        (invite(END, invite(END, END)), "invalid delay"),
        (
            node("CHECK_IS_CONNECTION", conditionalNode=END, unconditionalNode=message("x", END)),
            "Cannot have MESSAGE node on the 'Not Connected' side of IS_CONNECTION node.",
        ),
        (
            node(
                "CONNECTION_REQUEST", payload={"messages": ["{FIRST_NAME}"]}, conditionalNode=END, unconditionalNode=END
            ),
            'The fallback message is invalid in the "Connection request" action.',
        ),
        (
            node("INMAIL", payload={"messages": ["Hi"], "fallbackMessage": "Hi"}, unconditionalNode=END),
            "Error converting value \"Hi\" to type 'Spremo.DTOs.PublicApi.Campaigns.PublicInMailMessage'",
        ),
        (message("x" * 8001, END), "The message is invalid"),
        (node("VIEW_PROFILE"), "unconditional"),
        (node("DANCE"), "Unknown node type"),
    ],
)
def test_a_sequence_is_checked(sim: Simulator, tree: Any, said: str) -> None:
    assert said in sim.refused("/campaign/Create", create_body(sim, sequence=tree))


def test_two_invitations_on_one_path_are_refused(sim: Simulator) -> None:
    second = node("CONNECTION_REQUEST", payload={"messages": []}, conditionalNode=END, unconditionalNode=END)
    said = sim.refused("/campaign/Create", create_body(sim, sequence=invite(END, second)))
    assert said == "Cannot have 2 CONNECTION_REQUEST nodes in sequence."


def test_a_singular_message_is_a_500(sim: Simulator) -> None:
    tree = node("MESSAGE", payload={"message": "Hi"}, unconditionalNode=END)
    assert sim.ask("POST", "/campaign/Create", create_body(sim, sequence=tree)).status_code == 500


def test_the_sequence_comes_back_with_ends_that_were_not_sent(sim: Simulator) -> None:
    campaign = sim.draft()
    kept = sim.get("/campaign/GetCampaignSequence", campaignId=campaign)
    assert kept != TREE
    assert kept["conditionalNode"]["conditionalNode"] == {
        "nodeType": "END",
        "actionDelay": 0,
        "actionDelayUnit": "HOUR",
    }
    bare = sim.post("/campaign/Create", create_body(sim))["campaignId"]
    assert sim.get("/campaign/GetCampaignSequence", campaignId=bare) is None
    assert "no sequence" in sim.refused("/campaign/StartCampaign", {}, campaignId=bare)
    sim.post("/campaign/UpdateSequence", {"campaignId": bare, "sequence": TREE})
    assert sim.get("/campaign/GetCampaignSequence", campaignId=bare) == kept


def test_the_root_may_have_to_wait(sim: Simulator) -> None:
    sim.set(root_needs_delay=True)
    assert "invalid delay: 00:00:00" in sim.refused("/campaign/Create", create_body(sim, sequence=TREE))


def test_the_campaign_is_named_in_the_query(sim: Simulator) -> None:
    campaign = sim.draft()
    for verb in ("StartCampaign", "Pause", "Resume"):
        said = sim.refused(f"/campaign/{verb}", {"campaignId": campaign})
        assert "The campaignId field is required." in said
    bodyless = sim.client.post(
        "/api/public/campaign/StartCampaign", params={"campaignId": campaign}, headers={"X-API-KEY": KEY}
    )
    assert (bodyless.status_code, bodyless.content) == (200, b"")


def test_the_states_a_campaign_goes_through(sim: Simulator) -> None:
    campaign = sim.draft("states-one")
    refusal = "The campaign you are trying to resume is not paused, finished or failed."
    assert sim.refused("/campaign/Resume", {}, campaignId=campaign) == refusal
    assert sim.ask("POST", "/campaign/Pause", {}, campaignId=campaign).status_code == 400
    sim.set(starting_s=0.3)
    sim.post("/campaign/StartCampaign", campaignId=campaign)
    assert sim.status(campaign) == "STARTING"
    wait_for(lambda: sim.status(campaign) == "IN_PROGRESS")
    assert sim.get("/campaign/GetById", campaignId=campaign)["startedAt"]
    assert sim.ask("POST", "/campaign/StartCampaign", {}, campaignId=campaign).status_code == 400
    sim.post("/campaign/Pause", campaignId=campaign)
    assert sim.status(campaign) == "PAUSED"
    sim.post("/campaign/Resume", campaignId=campaign)
    assert sim.status(campaign) == "IN_PROGRESS"


def test_resuming_an_empty_campaign_is_taken_back(sim: Simulator) -> None:
    campaign = sim.running()
    sim.post("/campaign/Pause", campaignId=campaign)
    sim.post("/campaign/Resume", campaignId=campaign)
    assert sim.status(campaign) == "IN_PROGRESS"
    wait_for(lambda: sim.status(campaign) == "PAUSED")


def test_a_start_date_to_come_schedules(sim: Simulator) -> None:
    campaign = sim.draft("scheduled-one", schedule={"enabledMonday": True, "startDate": "2090-01-02"})
    sim.post("/campaign/StartCampaign", campaignId=campaign)
    assert (sim.status(campaign), sim.effects(campaign)) == ("SCHEDULED", [])
    sim.post("/campaign/UpdateSchedule", {"campaignId": campaign, "schedule": {"enabledMonday": True}})
    assert sim.status(campaign) == "DRAFT"
    sim.start_campaign(campaign)
    assert sim.effects(campaign) == [("scheduled-one", "added")]


def test_edits_are_for_campaigns_that_do_not_run(sim: Simulator) -> None:
    campaign = sim.running("edited-one")
    settings = {"campaignId": campaign, "name": "New", "linkedInUserListId": sim.list_()}
    assert sim.ask("POST", "/campaign/UpdateSettings", settings).status_code == 400
    sim.post("/campaign/Pause", campaignId=campaign)
    assert "list" in sim.refused("/campaign/UpdateSettings", settings)
    kept = sim.get("/campaign/GetById", campaignId=campaign)["linkedInUserListId"]
    sim.post("/campaign/UpdateSettings", {**settings, "linkedInUserListId": kept})
    assert sim.get("/campaign/GetById", campaignId=campaign)["name"] == "New"
    said = sim.refused("/campaign/UpdateSequence", {"campaignId": campaign, "sequence": invite(END, END)})
    assert "compatible" in said
    sim.post("/campaign/UpdateSequence", {"campaignId": campaign, "sequence": TREE})
    assert sim.refused("/campaign/UpdateSettings", {**settings, "campaignId": 1}, 404)


def test_taking_a_sender_away_stops_its_leads(sim: Simulator) -> None:
    first, second = sim.seats()[:2]
    campaign = sim.running("stays-one", "stays-two", linkedInAccountIds=[first, second])
    sim.post("/campaign/Pause", campaignId=campaign)
    sim.post("/campaign/UpdateAccounts", {"campaignId": campaign, "linkedInAccountIds": [second]})
    rows = sim.inside(campaign).values()
    assert {row["account_id"]: row["stopped"] for row in rows} == {first: True, second: False}
    assert sim.get("/campaign/GetById", campaignId=campaign)["campaignAccountIds"] == [second]
    answer = sim.post("/campaign/AddLinkedInAccountsToCampaign", {"campaignId": campaign, "linkedInAccountIds": [1]})
    assert [row["success"] for row in answer["results"]] == [False]
    answer = sim.post(
        "/campaign/RemoveLinkedInAccountsFromCampaign", {"campaignId": campaign, "linkedInAccountIds": [second]}
    )
    assert [row["success"] for row in answer["results"]] == [False]


def test_a_sender_that_is_logged_out_cannot_be_taken(sim: Simulator) -> None:
    seat = sim.seats()[0]
    sim.control.patch(f"/accounts/{seat}", json={"auth_is_valid": False})
    said = sim.refused("/campaign/Create", create_body(sim))
    sim.control.patch(f"/accounts/{seat}", json={"auth_is_valid": True, "is_active": False})
    assert "not authenticated" in said
    assert sim.post("/campaign/Create", create_body(sim))["campaignId"]
    sim.control.patch(f"/accounts/{seat}", json={"is_active": True})


@pytest.mark.parametrize(("access", "status"), [("forbidden", 403), ("absent", 404)])
def test_a_workspace_may_lack_the_campaign_api(sim: Simulator, access: str, status: int) -> None:
    campaign = sim.draft()
    sim.set(campaign_api={KEY: access})
    assert sim.ask("POST", "/campaign/Create", create_body(sim)).status_code == status
    schedule = {"campaignId": campaign, "schedule": {"enabledMonday": True}}
    assert sim.ask("POST", "/campaign/UpdateSchedule", schedule).status_code == status
    assert sim.ask("POST", "/campaign/Pause", {}, campaignId=campaign).status_code == 400
    assert sim.ask("POST", "/campaign/Create", {}, key=OTHER_KEY).status_code == 400
