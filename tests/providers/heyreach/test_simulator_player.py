"""The simulator plays campaigns out by itself, and goes on where it was killed."""

import time
from collections.abc import Callable
from typing import Any

from providers.simulators.heyreach.script import script
from tests.providers.heyreach.simulator_fixture import (
    END,
    Receiver,
    Simulator,
    invite,
    lead,
    message,
    node,
    own,
    receiver,
    url_of,
    wait_for,
)

__all__ = ["own", "receiver"]

PEOPLE = [f"played-{number}" for number in range(60)]
CONNECTED = {url_of(slug) for slug in PEOPLE if not script(url_of(slug)).fails}
ACCEPTING = {url for url in CONNECTED if script(url).accepts}
WRITTEN_TO = {url for url in ACCEPTING if not script(url).fails_later}
REPLYING = {url for url in WRITTEN_TO if script(url).replies}
HOOKS = (
    "CONNECTION_REQUEST_SENT",
    "CONNECTION_REQUEST_ACCEPTED",
    "MESSAGE_SENT",
    "MESSAGE_REPLY_RECEIVED",
    "EVERY_MESSAGE_REPLY_RECEIVED",
    "VIEWED_PROFILE",
    "CAMPAIGN_COMPLETED",
)
SEVERAL_TICKS = 0.2
STORY = invite(message("Thanks, {FIRST_NAME}", END), node("VIEW_PROFILE", unconditionalNode=END))


def shown(receiver: Receiver, event_type: str) -> list[str]:
    return [body["lead"]["profile_url"] for body in receiver.of_type(event_type)]


def hooks(sim: Simulator, receiver: Receiver) -> None:
    for event_type in HOOKS:
        sim.hook(receiver.url, event_type)


def test_the_script_keeps_its_promised_shares() -> None:
    parts = [script(url_of(f"person-{number}")) for number in range(10_000)]
    expected = {"fails": 0.03, "accepts": 0.45, "replies": 0.25, "answers_inmail": 0.15}
    for name, share in expected.items():
        found = sum(getattr(part, name) for part in parts) / len(parts)
        assert abs(found - share) < 0.015, name


def test_a_campaign_plays_itself_out(own: Callable[..., Simulator], receiver: Receiver) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=1, hour_s=0.15)
    hooks(sim, receiver)
    campaign = sim.running(*PEOPLE, tree=STORY)
    wait_for(lambda: sim.status(campaign) == "FINISHED", seconds=300)
    expected = {
        "connection_request_sent": CONNECTED,
        "connection_request_accepted": ACCEPTING,
        "message_sent": WRITTEN_TO,
        "message_reply_received": REPLYING,
        "viewed_profile": CONNECTED - ACCEPTING,
        "campaign_completed": CONNECTED - (ACCEPTING - WRITTEN_TO),
    }
    for event_type, people in expected.items():
        wait_for(lambda: len(shown(receiver, event_type)) >= len(people))  # noqa: B023
        assert sorted(shown(receiver, event_type)) == sorted(people)
    again = {url for url in REPLYING if script(url).replies_again}
    wait_for(lambda: len(shown(receiver, "every_message_reply_received")) >= len(REPLYING) + len(again))
    messages = sim.control.get("/messages").json()
    said = [row["profile_url"] for row in messages if row["sender"] == "CORRESPONDENT"]
    assert sorted(said) == sorted([*REPLYING, *again])
    assert receiver.of_type("message_sent")[0]["recent_messages"][0]["message"] == "Thanks, Ada"
    progress = sim.get("/campaign/GetById", campaignId=campaign)["progressStats"]
    assert progress["totalUsersFailed"] == len(PEOPLE) - len(CONNECTED) + len(ACCEPTING - WRITTEN_TO)
    whole = sim.post("/stats/GetOverallStats", {"accountIds": [], "campaignIds": [campaign]})["overallStats"]
    assert (whole["totalMessageReplies"], whole["connectionsAccepted"]) == (len(REPLYING), len(ACCEPTING))


def test_a_kill_loses_nothing_and_repeats_nothing(own: Callable[..., Simulator], receiver: Receiver) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=15, hour_s=0.1)
    hooks(sim, receiver)
    campaign = sim.running(*PEOPLE, tree=STORY)
    for share in (10, 25, 40):
        wait_for(lambda least=share: len(shown(receiver, "connection_request_sent")) >= least)
        sim.kill()
        sim.start()
    wait_for(lambda: set(shown(receiver, "connection_request_sent")) == CONNECTED)
    wait_for(lambda: set(shown(receiver, "message_reply_received")) == REPLYING)
    wait_for(lambda: sim.status(campaign) == "FINISHED")
    whole = sim.post("/stats/GetOverallStats", {"accountIds": [], "campaignIds": [campaign]})["overallStats"]
    assert (whole["connectionsSent"], whole["messagesSent"]) == (len(CONNECTED), len(WRITTEN_TO))
    assert sim.effects(campaign) == [(slug, "added") for slug in PEOPLE]


def test_an_undelivered_webhook_outlives_the_process(own: Callable[..., Simulator], receiver: Receiver) -> None:
    sim = own()
    campaign = sim.running("outlives")
    sim.hook(receiver.url, "VIEWED_PROFILE")
    receiver.refuse = 1
    body = sim.play(campaign, url_of("outlives"), "view")
    wait_for(lambda: receiver.bodies)
    sim.kill()
    sim.start()
    wait_for(lambda: len(receiver.bodies) >= 2)
    assert receiver.bodies[-1] == body


def settled(sim: Simulator, campaign: int) -> dict[str, str]:
    return {url.rpartition("/")[2]: row["status"] for url, row in sim.inside(campaign).items()}


def test_the_clock_decides_how_long_a_step_waits(own: Callable[..., Simulator]) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=0, hour_s=3600)
    sim.clock(speed=0)
    person = next(slug for slug in PEOPLE if url_of(slug) in CONNECTED)
    campaign = sim.draft(person, tree=node("VIEW_PROFILE", 0, unconditionalNode=node("END", 24)))
    sim.set(starting_s=0)
    sim.post("/campaign/StartCampaign", campaignId=campaign)
    wait_for(lambda: settled(sim, campaign) == {person: "InSequence"})
    sim.clock(advance=23 * 3600)
    time.sleep(SEVERAL_TICKS)
    assert settled(sim, campaign) == {person: "InSequence"}
    sim.clock(advance=2 * 3600)
    wait_for(lambda: settled(sim, campaign) == {person: "Finished"})


def test_limits_hours_and_lost_logins_keep_senders_back(own: Callable[..., Simulator]) -> None:
    sim = own(autoplay=True)
    sim.clock(at="2027-03-02T10:00:00Z")
    seat = sim.seats()[0]
    sim.control.patch(f"/accounts/{seat}", json={"limits": {"profileViewLimit": 2}})
    sim.set(pace_ms=0, hour_s=3600, obey_limits=True)
    people = [slug for slug in PEOPLE if url_of(slug) in CONNECTED][:5]
    campaign = sim.running(*people, tree=node("VIEW_PROFILE", 0, unconditionalNode=END), linkedInAccountIds=[seat])

    def viewed() -> int:
        wanted = {"accountIds": [], "campaignIds": [campaign], "startDate": "2027-01-01T00:00:00Z"}
        return sim.post("/stats/GetOverallStats", wanted)["overallStats"]["profileViews"]

    wait_for(lambda: viewed() == 2)
    sim.control.patch(f"/accounts/{seat}", json={"auth_is_valid": False})
    sim.clock(at="2027-03-03T10:00:00Z")
    wait_for(lambda: settled(sim, campaign)[people[0]] == "InSequence")
    assert viewed() == 2
    sim.set(obey_hours=True)
    sim.control.patch(f"/accounts/{seat}", json={"auth_is_valid": True})
    wait_for(lambda: viewed() == 4)
    sim.clock(at="2027-03-04T20:00:00Z")
    time.sleep(SEVERAL_TICKS)
    assert viewed() == 4
    sim.clock(at="2027-03-05T09:30:00Z")
    wait_for(lambda: viewed() == 5)


def test_paused_campaigns_and_stopped_leads_do_not_play(own: Callable[..., Simulator]) -> None:
    sim = own()
    tree = node("VIEW_PROFILE", 0, unconditionalNode=END)
    people = [slug for slug in PEOPLE if url_of(slug) in CONNECTED][:3]
    resting, active = sim.running(people[0], tree=tree), sim.running(*people[1:], tree=tree)
    sim.post("/campaign/Pause", campaignId=resting)
    sim.post("/campaign/StopLeadInCampaign", {"campaignId": active, "leadUrl": url_of(people[1])})
    sim.set(autoplay=True, pace_ms=0)
    wait_for(lambda: settled(sim, active)[people[2]] == "Finished")
    assert settled(sim, resting) == {people[0]: "Pending"}
    assert sim.inside(active)[url_of(people[1])]["place"] == ""
    sim.post("/campaign/Resume", campaignId=resting)
    wait_for(lambda: settled(sim, resting) == {people[0]: "Finished"})


def test_a_campaign_may_be_completed_as_a_whole(own: Callable[..., Simulator], receiver: Receiver) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=0, hour_s=0, completed_for="campaign")
    sim.hook(receiver.url, "CAMPAIGN_COMPLETED")
    campaign = sim.running(*PEOPLE[:8], tree=STORY)
    wait_for(lambda: receiver.bodies)
    assert [body["campaign"] for body in receiver.bodies] == [
        {"name": "Q3 outreach", "id": campaign, "status": "FINISHED"}
    ]


def test_a_lead_without_a_first_name_gets_the_fallback(own: Callable[..., Simulator]) -> None:
    sim = own(autoplay=True)
    sim.set(pace_ms=0)
    person = next(slug for slug in PEOPLE if url_of(slug) in CONNECTED)
    custom: list[dict[str, Any]] = [{"name": "Icebreaker", "value": "Nice talk"}]
    list_id = sim.list_()
    people = [{"profileUrl": url_of(person)}, lead(PEOPLE[-1], customUserFields=custom)]
    sim.post("/list/AddLeadsToListV2", {"listId": list_id, "leads": people})
    body = {
        "name": "Words",
        "linkedInUserListId": list_id,
        "linkedInAccountIds": sim.seats(),
        "sequence": message("{Icebreaker} {{firstName}}", END),
    }
    sim.start_campaign(sim.post("/campaign/Create", body)["campaignId"])
    wait_for(lambda: len(sim.control.get("/messages").json()) >= 2)
    said = {row["profile_url"]: row["body"] for row in sim.control.get("/messages").json() if row["sender"] == "ME"}
    assert said == {url_of(person): "Hello", url_of(PEOPLE[-1]): "Nice talk Ada"}
