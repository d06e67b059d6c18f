"""Webhooks: who hears what, what stands in a body, how it is delivered, and when a subscription is disabled."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.providers.instantly.simulator_fixture import Receiver, Simulator, own, receiver, running, sim, wait_for

__all__ = ["own", "receiver", "running", "sim"]


@pytest.fixture
def campaign(sim: Simulator) -> str:
    made = sim.campaign()
    sim.add(made, "lead@hook.com")
    return made


def heard(receiver: Receiver, number: int = 1) -> list[dict[str, Any]]:
    return wait_for(lambda: len(receiver.bodies) >= number and receiver.bodies)


def test_a_sent_mail_comes_flat_and_counted_from_one(sim: Simulator, campaign: str, receiver: Receiver) -> None:
    sim.hook(receiver.url, headers={"X-Mine": "secret"})
    sim.play(campaign, "lead@hook.com", "sent")
    body = heard(receiver)[0]
    assert (body["event_type"], body["campaign_id"], body["step"], body["variant"]) == ("email_sent", campaign, 1, 1)
    assert (body["unibox_url"], body["is_first"], body["firstName"]) == (None, True, "Jo")
    assert (body["lead_email"], body["email"]) == ("lead@hook.com", "lead@hook.com")
    headers = receiver.headers[0]
    assert (headers["user-agent"], headers["x-mine"]) == ("axios/0.21.4", "secret")
    assert not any("signature" in name for name in headers)


def test_a_click_is_subscribed_under_another_name(sim: Simulator, campaign: str, receiver: Receiver) -> None:
    sim.hook(receiver.url, "email_link_clicked")
    sim.play(campaign, "lead@hook.com", "click")
    assert [body["event_type"] for body in heard(receiver)] == ["link_clicked"]


def test_without_tracking_nothing_is_opened(sim: Simulator, receiver: Receiver) -> None:
    made = sim.campaign(open_tracking=False)
    sim.add(made, "blind@hook.com")
    sim.hook(receiver.url, "email_opened")
    sim.play(made, "blind@hook.com", "open")
    assert sim.lead(made, "blind@hook.com")["email_open_count"] == 0
    assert receiver.bodies == []


def test_two_generations_of_replies(sim: Simulator, campaign: str, receiver: Receiver) -> None:
    sim.hook(receiver.url, "reply_received")
    new = sim.play(campaign, "lead@hook.com", "reply", text="Sure")
    assert (new["reply_text_snippet"], "reply_html" in new, "thread:" in new["unibox_url"]) == ("Sure", False, True)
    assert new["reply_text"].startswith("Sure\n\n")
    sim.set(reply_payload="A", is_first=False)
    old = sim.play(campaign, "lead@hook.com", "reply", text="Sure")
    assert ("email_id" in old, "reply_html" in old, "is_first" in old) == (False, True, False)
    assert "thread_search=lead@hook.com" in old["unibox_url"]
    assert len(heard(receiver, 2)) == 2


def test_an_interest_has_an_event_and_a_label_its_own_name(sim: Simulator, campaign: str, receiver: Receiver) -> None:
    label = sim.post("/lead-labels", {"label": "Send Pricing", "interest_status_label": "positive"})["interest_status"]
    sim.hook(receiver.url, None, custom_interest_value=label)
    shown = sim.play(campaign, "lead@hook.com", "interest", value=1)
    assert (shown["event_type"], "email_account" in shown, shown["unibox_url"]) == ("lead_interested", False, None)
    assert sim.play(campaign, "lead@hook.com", "interest", value=None)["event_type"] == "lead_neutral"
    sim.play(campaign, "lead@hook.com", "interest", value=label)
    assert [body["event_type"] for body in heard(receiver)] == ["Send Pricing"]


def test_variables_overwrite_the_bodys_own_keys(sim: Simulator, receiver: Receiver) -> None:
    made = sim.campaign()
    sim.hook(receiver.url, campaign=made)
    sim.post("/leads", {"campaign": made, "email": "var@hook.com", "custom_variables": {"campaign_id": "mine"}})
    body = sim.play(made, "var@hook.com", "sent")
    assert (body["campaign_id"], body["campaign"]) == ("mine", made)


def test_automatic_replies_are_sent_as_set(sim: Simulator, campaign: str) -> None:
    assert sim.play(campaign, "lead@hook.com", "auto_reply")["event_type"] == "auto_reply_received"
    sim.set(auto_replies_as="reply_received")
    assert sim.play(campaign, "lead@hook.com", "auto_reply")["event_type"] == "reply_received"


def test_other_events(sim: Simulator, campaign: str) -> None:
    assert sim.play(campaign, "lead@hook.com", "bounce")["event_type"] == "email_bounced"
    assert sim.play(campaign, "lead@hook.com", "unsubscribed")["event_type"] == "lead_unsubscribed"
    shown = sim.play(campaign, "lead@hook.com", "account_error")
    assert (shown["event_type"], "lead_email" in shown) == ("account_error", False)
    account = sim.get(f"/accounts/{shown['email_account']}")
    assert (account["status"], account["status_message"]["code"]) == (-1, "EAUTH")
    sim.post(f"/accounts/{shown['email_account']}/mark-fixed")


def test_a_refusal_is_tried_again_and_logged(sim: Simulator, campaign: str, receiver: Receiver) -> None:
    receiver.refuse = 1
    hook = sim.hook(receiver.url, "email_sent")
    sim.play(campaign, "lead@hook.com", "sent")
    first, second = heard(receiver, 2)
    assert first == second
    rows = wait_for(lambda: len(found := sim.get("/webhook-events", search=receiver.url)["items"]) == 2 and found)
    good, bad = rows
    assert (good["success"], good["retry_count"], good["will_retry"]) == (True, 1, False)
    assert (bad["success"], bad["status_code"], bad["will_retry"], bad["retry_successful"]) == (False, 500, True, True)
    assert good["retry_group_id"] == bad["retry_group_id"]
    assert good["payload"]["lead_email"] == good["lead_email"] == "lead@hook.com"
    assert sim.get(f"/webhook-events/{good['id']}") == good
    assert sim.get("/webhook-events", success=False, search="lead@hook.com")["items"][0]["id"] == bad["id"]
    assert sim.get("/webhook-events/summary")["total_events"] >= 2
    assert sim.get("/webhook-events/summary-by-date")["items"]
    assert sim.get(f"/webhooks/{hook}")["status"] == 1


def test_failures_disable_a_subscription_until_it_is_resumed(sim: Simulator, campaign: str, receiver: Receiver) -> None:
    sim.set(disable_after=2)
    receiver.refuse = 2
    hook = sim.hook(receiver.url, "email_opened")
    sim.play(campaign, "lead@hook.com", "open")
    off = wait_for(lambda: (one := sim.get(f"/webhooks/{hook}"))["status"] == -1 and one)
    assert off["timestamp_error"]
    sim.play(campaign, "lead@hook.com", "open")
    on = sim.post(f"/webhooks/{hook}/resume")
    assert (on["status"], "timestamp_error" in on) == (1, False)
    sim.play(campaign, "lead@hook.com", "open")
    # What happened in between is never sent.
    assert len(heard(receiver, 3)) == 3


def test_an_outage_holds_everything_back(sim: Simulator, campaign: str, receiver: Receiver) -> None:
    sim.hook(receiver.url)
    sim.faults(webhook_outage=True)
    for event in ("sent", "open", "reply"):
        sim.play(campaign, "lead@hook.com", event)
    assert receiver.bodies == []
    sim.faults()
    assert sorted(body["event_type"] for body in heard(receiver, 3)) == ["email_opened", "email_sent", "reply_received"]


def test_duplicates_and_disorder(sim: Simulator, campaign: str, receiver: Receiver) -> None:
    sim.set(duplicates=1, order="scattered")
    sim.hook(receiver.url, "email_opened")
    for _ in range(5):
        sim.play(campaign, "lead@hook.com", "open")
    bodies = [json.dumps(body) for body in heard(receiver, 10)]
    assert (len(bodies), len(set(bodies))) == (10, 5)


def test_a_test_is_always_a_200(sim: Simulator, receiver: Receiver) -> None:
    hook = sim.hook(receiver.url)
    shown = sim.post(f"/webhooks/{hook}/test")
    assert (shown["success"], shown["status_code"], shown["message"]) == (True, 200, "Webhook test successful")
    receiver.refuse = 1
    shown = sim.post(f"/webhooks/{hook}/test")
    assert (shown["success"], shown["status_code"]) == (False, 500)
    dead = sim.hook("http://127.0.0.1:9/")
    assert sim.post(f"/webhooks/{dead}/test")["success"] is False


def test_subscriptions(sim: Simulator, campaign: str) -> None:
    first, second = (
        sim.hook("https://example.com/1"),
        sim.hook("https://example.com/2", "email_sent", campaign=campaign),
    )
    page = sim.get("/webhooks")
    assert [row["id"] for row in page["items"]] == [second, first]
    assert "next_starting_after" not in page
    assert sim.get("/webhooks", limit=1)["next_starting_after"] == second
    assert [row["id"] for row in sim.get("/webhooks", campaign=campaign)["items"]] == [second]
    assert sim.patch(f"/webhooks/{first}", {"name": "Other"})["name"] == "Other"
    assert len(sim.get("/webhooks/event-types")["event_types"]) == 18
    wrong = sim.ask("POST", "/webhooks", {"target_hook_url": "ftp://x"})
    assert wrong.json()["message"] == 'body/target_hook_url must match pattern "^https?://"'
    sim.faults(webhook_plan=True)
    assert sim.ask("POST", "/webhooks", {"target_hook_url": "https://x.com"}).status_code == 402


def test_a_campaign_that_is_done_says_so(own: Callable[..., Simulator], receiver: Receiver) -> None:
    sim = own()
    made = sim.campaign()
    sim.hook(receiver.url, "campaign_completed")
    sim.add(made, "one@done.com")
    sim.play(made, "one@done.com", "sent")
    sim.post(f"/campaigns/{made}/activate")
    shown = heard(receiver)[0]
    assert (shown["event_type"], shown["campaign_id"], "lead_email" in shown) == ("campaign_completed", made, False)
    sim.set(completed_per="lead")
    sim.add(made, "two@done.com")
    sim.play(made, "two@done.com", "sent")
    assert heard(receiver, 2)[1]["lead_email"] == "two@done.com"
