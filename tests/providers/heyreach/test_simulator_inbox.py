"""Conversations, writing into them, connections, and the figures of what was done."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.providers.heyreach.simulator_fixture import STRANGER, Simulator, own, shared, sim, url_of

__all__ = ["own", "shared", "sim"]

ITEM = [
    "id",
    "read",
    "groupChat",
    "blockedByMe",
    "blockedByParticipant",
    "lastMessageAt",
    "lastMessageText",
    "lastMessageType",
    "lastMessageSender",
    "totalMessages",
    "linkedInAccountId",
    "correspondentProfile",
    "linkedInAccount",
    "messages",
]


def talk(sim: Simulator, slug: str, *events: str) -> int:
    campaign = sim.running(slug)
    for event in events:
        sim.play(campaign, url_of(slug), event)
    return campaign


def found(sim: Simulator, version: str = "V2", **filters: Any) -> list[dict[str, Any]]:
    return sim.post(f"/inbox/GetConversations{version}", {"filters": filters, "limit": 100})["items"]


def one(sim: Simulator, slug: str) -> dict[str, Any]:
    return found(sim, leadProfileUrl=url_of(slug))[0]


def test_a_conversation_is_shaped_as_the_real_ones(sim: Simulator) -> None:
    talk(sim, "talk-one", "message", "reply")
    item = one(sim, "talk-one")
    assert list(item) == ITEM
    assert (item["read"], item["totalMessages"], item["lastMessageSender"]) == (False, 2, "CORRESPONDENT")
    assert [message["sender"] for message in item["messages"]] == ["ME", "CORRESPONDENT"]
    assert list(item["messages"][0]) == ["createdAt", "body", "subject", "postLink", "isInMail", "sender"]
    opaque = base64.b64decode(item["id"].removeprefix("2-")).decode()
    assert (len(item["id"]), item["id"][-2:], opaque[-4:]) == (58, "==", "_100")
    assert datetime.fromisoformat(item["lastMessageAt"]) >= datetime.fromisoformat(item["messages"][0]["createdAt"])
    assert "campaignId" not in item
    sim.set(campaign_in_inbox=True, preview_messages=1, custom_fields_in_inbox=False)
    item = one(sim, "talk-one")
    assert (item["totalMessages"], len(item["messages"]), item["campaignId"] > 0) == (2, 1, True)


def test_conversations_are_filtered(sim: Simulator) -> None:
    campaign = talk(sim, "filter-one", "message", "reply")
    talk(sim, "filter-two", "message")
    urls = [item["correspondentProfile"]["profileUrl"] for item in found(sim)]
    assert urls.index(url_of("filter-two")) < urls.index(url_of("filter-one"))
    only = [url_of("filter-one")]

    def people(**filters: Any) -> list[str]:
        return [item["correspondentProfile"]["profileUrl"] for item in found(sim, **filters)]

    assert people(campaignIds=[campaign]) == only
    member = one(sim, "filter-one")["correspondentProfile"]["linkedin_id"]
    assert people(leadLinkedInId=member) == only
    assert people(campaignIds=[campaign], seen=False) == only
    assert people(campaignIds=[campaign], seen=True) == []
    assert people(campaignIds=[campaign], searchString="TELL ME") == only
    assert people(campaignIds=[campaign], searchString="no such word") == []
    assert people(campaignIds=[campaign], tags=["unknown"]) == []
    assert people(campaignIds=[campaign], linkedInAccountIds=[1]) == []
    assert sim.refused("/inbox/GetConversationsV2", {"filters": {"leadProfileUrl": url_of("unknown-one")}})
    assert sim.refused("/inbox/GetConversationsV2", {"filters": {"campaignIds": [1]}}).endswith("does not exist.")
    assert len(sim.post("/inbox/GetConversations", {"searchString": "ignored here", "limit": 1})["items"]) == 1


def test_the_cursor_walks_every_conversation_once(own: Callable[..., Simulator]) -> None:
    sim = own()
    campaign = sim.running(*[f"cursor-{number}" for number in range(5)])
    for number in range(5):
        sim.play(campaign, url_of(f"cursor-{number}"), "message")
    seen: list[str] = []
    wanted: dict[str, Any] = {"limit": 2, "cursor": None}
    for expected in (True, True, False):
        page = sim.post("/inbox/GetConversationsV3", wanted)
        assert page["hasNextPage"] is expected
        assert "totalCount" not in page
        seen += [item["correspondentProfile"]["profileUrl"] for item in page["items"]]
        wanted["cursor"] = page["nextCursor"]
    assert (seen, wanted["cursor"]) == ([url_of(f"cursor-{number}") for number in (4, 3, 2, 1, 0)], None)
    assert sim.post("/inbox/GetConversationsV3", {"limit": 5})["hasNextPage"] is False
    assert sim.post("/inbox/GetConversationsV3", {"to": "2001-01-01T00:00:00Z"})["items"] == []
    assert sim.refused("/inbox/GetConversationsV3", {"cursor": "rubbish"})


def test_a_message_shows_late_and_is_dated_back(sim: Simulator) -> None:
    campaign = talk(sim, "back-dated", "message")
    sim.set(inbox_lag_s=600)
    sim.play(campaign, url_of("back-dated"), "reply")
    assert one(sim, "back-dated")["totalMessages"] == 1
    sim.clock(advance=601)
    item = one(sim, "back-dated")
    assert item["lastMessageSender"] == "CORRESPONDENT"
    now = datetime.fromisoformat(sim.control.get("/clock").json()["at"])
    assert (now - datetime.fromisoformat(item["lastMessageAt"])).total_seconds() > 600
    talk(sim, "not-yet-seen", "message")
    assert found(sim, leadProfileUrl=url_of("not-yet-seen")) == []


def test_a_chatroom_is_read_by_sender_and_id(sim: Simulator) -> None:
    talk(sim, "chat-one", "message", "reply")
    item = one(sim, "chat-one")
    path = f"/inbox/GetChatroom/{item['linkedInAccountId']}/{item['id'].replace('=', '%3D')}"
    assert sim.get(path) == item
    other = next(seat for seat in sim.seats() if seat != item["linkedInAccountId"])
    stale = sim.ask("GET", f"/inbox/GetChatroom/{other}/{item['id']}")
    assert (stale.status_code, "errorMessage" in stale.json()) == (404, True)


def test_a_message_is_queued_and_a_repeat_is_sent_again(sim: Simulator) -> None:
    talk(sim, "write-one", "message", "reply")
    item = one(sim, "write-one")
    sim.set(inbox_lag_s=60)
    body = {"message": "Gladly", "conversationId": item["id"], "linkedInAccountId": item["linkedInAccountId"]}
    for _ in range(2):
        assert sim.ask("POST", "/inbox/SendMessage", body).content == b""
    assert one(sim, "write-one")["totalMessages"] == 2
    kept = sim.control.get("/messages", params={"profile_url": url_of("write-one")}).json()
    assert [message["body"] for message in kept].count("Gladly") == 2
    sim.clock(advance=61)
    assert one(sim, "write-one")["totalMessages"] == 4
    assert sim.refused("/inbox/SendMessage", {**body, "conversationId": "2-x"}, 404)
    assert "Message field is required" in sim.refused("/inbox/SendMessage", {**body, "message": ""})


def test_conversations_are_marked_as_seen(sim: Simulator) -> None:
    talk(sim, "seen-one", "message", "reply")
    item = one(sim, "seen-one")
    assert one(sim, "seen-one")["read"] is False
    body = {"conversationId": item["id"], "linkedInAccountId": item["linkedInAccountId"], "seen": True}
    sim.ask("POST", "/inbox/SetSeenStatus", body)
    assert one(sim, "seen-one")["read"] is True


def test_a_voice_message_has_no_words(sim: Simulator) -> None:
    campaign = talk(sim, "voice-one", "message")
    sim.play(campaign, url_of("voice-one"), "reply", kind="VOICE")
    item = one(sim, "voice-one")
    assert (item["lastMessageType"], item["lastMessageText"], item["messages"][-1]["body"]) == ("VOICE", "", "")


def test_strangers_write_too(sim: Simulator) -> None:
    seat = sim.seats()[1]
    sim.play(None, STRANGER, "reply", account_id=seat, text="Who are you?")
    item = found(sim, leadProfileUrl=STRANGER)[0]
    assert (item["linkedInAccountId"], item["lastMessageText"]) == (seat, "Who are you?")
    assert sim.post("/campaign/GetCampaignsForLead", {"profileUrl": STRANGER})["items"] == []


def test_connections(sim: Simulator) -> None:
    seat = sim.seats()[0]
    campaign = sim.running("net-one", "net-two", linkedInAccountIds=[seat])
    sim.play(campaign, url_of("net-one"), "accepted")
    ask = {"senderAccountId": seat, "leadProfileUrl": url_of("net-one")}
    assert sim.post("/MyNetwork/IsConnection", ask) == {"isConnection": True}
    assert sim.post("/MyNetwork/IsConnection", {**ask, "leadProfileUrl": url_of("net-two")}) == {"isConnection": False}
    assert sim.refused("/MyNetwork/IsConnection", {**ask, "leadLinkedInId": "1"})
    page = sim.post("/MyNetwork/GetMyNetworkForSender", {"senderId": seat, "pageNumber": 0, "pageSize": 100})
    assert url_of("net-one") in [item["profileUrl"] for item in page["items"]]
    assert sim.post("/MyNetwork/GetMyNetworkForSender", {"senderId": seat, "pageNumber": 1})["items"] == []
    sim.set(first_network_page=1)
    assert sim.post("/MyNetwork/GetMyNetworkForSender", {"senderId": seat, "pageNumber": 1})["items"]


def test_figures_are_single_floats_under_uneven_names(sim: Simulator) -> None:
    people = [f"figure-{number}" for number in range(7)]
    campaign = sim.running(*people)
    for person in people:
        sim.play(campaign, url_of(person), "connection_sent")
    sim.play(campaign, url_of(people[0]), "accepted")
    sim.play(campaign, url_of(people[0]), "message")
    sim.play(campaign, url_of(people[0]), "message")
    sim.play(campaign, url_of(people[0]), "reply")
    sim.play(campaign, url_of(people[1]), "inmail")
    wanted = {"accountIds": [], "campaignIds": [campaign]}
    stats = sim.post("/stats/GetOverallStats", wanted)
    whole = stats["overallStats"]
    assert (whole["connectionsSent"], whole["connectionsAccepted"]) == (7, 1)
    assert whole["connectionAcceptanceRate"] == 0.14285715
    assert (whole["messagesSent"], whole["totalMessageStarted"], whole["messageReplyRate"]) == (2, 1, 1)
    assert (whole["inmailMessagesSent"], whole["inMailReplyRate"], whole["uniqueLeadsContacted"]) == (1, 0, 7)
    assert [day for day in stats["byDayStats"] if day.endswith("T00:00:00Z")]
    per = sim.post("/stats/GetOverallStatsByCampaign", wanted)["byDayStats"]
    assert [row["campaignId"] for rows in per.values() for row in rows] == [campaign]
    wanted["endDate"] = "2001-01-01T00:00:00Z"
    assert sim.post("/stats/GetOverallStats", wanted)["overallStats"]["connectionsSent"] == 0
    assert sim.post("/stats/GetOverallStats", {"accountIds": [1], "campaignIds": []})["byDayStats"] == {}
