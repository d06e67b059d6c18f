"""Leads: put into lists and campaigns, counted in totals, listed late, stopped, tagged, and in the ledger."""

from typing import Any

from tests.providers.heyreach.simulator_fixture import (
    Simulator,
    lead,
    pairs,
    shared,
    sim,
    url_of,
    wait_for,
)

__all__ = ["shared", "sim"]


def test_adding_answers_totals_only(sim: Simulator) -> None:
    campaign = sim.running()
    assert sim.add(campaign, "tot-one", "tot-two") == (2, 0, 0)
    assert sim.add(campaign, "tot-two", "tot-three", "tot-three") == (1, 2, 0)
    assert sim.effects(campaign) == [
        ("tot-one", "added"),
        ("tot-two", "added"),
        ("tot-two", "already"),
        ("tot-three", "added"),
        ("tot-three", "already"),
    ]
    assert sim.post("/campaign/AddLeadsToCampaign", pairs(campaign, "tot-four", "tot-one")) == 1


def test_a_profile_has_one_spelling(sim: Simulator) -> None:
    campaign = sim.running()
    spellings = [
        "https://www.linkedin.com/in/Spelled-One/",
        "http://linkedin.com/in/spelled-one?miniProfile=1",
        "de.linkedin.com/in/SPELLED-ONE/en",
        "https://www.linkedin.com/in/ACoAAB0000Example",
        "https://www.linkedin.com/in/ACoAAB0000example",
    ]
    body = {"campaignId": campaign, "accountLeadPairs": [{"lead": {"profileUrl": url}} for url in spellings]}
    assert sim.post("/campaign/AddLeadsToCampaignV2", body)["addedLeadsCount"] == 3
    assert list(sim.members(campaign)) == [
        url_of("spelled-one"),
        url_of("ACoAAB0000Example"),
        url_of("ACoAAB0000example"),
    ]
    assert {line["email"] for line in sim.ledger(campaign)} == set(sim.members(campaign))


def test_bad_leads_are_counted_not_named(sim: Simulator) -> None:
    seat = sim.seats()[0]
    campaign = sim.running(linkedInAccountIds=[seat])
    bad: list[dict[str, Any]] = [
        {"lead": {"profileUrl": "https://example.com/in/x"}},
        {"lead": {"firstName": "Ada"}},
        {"lead": lead("bad-name", customUserFields=[{"name": "no spaces", "value": "x"}])},
        {"linkedInAccountId": sim.seats()[1], "lead": lead("foreign-sender")},
        {"linkedInAccountId": seat, "lead": lead("good-one")},
    ]
    answer = sim.post("/campaign/AddLeadsToCampaignV2", {"campaignId": campaign, "accountLeadPairs": bad})
    assert answer == {"addedLeadsCount": 1, "updatedLeadsCount": 0, "failedLeadsCount": 4}
    assert [effect for _, effect in sim.effects(campaign)] == ["refused"] * 4 + ["added"]


def test_an_ask_is_refused_as_a_whole(sim: Simulator) -> None:
    campaign = sim.running()
    many = [f"too-many-{number}" for number in range(101)]
    assert "maximum length of '100'" in sim.refused("/campaign/AddLeadsToCampaignV2", pairs(campaign, *many))
    flat = {"campaignId": campaign, "leads": [lead("flat")]}
    assert "AccountLeadPairs field is required" in sim.refused("/campaign/AddLeadsToCampaignV2", flat)
    draft = sim.draft()
    assert sim.refused("/campaign/AddLeadsToCampaignV2", pairs(draft, "early-bird"))
    assert sim.refused("/campaign/AddLeadsToCampaignV2", pairs(1, "nowhere"), 404)
    assert sim.members(draft) == {}
    assert sim.effects(draft) == [("early-bird", "none")]
    assert {effect for _, effect in sim.effects(campaign)} == {"none"}
    assert len(sim.effects(campaign)) == 101


def test_adding_wakes_finished_campaigns_and_paused_ones_on_demand(sim: Simulator) -> None:
    campaign = sim.running("first-in")
    sim.post("/campaign/Pause", campaignId=campaign)
    sim.add(campaign, "second-in")
    assert sim.status(campaign) == "PAUSED"
    sim.add(campaign, "third-in", resumePausedCampaign=True)
    assert sim.status(campaign) == "IN_PROGRESS"
    sim.set(autoplay=True, pace_ms=0, hour_s=0)
    wait_for(lambda: sim.status(campaign) == "FINISHED")
    sim.set(autoplay=False, finished_needs_flag=True)
    sim.add(campaign, "fourth-in")
    assert sim.status(campaign) == "FINISHED"
    sim.set(finished_needs_flag=False)
    sim.add(campaign, "fifth-in")
    assert sim.status(campaign) == "IN_PROGRESS"


def test_what_was_added_is_not_seen_at_once(sim: Simulator) -> None:
    campaign = sim.running()
    sim.set(lag_s=30)
    sim.add(campaign, "late-one")
    assert sim.members(campaign) == {}
    assert sim.get("/campaign/GetById", campaignId=campaign)["progressStats"]["totalUsers"] == 0
    wanted = {"profileUrl": url_of("late-one")}
    assert sim.post("/campaign/GetCampaignsForLead", wanted)["totalCount"] == 0
    sim.clock(advance=31)
    assert list(sim.members(campaign)) == [url_of("late-one")]
    assert sim.get("/campaign/GetById", campaignId=campaign)["progressStats"]["totalUsersPending"] == 1
    found = sim.post("/campaign/GetCampaignsForLead", wanted)
    assert (found["leadFullName"], found["items"][0]["campaignId"]) == ("Ada Doe", campaign)
    sim.set(hide_pending=True)
    assert sim.members(campaign) == {}


def test_a_listed_lead_has_three_statuses(sim: Simulator) -> None:
    campaign = sim.running("three-states")
    item = sim.members(campaign)[url_of("three-states")]
    assert item["linkedInUserProfileId"].startswith("ACoAA")
    names = ("leadCampaignStatus", "leadConnectionStatus", "leadMessageStatus")
    assert [item[name] for name in names] == ["Pending", "None", "None"]
    sim.set(null_statuses=True)
    assert sim.members(campaign)[url_of("three-states")]["leadConnectionStatus"] is None
    sim.play(campaign, url_of("three-states"), "message")
    sim.play(campaign, url_of("three-states"), "accepted")
    sim.play(campaign, url_of("three-states"), "failed")
    item = sim.members(campaign)[url_of("three-states")]
    assert [item[name] for name in names] == ["Failed", "ConnectionAccepted", "MessageSent"]
    assert item["errorCode"]
    assert item["failedTime"].endswith("Z")


def test_leads_are_filtered_by_time_only_when_a_filter_is_named(sim: Simulator) -> None:
    campaign = sim.running("timed-one")
    wanted = {"campaignId": campaign, "timeFrom": "2099-01-01T00:00:00+02:00", "nonsense": 1}
    assert sim.post("/campaign/GetLeadsFromCampaign", wanted)["totalCount"] == 1
    wanted["timeFilter"] = "CreationTime"
    assert sim.post("/campaign/GetLeadsFromCampaign", wanted)["totalCount"] == 0
    wanted["timeFilter"] = "Whenever"
    assert "PublicTimeFilter" in sim.refused("/campaign/GetLeadsFromCampaign", wanted)


def test_stopping_a_lead(sim: Simulator) -> None:
    campaign = sim.running("stop-one", "stop-two")
    member = sim.members(campaign)[url_of("stop-one")]["linkedInUserProfile"]["linkedin_id"]
    wrong = {"campaignId": campaign, "leadMemberId": "1", "leadUrl": url_of("stop-one")}
    assert sim.ask("POST", "/campaign/StopLeadInCampaign", wrong).status_code == 200
    assert sim.members(campaign)[url_of("stop-one")]["leadCampaignStatus"] == "Pending"
    body = {"campaignId": campaign, "leadMemberId": member, "leadUrl": url_of("stop-one") + "/"}
    assert sim.ask("POST", "/campaign/StopLeadInCampaign", body).content == b""
    progress = sim.get("/campaign/GetById", campaignId=campaign)["progressStats"]
    assert (progress["totalUsersManuallyStopped"], progress["totalUsersPending"]) == (1, 1)
    found = sim.post("/campaign/GetCampaignsForLead", {"linkedinId": member})["items"]
    assert found[0]["leadStatus"] not in ("Pending", "InSequence")
    assert sim.refused("/campaign/GetCampaignsForLead", {})


def test_a_list_has_one_shape_when_made_and_another_when_read(sim: Simulator) -> None:
    made = sim.post("/list/CreateEmptyList", {"name": "Shapes", "type": "COMPANY_LIST"})
    assert (made["listType"], made["count"], made["status"]) == ("COMPANY_LIST", 0, "UNKNOWN")
    read = sim.get("/list/GetById", listId=made["id"])
    assert read.keys() == {"id", "name", "totalItemsCount", "listType", "creationTime", "campaignIds"}
    found = sim.post("/list/GetAll", {"keyword": "Shapes", "listType": "COMPANY_LIST"})
    assert found == {"totalCount": 1, "items": [read]}
    assert sim.post("/list/GetCompaniesFromList", {"listId": made["id"]})["items"] == []
    assert sim.refused("/list/AddLeadsToListV2", {"listId": made["id"], "leads": [lead("no-company")]})


def test_lists_contain_leads_with_custom_fields(sim: Simulator) -> None:
    list_id = sim.list_()
    fields = [{"name": "icebreaker", "value": "Loved it"}]
    body = {"listId": list_id, "leads": [lead("listed-one", customUserFields=fields), lead("listed-two"), {}]}
    added = sim.post("/list/AddLeadsToListV2", body)
    assert added == {"addedLeadsCount": 2, "updatedLeadsCount": 0, "failedLeadsCount": 1}
    assert sim.post("/list/AddLeadsToList", {**body, "leads": [lead("listed-two"), lead("listed-three")]}) == 1
    items = sim.post("/list/GetLeadsFromList", {"listId": list_id})["items"]
    assert [item["profileUrl"] for item in items] == [url_of(f"listed-{n}") for n in ("one", "two", "three")]
    assert items[0]["customFields"] == fields
    one = sim.post("/list/GetLeadsFromList", {"listId": list_id, "leadProfileUrl": url_of("listed-two") + "/"})
    assert one["totalCount"] == 1
    assert sim.post("/list/GetListsForLead", {"profileUrl": url_of("listed-one")})["items"][0]["listId"] == list_id
    sim.set(list_lag_s=60)
    assert sim.post("/list/GetLeadsFromList", {"listId": list_id})["totalCount"] == 0


def test_leads_leave_a_list_by_url_or_number(sim: Simulator) -> None:
    list_id = sim.list_("gone-one", "gone-two", "gone-three")
    urls = [url_of("gone-one") + "/", url_of("jane-doe") + "/"]
    answer = sim.read(
        sim.ask("DELETE", "/list/DeleteLeadsFromListByProfileUrl", {"listId": list_id, "profileUrls": urls})
    )
    assert answer == {"notFoundInList": ["jane-doe"]}
    left = sim.post("/list/GetLeadsFromList", {"listId": list_id})["items"]
    members = {"listId": list_id, "leadMemberIds": [left[0]["linkedin_id"], "1"]}
    assert sim.ask("DELETE", "/list/DeleteLeadsFromList", members).status_code == 200
    left = sim.post("/list/GetLeadsFromList", {"listId": list_id})["items"]
    assert [item["profileUrl"] for item in left] == [url_of("gone-three")]


def test_starting_draws_from_the_list_and_so_does_adding_to_it(sim: Simulator) -> None:
    campaign = sim.running("drawn-one")
    assert sim.effects(campaign) == [("drawn-one", "added")]
    list_id = sim.get("/campaign/GetById", campaignId=campaign)["linkedInUserListId"]
    sim.post("/list/AddLeadsToListV2", {"listId": list_id, "leads": [lead("drawn-two"), lead("drawn-one")]})
    assert sim.effects(campaign) == [("drawn-one", "added"), ("drawn-two", "added")]
    sim.set(lists_feed_campaigns=False)
    sim.post("/list/AddLeadsToListV2", {"listId": list_id, "leads": [lead("drawn-three")]})
    assert len(sim.members(campaign)) == 2


def test_exclusions_leave_people_out(sim: Simulator) -> None:
    first = sim.running("shared-lead")
    sim.play(first, url_of("shared-lead"), "message")
    second = sim.running(excludeContactedFromOtherCampaigns=True, excludeListId=sim.list_("excluded-lead"))
    assert sim.add(second, "shared-lead", "excluded-lead", "free-lead") == (3, 0, 0)
    assert [effect for _, effect in sim.effects(second)] == ["refused", "refused", "added"]
    assert sim.get("/campaign/GetById", campaignId=second)["progressStats"]["totalUsersExcluded"] == 2


def test_a_person_and_its_tags(sim: Simulator) -> None:
    sim.list_("tagged-one")
    url = url_of("tagged-one")
    person = sim.post("/lead/GetLead", {"profileUrl": url + "/"})
    assert (person["username"], person["experiences"], person["fullName"]) == ("tagged-one", "[]", "Ada Doe")
    assert sim.ask("POST", "/lead/GetLead", {"profileUrl": url_of("nobody-known")}).status_code == 404
    assert sim.post("/lead/AddTags", {"leadProfileUrl": url, "tags": ["b2", "a1"]}) == {"newAssignedTags": ["b2", "a1"]}
    assert sim.post("/lead/AddTags", {"leadProfileUrl": url, "tags": ["a1", "c3"]}) == {"newAssignedTags": ["c3"]}
    assert sim.post("/lead/GetTags", {"profileUrl": url}) == {"tags": ["a1", "b2", "c3"]}
    assert sim.refused("/lead/ReplaceTags", {"leadProfileUrl": url, "tags": ["unmade"]})
    sim.post("/lead_tags/CreateTags", {"tags": [{"displayName": "unmade", "color": "Red"}]})
    sim.post("/lead/ReplaceTags", {"leadProfileUrl": url, "tags": ["unmade"]})
    assert sim.post("/lead/GetTags", {"profileUrl": url}) == {"tags": ["unmade"]}
