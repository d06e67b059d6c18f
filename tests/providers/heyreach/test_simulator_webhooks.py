"""Webhooks: configured, heard, delivered again and again, twice, late, and not at all."""

from typing import Any

import pytest

from tests.providers.heyreach.simulator_fixture import (
    OTHER_KEY,
    STRANGER,
    Receiver,
    Simulator,
    receiver,
    shared,
    sim,
    url_of,
    wait_for,
)

__all__ = ["receiver", "shared", "sim"]

HOOK = {"webhookName": "Replies", "webhookUrl": "https://x.example/hook", "eventType": "MESSAGE_SENT"}
EVERY = "EVERY_MESSAGE_REPLY_RECEIVED"


def test_a_webhook_is_made_read_changed_and_deleted(sim: Simulator) -> None:
    made = sim.post("/webhooks/CreateWebhook", {**HOOK, "campaignIds": []})
    assert made.keys() == {"webhookId"}
    hook = made["webhookId"]
    shown = sim.get("/webhooks/GetWebhookById", webhookId=hook)
    assert shown == {"id": hook, **HOOK, "campaignIds": [], "isActive": True}
    assert shown in sim.post("/webhooks/GetAllWebhooks", {"includeCustomHeaders": True})["items"]
    change = {"webhookName": "Other", "webhookUrl": None, "campaignIds": [7], "isActive": False}
    assert sim.ask("PATCH", "/webhooks/UpdateWebhook", change, webhookId=hook).content == b""
    changed = {**shown, "webhookName": "Other", "campaignIds": [7], "isActive": False}
    assert sim.get("/webhooks/GetWebhookById", webhookId=hook) == changed
    assert sim.ask("GET", "/webhooks/GetWebhookById", webhookId=hook, key=OTHER_KEY).status_code == 404
    assert sim.ask("DELETE", "/webhooks/DeleteWebhook", webhookId=hook).status_code == 200
    assert sim.ask("DELETE", "/webhooks/DeleteWebhook", webhookId=hook).status_code == 404


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"webhookName": "ab"}, "minimum length of 3 and a maximum length of 25"),
        ({"webhookName": "x" * 26}, "WebhookName"),
        ({"eventType": "LEAD_REPLIED"}, "Error converting value"),
        ({"webhookUrl": "x.example"}, "URL"),
        ({"webhookUrl": None}, "The WebhookUrl field is required."),
    ],
)
def test_a_webhook_is_checked(sim: Simulator, change: dict[str, Any], said: str) -> None:
    assert said in sim.refused("/webhooks/CreateWebhook", {**HOOK, **change})


def test_a_first_reply_comes_to_both_webhooks_and_a_second_to_one(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.running("reply-one")
    sim.hook(receiver.url, "MESSAGE_REPLY_RECEIVED", campaign)
    sim.hook(receiver.url, EVERY)
    body = sim.play(campaign, url_of("reply-one"), "reply", text="Yes, please")
    wait_for(lambda: len(receiver.bodies) == 2)
    assert receiver.of_type("message_reply_received") == [body]
    assert list(body)[:5] == ["is_inmail", "recent_messages", "conversation_id", "campaign", "sender"]
    assert [message["is_reply"] for message in body["recent_messages"]] == [False, True]
    assert body["recent_messages"][-1]["message"] == "Yes, please"
    assert (body["campaign"]["id"], body["lead"]["profile_url"]) == (campaign, url_of("reply-one"))
    assert body["lead"]["id"].isdecimal()
    assert body["lead"]["lists"][0]["custom_fields"] == {}
    assert body["sender"]["id"] in sim.seats()
    assert len(body["timestamp"]) == 20
    sim.play(campaign, url_of("reply-one"), "reply", text="Hello?")
    wait_for(lambda: len(receiver.bodies) == 3)
    assert len(receiver.of_type(EVERY.lower())) == 2
    assert not any("signature" in name for headers in receiver.headers for name in headers)


@pytest.mark.parametrize(
    ("event", "event_type", "extra"),
    [
        ("connection_sent", "connection_request_sent", {"connection_message"}),
        ("accepted", "connection_request_accepted", {"connection_message"}),
        ("message", "message_sent", {"is_inmail", "recent_messages", "conversation_id"}),
        ("inmail", "inmail_sent", {"is_inmail", "recent_messages", "conversation_id"}),
        ("inmail_reply", "inmail_reply_received", {"is_inmail", "recent_messages", "conversation_id"}),
        ("view", "viewed_profile", set[str]()),
        ("follow", "follow_sent", set[str]()),
        ("like", "liked_post", set[str]()),
        ("completed", "campaign_completed", set[str]()),
    ],
)
def test_every_event_has_its_body(
    sim: Simulator, receiver: Receiver, event: str, event_type: str, extra: set[str]
) -> None:
    slug = f"event-{event.replace('_', '-')}"
    campaign = sim.running(slug)
    sim.hook(receiver.url, event_type.upper(), campaign)
    sim.play(campaign, url_of(slug), event)
    [body] = wait_for(lambda: receiver.of_type(event_type))
    common = {"campaign", "sender", "lead", "timestamp", "event_type", "correlation_id"}
    assert body.keys() == common | extra
    assert body.get("is_inmail", False) is event.startswith("inmail")


def test_webhooks_hear_only_of_their_campaigns_and_workspace(sim: Simulator, receiver: Receiver) -> None:
    first, second = sim.running("hear-one"), sim.running("hear-one")
    sim.hook(receiver.url, "VIEWED_PROFILE", first)
    idle = sim.hook(receiver.url, "VIEWED_PROFILE")
    sim.ask("PATCH", "/webhooks/UpdateWebhook", {"isActive": False}, webhookId=idle)
    sim.post("/webhooks/CreateWebhook", {**HOOK, "eventType": "VIEWED_PROFILE"}, key=OTHER_KEY)
    sim.play(second, url_of("hear-one"), "view")
    sim.play(first, url_of("hear-one"), "view")
    wait_for(lambda: receiver.bodies)
    assert [body["campaign"]["id"] for body in receiver.bodies] == [first]


def test_the_same_webhook_twice_fires_twice(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.running("twice-one")
    for _ in range(2):
        sim.hook(receiver.url, "FOLLOW_SENT", campaign)
    sim.play(campaign, url_of("twice-one"), "follow")
    wait_for(lambda: len(receiver.bodies) == 2)
    assert receiver.bodies[0] == receiver.bodies[1]
    sim.set(correlation="delivery")
    sim.play(campaign, url_of("twice-one"), "follow")
    wait_for(lambda: len(receiver.bodies) == 4)
    assert receiver.bodies[2]["correlation_id"] != receiver.bodies[3]["correlation_id"]


def test_tags_and_strangers_belong_to_no_campaign(sim: Simulator, receiver: Receiver) -> None:
    sim.hook(receiver.url, EVERY)
    sim.hook(receiver.url, "LEAD_TAG_UPDATED")
    sim.play(None, STRANGER, "reply", account_id=sim.seats()[0])
    [reply] = wait_for(lambda: receiver.of_type(EVERY.lower()))
    assert "campaign" not in reply
    sim.post("/lead/AddTags", {"leadProfileUrl": STRANGER, "tags": ["hot", "cold"]})
    [tagged] = wait_for(lambda: receiver.of_type("lead_tag_updated"))
    assert tagged["lead"]["tags"] == ["cold", "hot"]
    sim.post("/lead/AddTags", {"leadProfileUrl": STRANGER, "tags": ["hot"]})
    sim.set(imports_all_conversations=False)
    sim.play(None, STRANGER, "reply", account_id=sim.seats()[0])
    sim.set(imports_all_conversations=True, event_case="upper", correlation="zero", recent_messages="latest")
    sim.play(None, STRANGER, "reply", account_id=sim.seats()[0])
    [last] = wait_for(lambda: receiver.of_type(EVERY))
    assert (last["correlation_id"][:8], len(last["recent_messages"])) == ("00000000", 1)
    assert len(receiver.bodies) == 3


def test_a_reply_may_hide_its_campaign_and_its_words(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.running("hidden-campaign")
    sim.hook(receiver.url, EVERY)
    sim.set(campaign_in_replies=False)
    sim.play(campaign, url_of("hidden-campaign"), "reply", kind="IMAGE")
    [body] = wait_for(lambda: receiver.of_type(EVERY.lower()))
    assert "campaign" not in body
    last = body["recent_messages"][-1]
    assert (last["message"], last["message_type"]) == ("", "Attachment")


def test_the_test_button(sim: Simulator, receiver: Receiver) -> None:
    hook = sim.hook(receiver.url, "CONNECTION_REQUEST_ACCEPTED")
    sim.control.post(f"/webhooks/{hook}/test")
    [body] = wait_for(lambda: receiver.bodies)
    assert (body["lead"]["id"], body["campaign"]["status"], body["connection_message"]) == (
        "TestId",
        None,
        "Test Message",
    )
    assert set(body["correlation_id"]) == {"0", "-"}


def test_a_refused_delivery_is_tried_again_with_the_same_body(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.running("again-one")
    hook = sim.hook(receiver.url, "LIKED_POST", campaign)
    receiver.refuse = 1
    sim.play(campaign, url_of("again-one"), "like")
    wait_for(lambda: len(receiver.bodies) == 2)
    assert receiver.bodies[0] == receiver.bodies[1]

    def tries() -> list[int]:
        rows = sim.control.get("/deliveries").json()
        return [row["status"] for row in rows if row["webhook_id"] == hook]

    wait_for(lambda: tries() == [500, 200])


def test_webhooks_come_twice_and_late(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.running("double-one")
    sim.hook(receiver.url, "LIKED_POST", campaign)
    sim.set(duplicates=1)
    sim.play(campaign, url_of("double-one"), "like")
    wait_for(lambda: len(receiver.bodies) == 2)
    sim.set(duplicates=0)
    sim.faults(webhook_outage=True)
    sim.play(campaign, url_of("double-one"), "like")
    sim.play(campaign, url_of("double-one"), "like")
    with pytest.raises(AssertionError):
        wait_for(lambda: len(receiver.bodies) > 2, seconds=0.4)
    sim.faults()
    wait_for(lambda: len(receiver.bodies) == 4)


def test_disorder_lets_webhooks_overtake_one_another(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.running("disorder-one")
    sim.hook(receiver.url, EVERY)
    sim.set(order="scattered", recent_messages="latest")
    for number in range(12):
        sim.play(campaign, url_of("disorder-one"), "reply", text=f"{number:02}")
    wait_for(lambda: len(receiver.bodies) == 12)
    heard = [body["recent_messages"][0]["message"] for body in receiver.bodies]
    assert heard != sorted(heard)
    assert sorted(heard) == [f"{number:02}" for number in range(12)]
