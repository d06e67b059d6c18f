"""The simulator plays campaigns out by itself, and goes on where it was killed."""

from collections.abc import Callable
from typing import Any

from providers.simulators.smartlead.script import script
from tests.providers.smartlead.simulator_fixture import Receiver, Simulator, own, receiver, wait_for

__all__ = ["own", "receiver"]

EMAILS = [f"lead{number}@played.com" for number in range(60)]


def analytics(sim: Simulator, campaign: int) -> dict[str, Any]:
    return sim.get(f"/campaigns/{campaign}/analytics")


def planned(event: str) -> set[str]:
    return {email for email in EMAILS if event in kinds(email)}


def kinds(email: str) -> list[str]:
    return [act.partition(":")[0] for _, act in script(email) if not act.startswith("category")]


def shown(receiver: Receiver, event_type: str) -> set[str]:
    return {body["to_email"] for body in receiver.of_type(event_type)}


def test_the_script_keeps_its_promised_shares() -> None:
    acts = [kinds(f"person{number}@share.com") for number in range(20_000)]
    expected = {"open": 0.39, "click": 0.10, "reply": 0.06, "auto_reply": 0.02, "bounce": 0.03, "unsubscribed": 0.02}
    for event, share in expected.items():
        found = sum(event in row for row in acts) / len(acts)
        assert abs(found - share) < 0.01, event
    assert all(row == ["bounce"] for row in acts if "bounce" in row)


def test_an_active_campaign_plays_itself_out(own: Callable[..., Simulator], receiver: Receiver) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=2)
    campaign = sim.ready_campaign(*EMAILS[:40], url=receiver.url)
    sim.start_campaign(campaign)
    wait_for(lambda: analytics(sim, campaign)["sent_count"] == "40")
    sim.add(campaign, *EMAILS[40:])
    wait_for(lambda: len(shown(receiver, "EMAIL_SENT")) == len(EMAILS))
    for event, event_type in (("open", "EMAIL_OPEN"), ("bounce", "EMAIL_BOUNCE")):
        wait_for(lambda kind=event_type, act=event: shown(receiver, kind) == planned(act))
    answering = planned("reply") | planned("auto_reply")
    wait_for(lambda: shown(receiver, "EMAIL_REPLY") == answering)
    figures = analytics(sim, campaign)
    assert figures["reply_count"] == str(len(answering))
    dead = {email for email in EMAILS if "bounce:hard" in [act for _, act in script(email)]}
    assert figures["campaign_lead_stats"]["blocked"] == len(dead)
    assert figures["campaign_lead_stats"]["notStarted"] == 0


def test_paused_campaigns_and_leads_do_not_play(own: Callable[..., Simulator]) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=1)
    resting = sim.ready_campaign("rest@played.com")
    sim.start_campaign(resting)
    wait_for(lambda: analytics(sim, resting)["sent_count"] == "1")
    sim.post(f"/campaigns/{resting}/status", {"status": "PAUSED"})
    sim.add(resting, "later@played.com")
    active = sim.ready_campaign("goes@played.com", "waits@played.com")
    waits = sim.get("/leads", email="waits@played.com")["id"]
    sim.post(f"/campaigns/{active}/leads/{waits}/pause")
    sim.start_campaign(active)
    wait_for(lambda: analytics(sim, active)["sent_count"] == "1")
    assert analytics(sim, active)["campaign_lead_stats"]["paused"] == 1
    assert analytics(sim, resting)["sent_count"] == "1"
    sim.post(f"/campaigns/{active}/leads/{waits}/resume")
    sim.post(f"/campaigns/{resting}/status", {"status": "START"})
    wait_for(lambda: analytics(sim, active)["sent_count"] == "2")
    wait_for(lambda: analytics(sim, resting)["sent_count"] == "2")


def test_a_kill_loses_nothing(own: Callable[..., Simulator], receiver: Receiver) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=15)
    campaign = sim.ready_campaign(*EMAILS, url=receiver.url)
    sim.start_campaign(campaign)
    for share in (10, 25, 40):
        wait_for(lambda least=share: len(shown(receiver, "EMAIL_SENT")) >= least)
        sim.kill()
        sim.start()
    wait_for(lambda: shown(receiver, "EMAIL_SENT") == set(EMAILS))
    for event, event_type in (
        ("open", "EMAIL_OPEN"),
        ("click", "EMAIL_LINK_CLICK"),
    ):
        wait_for(lambda kind=event_type, act=event: shown(receiver, kind) == planned(act))
    wait_for(lambda: shown(receiver, "EMAIL_REPLY") == planned("reply") | planned("auto_reply"))
    assert analytics(sim, campaign)["sent_count"] == str(len(EMAILS))
    messages = {body["message_id"] for body in receiver.of_type("EMAIL_SENT")}
    assert len(messages) == len(EMAILS)
    assert [line["effect"] for line in sim.ledger(campaign)] == ["added"] * len(EMAILS)


def test_an_undelivered_webhook_outlives_the_process(own: Callable[..., Simulator], receiver: Receiver) -> None:
    sim = own()
    campaign = sim.ready_campaign("waiting@played.com", url=receiver.url)
    receiver.refuse = 1
    body = sim.play(campaign, "waiting@played.com", "sent")
    wait_for(lambda: receiver.bodies)
    sim.kill()
    sim.start()
    wait_for(lambda: len(receiver.bodies) >= 2)
    assert receiver.bodies[-1] == body
