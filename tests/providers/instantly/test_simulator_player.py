"""Playing sequences out, what is counted of it, and the unibox."""

from collections.abc import Callable

import pytest

from providers.simulators.instantly.script import script
from tests.providers.instantly.simulator_fixture import Simulator, own, running, sim, step, wait_for

__all__ = ["own", "running", "sim"]


def sent_steps(sim: Simulator, email: str) -> list[int]:
    mails = sim.control.get("/emails", params={"lead": email}).json()
    return [mail["step"] for mail in mails if mail["ue_type"] == 1]


def quiet(number: int) -> str:
    """Return an address whose owner does nothing at all."""
    return [mail for mail in (f"q{place}@quiet.com" for place in range(200)) if not script(mail)][number]


def test_who_does_what_depends_on_the_address() -> None:
    acts = [script(f"lead{number}@story.com") for number in range(4000)]
    shares = {
        name: len([one for one in acts if name in {event for _, event in one}]) / 4000 for name in ("open", "reply")
    }
    assert shares == pytest.approx({"open": 0.39, "reply": 0.058}, abs=0.03)
    assert script("lead1@story.com") == script("lead1@story.com")


def test_steps_wait_for_their_delay_on_the_clock(sim: Simulator) -> None:
    campaign = sim.campaign(step(1, days=3), step(2, days=1, subject=""), step(3))
    email = quiet(0)
    sim.add(campaign, email)
    sim.set(autoplay=True, pace_ms=0)
    sim.post(f"/campaigns/{campaign}/activate")
    wait_for(lambda: sent_steps(sim, email) == [0])
    sim.clock(advance=2 * 86_400)
    assert sim.lead(campaign, email)["status"] == 1
    sim.clock(advance=86_400)
    wait_for(lambda: sent_steps(sim, email) == [0, 1])
    sim.clock(advance=86_400)
    wait_for(lambda: sent_steps(sim, email) == [0, 1, 2])
    lead = sim.lead(campaign, email)
    assert (lead["status"], lead["status_summary"]["lastStep"]["stepID"]) == (3, "0_2_0")
    wait_for(lambda: sim.get(f"/campaigns/{campaign}")["status"] == 3)
    rows = sim.get("/emails", lead=email, sort_order="asc")["items"]
    assert [row["step"] for row in rows] == ["0_0_0", "0_1_0", "0_2_0"]
    assert [row["subject"] for row in rows] == ["Hi Jo 1", "Re: Hi Jo 1", "Hi Jo 3"]
    assert rows[0]["body"]["html"] == "<p>Step 1 for Acme</p>"
    sim.add(campaign, quiet(1))
    assert sim.get(f"/campaigns/{campaign}")["status"] == 1


def test_a_reply_ends_the_sequence(sim: Simulator) -> None:
    campaign = sim.campaign(step(1, days=0), step(2))
    sim.add(campaign, quiet(2))
    sim.play(campaign, quiet(2), "reply", text="Yes <please>")
    lead = sim.lead(campaign, quiet(2))
    assert (lead["status"], lead["email_reply_count"], lead["email_replied_step"]) == (3, 1, 1)
    sim.set(replied_status=1, autoplay=True, pace_ms=0)
    sim.post(f"/campaigns/{campaign}/activate")
    wait_for(lambda: sim.get(f"/campaigns/{campaign}")["status"] == 3)
    assert sent_steps(sim, quiet(2)) == [0]


def test_an_unsubscribe_is_of_one_campaign(sim: Simulator) -> None:
    first, second = sim.campaign(), sim.campaign()
    for campaign in (first, second):
        sim.add(campaign, "leave@here.com")
    sim.play(first, "leave@here.com", "unsubscribed")
    assert [sim.lead(one, "leave@here.com")["status"] for one in (first, second)] == [-2, 1]
    assert sim.add(sim.campaign(), "leave@here.com")["leads_uploaded"] == 1


def test_too_many_bounces_stop_a_campaign(own: Callable[..., Simulator]) -> None:
    sim = own()
    sim.set(bounce_protect=0.2)
    campaign = sim.campaign()
    emails = [f"b{number}@bounce.com" for number in range(25)]
    sim.add(campaign, *emails, "later@bounce.com")
    for place, email in enumerate(emails):
        sim.play(campaign, email, "bounce" if place % 2 else "sent")
    sim.post(f"/campaigns/{campaign}/activate")
    wait_for(lambda: sim.get(f"/campaigns/{campaign}")["status"] == -2)


def test_figures_add_up(own: Callable[..., Simulator]) -> None:
    sim = own()
    assert sim.get("/campaigns/analytics") == []
    campaign = sim.campaign(step(1), step(2), pl_value=500)
    sim.add(campaign, "a@fig.com", "b@fig.com")
    for event in ("sent", "open", "open", "click"):
        sim.play(campaign, "a@fig.com", event)
    sim.play(campaign, "a@fig.com", "reply", step=2)
    sim.play(campaign, "a@fig.com", "interest", value=2)
    sim.play(campaign, "b@fig.com", "auto_reply")
    whole = sim.get("/campaigns/analytics", id=campaign)[0]
    expected = {
        "leads_count": 2,
        "contacted_count": 2,
        "emails_sent_count": 3,
        "new_leads_contacted_count": 2,
        "open_count": 2,
        "open_count_unique": 1,
        "link_click_count": 1,
        "reply_count": 1,
        "reply_count_automatic": 1,
        "total_opportunities": 1,
        "total_opportunity_value": 500,
    }
    assert {name: whole[name] for name in expected} == expected
    overview = sim.get("/campaigns/analytics/overview", ids=[campaign])
    assert (overview["total_meeting_booked"], overview["emails_sent_count"]) == (1, 3)
    assert "completed_count" not in overview
    steps = sim.get("/campaigns/analytics/steps", campaign_id=campaign, include_opportunities_count=True)
    assert [(row["step"], row["sent"], row["replies"]) for row in steps if row["step"]] == [("1", 2, 0), ("2", 1, 1)]
    daily = sim.get("/campaigns/analytics/daily", campaign_id=campaign)
    assert [(row["sent"], row["unique_opened"]) for row in daily] == [(3, 1)]
    rows = sim.get("/accounts/analytics/daily")
    assert (rows[-1]["email_account"], sum(row["sent"] for row in rows)) == ("", 3)
    sim.set(account_daily="documented")
    assert sim.ask("GET", "/accounts/analytics/daily").status_code == 400


def test_the_unibox(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.add(campaign, "box@uni.com")
    before = sim.get("/emails/unread/count")["count"]
    shown = sim.play(campaign, "box@uni.com", "reply", text="Sure")
    received = sim.get(f"/emails/{shown['email_id']}")
    thread = received["thread_id"]
    assert (received["ue_type"], received["is_unread"], thread[:3]) == (2, 1, f"{campaign[:2]}-")
    assert len(thread) == 26
    assert received["timestamp_created"].endswith(".000Z")
    assert len(sim.get("/emails", search=f"thread:{thread}")["items"]) == 2
    assert sim.get("/emails", search="box@uni.com", email_type="received", is_unread=True)["items"] == [received]
    assert sim.get("/emails/unread/count")["count"] == before + 1
    assert sim.post(f"/emails/threads/{thread}/mark-as-read") == {"success": True}
    assert sim.post("/emails/threads/unknown/mark-as-read") == {"success": True}
    assert sim.patch(f"/emails/{received['id']}", {"is_unread": 1})["is_unread"] == 1
    newest = sim.get("/emails", campaign_id=campaign, latest_of_thread=True, preview_only=True)["items"]
    assert [(row["id"], row["body"]) for row in newest] == [(received["id"], {})]
    assert sim.delete(f"/emails/{received['id']}")["id"] == received["id"]


def test_answering_by_hand(sim: Simulator) -> None:
    campaign = sim.campaign()
    sim.add(campaign, "hand@uni.com")
    shown = sim.play(campaign, "hand@uni.com", "reply", text="Sure")
    box = shown["email_account"]
    body = {"eaccount": box, "reply_to_uuid": shown["email_id"], "subject": "Re: Hi", "body": {"text": "One\ntwo"}}
    made = sim.post("/emails/reply", body)
    assert (made["ue_type"], made["to_address_email_list"], "step" in made) == (3, "hand@uni.com", False)
    assert made["body"]["html"].startswith("<!DOCTYPE html>")
    assert made["message_id"].startswith("<ins-u-1-")
    listed = sim.get(f"/emails/{made['id']}")
    assert (listed["message_id"], listed["timestamp_created"][-5:]) == (made["message_id"], ".000Z")
    own_mail = sim.get("/emails", lead="hand@uni.com", email_type="sent")["items"][0]
    assert sim.post("/emails/reply", {**body, "reply_to_uuid": own_mail["id"]})["to_address_email_list"] == box
    forward = {**body, "to_address_email_list": "boss@uni.com", "include_original_body": True, "body": {"text": "See"}}
    assert "Sure" in sim.post("/emails/forward", forward)["body"]["html"]
    unknown = sim.ask("POST", "/emails/reply", {**body, "eaccount": "no@box.com"})
    assert (unknown.status_code, unknown.json()["message"]) == (404, "Email account not found")
    assert sim.lead(campaign, "hand@uni.com")["last_contacted_from"] == box
    test = {"eaccount": box, "to_address_email_list": "a@b.com", "subject": "x", "body": {"html": "x"}}
    assert sim.post("/emails/test", test) == {"status": "success"}
    assert sim.post("/emails/test", {**test, "eaccount": "no@box.com"}) == {"error": "ACC_NOT_FOUND"}
