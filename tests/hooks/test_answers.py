"""What is no person's answer stops no person: machines' answers, delivery reports, mails of our own; and labels."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.engine import add_leads, draft, wait_for
from tests.hooks.stories import Person, Scene, changed


def answer(scene: Scene, person: Person, text: str, **more: Any) -> None:
    """Have a person's mailbox answer in these words."""
    body = scene.retold("live/email_reply", person)
    said = {**json.loads(body)["reply_message"], "text": text, "html": ""}
    sent = changed(body, reply_message=said, preview_text=text, reply_body=text, **more)
    assert scene.send(sent).status_code == 200
    assert scene.send(sent).status_code == 200
    stored = scene.settled()
    assert {(row["state"], row["reason"]) for row in stored} <= {("projected", None)}


def test_a_machines_answer_is_an_event_and_no_answer(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person = scene.people.pop()
    second = draft(scene.company)
    add_leads(scene.company, second, [person.email])
    text = "I am out of the office until 5 January. In urgent cases please contact my colleague."
    answer(scene, person, text, subject="Automatic reply: Hi Jason", reply_category=6)
    assert scene.types(person) == Counter({"message.auto_replied": 1})
    data = scene.events(lead_id=person.lead_id)[0]["data"]
    assert (data["text"], data["until"], data["from"]) == (text, "2027-01-05", person.email)
    conversations = scene.company.api.get("/v1/conversations", params={"lead_id": person.lead_id}).json()["data"]
    assert conversations == []
    figures = scene.company.api.get(f"/v1/campaigns/{scene.campaign}/stats").json()
    before = figures["messages"]["replied"]
    answer(scene, person, "Back already: yes, tell me more.", message_id=f"<later-{person.message_id}>")
    assert scene.types(person)["message.replied"] == 0  # the same message, whatever is said of it later
    assert scene.company.api.get(f"/v1/campaigns/{scene.campaign}/stats").json()["messages"]["replied"] == before


def test_who_is_away_rests_until_the_day_that_is_stated(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person, other = scene.people.pop(), scene.people.pop()
    second = draft(scene.company)
    add_leads(scene.company, second, [person.email, other.email])
    back = datetime.now(UTC).date() + timedelta(days=20)
    answer(scene, person, f"I am out of the office until {back.isoformat()}. In urgent cases please call my colleague.")
    answer(scene, other, "I am out of the office. In urgent cases please contact my colleague.")

    def at_provider() -> str:
        with scene.engine.control as control:
            leads = control.get(f"/campaigns/{scene.external_id}/leads").json()
        return {row["email"]: row["status"] for row in leads}[person.email]

    for campaign in (scene.campaign, second):
        enrolment = scene.enrolment(person, campaign)
        assert (enrolment["status"], enrolment["rests_until"]) == ("paused", back.isoformat())
    assert (scene.enrolment(other)["status"], scene.enrolment(other)["rests_until"]) == ("active", None)
    assert scene.enrolment(other, second)["status"] == "queued"
    wait_for("the pause there", lambda: at_provider() == "PAUSED")
    path = f"/v1/campaigns/{second}/leads/{person.lead_id}"
    assert scene.company.api.post(f"{path}/pause").json()["rests_until"] is None, "paused by hand it stays"
    scene.engine.time_passes(
        "update outbound.campaign_leads set rests_until = rests_until - 20 where lead_id = %s", person.lead_id
    )
    wait_for("going on", lambda: scene.enrolment(person)["status"] == "active", 60)
    wait_for("going on there", lambda: at_provider() != "PAUSED", 60)
    assert scene.enrolment(person, second)["status"] == "paused"
    assert scene.company.api.post(f"{path}/resume").json()["status"] == "queued"


def test_a_persons_answer_counts_after_a_machines(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person = scene.people.pop()
    answer(scene, person, "Ich bin bis 3. Januar im Urlaub. Vielen Dank für Ihre Nachricht.")
    later = scene.retold("live/email_reply", person).replace(
        person.message_id.encode(), b"b-" + person.message_id.encode()
    )
    assert scene.send(later).status_code == 200
    scene.settled()
    assert scene.types(person) == Counter({"message.auto_replied": 1, "message.replied": 1})
    assert scene.enrolment(person)["status"] == "replied"
    assert scene.enrolment(person)["rests_until"] is None


def test_what_our_own_mailbox_wrote_is_nothing(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person = scene.people.pop()
    mailbox = scene.company.api.get("/v1/senders").json()["data"][0]["address"]
    ours = {"targetLeadEmail": person.email, "replyReceivedFrom": mailbox.upper()}
    answer(scene, person, "Did my note reach you?", leadCorrespondence=ours)
    assert scene.types(person) == Counter()
    assert scene.enrolment(person)["status"] == "active"


def test_a_report_that_a_mail_came_back_is_a_bounce(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    dead, full = scene.people.pop(), scene.people.pop()
    said = {"targetLeadEmail": dead.email, "replyReceivedFrom": "mailer-daemon@mail.example"}
    answer(scene, dead, "Address not found. 550 5.1.1 The account does not exist.", leadCorrespondence=said)
    answer(scene, full, "452 4.2.2 The recipient's mailbox is full.", subject="Undeliverable: Hi Jason")
    for person, kind, status in ((dead, "hard", "bounced"), (full, "soft", "active")):
        assert scene.types(person) == Counter({"message.bounced": 1})
        assert scene.events(lead_id=person.lead_id)[0]["data"]["kind"] == kind
        assert scene.enrolment(person)["status"] == status


def test_a_category_is_a_label_in_our_words(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person = scene.people.pop()
    names = ("Not Interested", "Out Of Office", "Wrong Person", "Q3 nochmal", "Interested", "Do Not Contact")
    for number, name in enumerate(names):
        body = scene.retold("live/lead_category_updated", person)
        label = {"old_id": None, "old_name": None, "new_id": number, "new_name": name}
        moment = f"2026-07-12T14:00:{number:02}.000Z"
        data = {"category": {"name": name, "sentiment_type": None}}
        sent = changed(body, lead_category=label, category=name, event_timestamp=moment, lead_data=data)
        assert [scene.send(sent).status_code for _ in range(2)] == [200, 200]
    scene.settled()
    labels = [event["data"]["label"] for event in scene.events(lead_id=person.lead_id, type="lead.labelled")]
    assert sorted(labels) == sorted(
        ["not_interested", "out_of_office", "wrong_person", "other", "interested", "do_not_contact"]
    )
    assert scene.types(person) == Counter({"lead.labelled": 6, "lead.interested": 1, "lead.unsubscribed": 1})
    listed = scene.company.api.get("/v1/suppressions", params={"value": person.email}).json()["data"]
    assert [row["source"] for row in listed] == ["unsubscribed"]
