"""Webhooks of the simulator: how they are configured, what they carry, and that they arrive."""

import hashlib
import hmac
from typing import Any

from tests.providers.smartlead.simulator_fixture import (
    ALL_EVENTS,
    CATEGORIES,
    KEY,
    Receiver,
    Simulator,
    hook,
    receiver,
    running,
    sim,
    wait_for,
)

__all__ = ["receiver", "running", "sim"]

URL = "http://127.0.0.1:9/nowhere"


def test_a_webhook_is_answered_with_maps_and_listed_with_arrays(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}/webhooks"
    saved = sim.post(path, hook(URL))
    assert saved["event_type_map"]["EMAIL_REPLY"] is True
    assert saved["category_id_map"]["Interested"] is True
    listed = sim.get(path)
    assert [row["id"] for row in listed] == [saved["id"]]
    assert (listed[0]["event_types"], listed[0]["categories"]) == (ALL_EVENTS, CATEGORIES)
    sim.post(path, hook(URL, id=saved["id"], event_types=["EMAIL_REPLY"]))
    assert [row["event_types"] for row in sim.get(path)] == [["EMAIL_REPLY"]]
    assert sim.delete(path, {"id": saved["id"]}) == {"ok": True}
    assert sim.get(path) == []


def test_bad_webhooks_are_refused(sim: Simulator) -> None:
    path = f"/campaigns/{sim.campaign()}/webhooks"

    def complaint(**change: Any) -> str:
        answer = sim.ask("POST", path, hook(URL, **change))
        assert answer.status_code == 400
        return answer.json().get("message") or answer.json()["error"]

    assert complaint(categories=[]) == '"categories" does not contain 1 required value(s)'
    assert complaint(event_types=["OPENED"]) == "Invalid event_types - OPENED"
    assert complaint(categories=["Nice"]) == "Invalid category - Nice"
    assert complaint(webhook_url="ftp://x") == "Invalid webhook_url - ftp://x"
    assert complaint(secret="s") == '"secret" is not allowed'
    assert sim.get(path) == []


def test_webhooks_of_the_account_are_created_read_changed_and_deleted(sim: Simulator) -> None:
    body = {
        "webhook_url": URL,
        "association_type": "user",
        "name": "n",
        "event_type_map": {"EMAIL_SENT": True},
    }
    made = sim.post("/webhook/create", body)
    assert made == {"ok": True, "id": made["id"], "webhook_url": URL}
    path = f"/webhook/{made['id']}"
    assert sim.get(path)["event_types"] == ["EMAIL_SENT"]
    sim._json(sim.ask("PUT", f"/webhook/update/{made['id']}", {"event_types": ["EMAIL_OPEN"]}))
    assert sim.get(path)["event_types"] == ["EMAIL_OPEN"]
    assert sim.delete("/webhook/delete", {"id": made["id"]}) == {"ok": True}
    assert sim.ask("GET", path).status_code == 404
    second = sim.post("/webhook/create", {**body, "association_type": 1})
    assert sim.delete(f"/webhook/delete/{second['id']}") == {"ok": True}


def test_a_webhook_of_the_account_silences_the_campaigns(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.ready_campaign("silenced@here.com", url=receiver.url)
    body = {"webhook_url": receiver.url, "association_type": "user", "event_type_map": {"EMAIL_SENT": True}}
    made = sim.post("/webhook/create", {**body, "name": "user"})
    try:
        assert sim.play(campaign, "silenced@here.com", "sent")["webhook_name"] == "user"
        assert sim.play(campaign, "silenced@here.com", "open")["webhook_name"] == "my hook"
    finally:
        sim.delete("/webhook/delete", {"id": made["id"]})
    wait_for(lambda: len(receiver.bodies) == 2)
    names = {body["event_type"]: body["webhook_name"] for body in receiver.bodies}
    assert names == {"EMAIL_SENT": "user", "EMAIL_OPEN": "my hook"}


def test_every_event_arrives_as_the_live_service_writes_it(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.ready_campaign("a@here.com", "b@here.com", url=receiver.url)
    played = [sim.play(campaign, "a@here.com", event) for event in ("sent", "open", "click", "reply")]
    played += [sim.play(campaign, "a@here.com", "unsubscribed"), sim.play(campaign, "b@here.com", "bounce")]
    lead = sim.get("/leads", email="a@here.com")
    sim.post(f"/campaigns/{campaign}/leads/{lead['id']}/category", {"category_id": 1})
    wait_for(lambda: len(receiver.bodies) == 8)
    sent, opened, clicked, replied, gone, bounced = played
    for body in played:
        assert body in receiver.bodies
        assert body["secret_key"] == KEY.split("_")[0]
        assert body["webhook_url"] == receiver.url
        assert not {"id", "event_id"} & body.keys()
    assert (sent["sl_email_lead_id"], sent["to_email"]) == (lead["id"], "a@here.com")
    assert sent["message_id"] == f"<{sent['stats_id']}@{sent['from_email'].split('@')[1]}>"
    assert sent["event_timestamp"].endswith("+00:00")
    assert "message_id" not in opened
    assert isinstance(clicked["link_clicked"], list)
    assert replied["description"].endswith(" ")
    assert replied["sl_lead_email"] == replied["to_email"] == "a@here.com"
    assert replied["reply_message"]["message_id"] == replied["message_id"] != sent["message_id"]
    assert replied["leadCorrespondence"]["repliedCompanyDomain"] == "SameCompany"
    assert "stats_id" not in gone
    assert (gone["from_email"], gone["event_timestamp"][-1]) == ("", "Z")
    assert gone["app_url"].endswith("leadMap=")
    assert bounced["is_bounced"] is True
    assert not [key for key in bounced if key.startswith("sl_")]
    category = receiver.of_type("LEAD_CATEGORY_UPDATED")[0]
    assert category["lead_id"] == int(lead["id"])
    assert category["lead_category"]["new_name"] == "Interested"
    assert [row["type"] for row in category["history"]] == ["SENT", "REPLY"]
    assert "x-smartlead-signature" not in receiver.headers[0]


def test_only_categories_the_webhook_names_are_sent(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.ready_campaign("category@here.com", url=receiver.url)
    lead = sim.get("/leads", email="category@here.com")
    path = f"/campaigns/{campaign}/leads/{lead['id']}/category"
    sim.post(path, {"category_id": 7})
    sim.post(path, {"category_id": 2})
    wait_for(lambda: receiver.bodies)
    assert [body["lead_category"]["old_name"] for body in receiver.bodies] == ["Wrong Person"]


def test_events_without_a_subscription_are_not_sent(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.ready_campaign("quiet@here.com")
    sim.post(f"/campaigns/{campaign}/webhooks", hook(receiver.url, event_types=["EMAIL_REPLY"]))
    for event in ("sent", "open", "reply"):
        sim.play(campaign, "quiet@here.com", event)
    wait_for(lambda: receiver.bodies)
    assert [body["event_type"] for body in receiver.bodies] == ["EMAIL_REPLY"]


def test_a_refused_webhook_is_sent_again_unchanged(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.ready_campaign("again@here.com", url=receiver.url)
    receiver.refuse = 2
    sim.play(campaign, "again@here.com", "sent")
    wait_for(lambda: len(receiver.bodies) == 3)
    assert receiver.bodies[0] == receiver.bodies[1] == receiver.bodies[2]

    def attempts() -> list[tuple[int, int]]:
        rows = sim.control.get("/deliveries").json()
        return [(row["attempt"], row["status"]) for row in rows if row["email"] == "again@here.com"]

    assert wait_for(lambda: len(attempts()) == 3 and attempts()) == [(1, 500), (2, 500), (3, 200)]


def test_the_minimal_dialect_carries_what_the_documentation_shows(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.ready_campaign("minimal@here.com", url=receiver.url)
    sim.set(dialect="minimal")
    sim.play(campaign, "minimal@here.com", "sent")
    wait_for(lambda: receiver.bodies)
    assert set(receiver.bodies[0]) == {
        "event_type",
        "from_email",
        "to_email",
        "to_name",
        "time_sent",
        "campaign_name",
        "campaign_id",
        "sequence_number",
        "custom_subject",
        "custom_email_message",
        "message_id",
    }


def test_the_direction_of_a_reply_can_be_inverted(sim: Simulator) -> None:
    campaign = sim.ready_campaign("inverted@here.com")
    sim.set(invert_direction=True)
    body = sim.play(campaign, "inverted@here.com", "reply", by="boss@here.com")
    assert body["to_email"].endswith(".example")
    assert (body["from_email"], body["sl_lead_email"]) == ("boss@here.com", "inverted@here.com")
    assert body["leadCorrespondence"]["replyReceivedFrom"] == "boss@here.com"


def test_webhooks_are_signed_only_when_a_secret_is_set(sim: Simulator, receiver: Receiver) -> None:
    campaign = sim.ready_campaign("signed@here.com", url=receiver.url)
    sim.set(sign_secret="hush")
    sim.play(campaign, "signed@here.com", "sent")
    headers = wait_for(lambda: receiver.headers and receiver.headers[0])
    digest = hmac.new(b"hush", headers["raw"].encode(), hashlib.sha256).hexdigest()
    assert headers["x-smartlead-signature"] == f"sha256={digest}"
    assert headers["x-webhook-level"] == "campaign"


def test_duplicates_and_disorder_still_bring_everything(sim: Simulator, receiver: Receiver) -> None:
    emails = [f"twice{number}@here.com" for number in range(5)]
    campaign = sim.ready_campaign(*emails, url=receiver.url)
    sim.set(duplicates=1, order="scattered")
    for email in emails:
        sim.play(campaign, email, "sent")
    wait_for(lambda: len(receiver.bodies) == 10)
    assert sorted(body["to_email"] for body in receiver.bodies) == sorted(emails * 2)


def test_unknown_plays_and_settings_are_refused(sim: Simulator) -> None:
    campaign = sim.ready_campaign("play@here.com")
    body = {"campaign_id": campaign, "email": "play@here.com", "event": "explode"}
    assert sim.control.post("/play", json=body).status_code == 422
    body = {"campaign_id": campaign, "email": "stranger@here.com", "event": "sent"}
    assert sim.control.post("/play", json=body).status_code == 404
    for bad in ({"pace": 1}, {"pace_ms": -1}, {"dialect": "french"}, {"duplicates": 2}, {"autoplay": 1}):
        assert sim.control.put("/settings", json=bad).status_code == 422
