"""Every sample in any order and number becomes each fact once, in neutral words, and moves people on."""

from collections import Counter
from collections.abc import Iterable
from itertools import permutations

import pytest

from tests.engine import Engine, add_leads, draft, start, wait_for
from tests.hooks.stories import PAYLOADS, Person, Scene, build, changed, deliver, external

FACTS = {
    "live/email_sent": "message.sent", "live/first_email_sent": "message.sent", "live/email_open": "message.opened",
    "live/email_link_click": "message.clicked", "live/email_reply": "message.replied",
    "live/email_reply_inverted_direction": "message.replied", "live/email_bounce": "message.bounced",
    "live/email_bounce_without_lead_ids": "message.bounced",
    "live/email_bounce_sender_originated": "message.bounced", "live/lead_unsubscribed": "lead.unsubscribed",
    "live/lead_category_updated": "lead.interested", "live/campaign_status_changed": None,
    "live/manual_step_reached": None,
    "docs/email_sent": "message.sent", "docs/email_open": "message.opened", "docs/email_link_click": "message.clicked",
    "docs/email_reply": "message.replied", "docs/email_bounce": "message.bounced",
    "docs/lead_unsubscribed": "lead.unsubscribed", "docs/nested_email_replied": "message.replied",
    "docs/nested_guide_email_opened": "message.opened", "docs/email_account_disconnected": None,
}  # fmt: skip
DIALECTS = {
    "live": [name for name in FACTS if name.startswith("live/")],
    "docs": [name for name in FACTS if name.startswith("docs/") and "nested" not in name],
    "nested": [name for name in FACTS if "nested" in name],
}


def facts(names: Iterable[str]) -> Counter[str]:
    """Return what samples come down to: each fact once, and with an interest the label that says so."""
    found = {fact for name in names if (fact := FACTS[name])}
    return Counter(found | ({"lead.labelled"} if "lead.interested" in found else set()))


def test_every_sample_has_its_meaning_here() -> None:
    assert {str(path.relative_to(PAYLOADS))[:-5] for path in PAYLOADS.rglob("*.json")} == set(FACTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_sample_three_times_in_any_order_is_each_fact_once(dialect: str, scenes: tuple[Scene, Scene]) -> None:
    names = DIALECTS[dialect]
    cast = [(scene, scene.people.pop()) for scene in scenes]
    deliver([(scene, scene.retold(name, person)) for scene, person in cast for name in names for _ in range(3)])
    for scene, person in cast:
        stored = scene.kept({scene.retold(name, person) for name in names})
        assert {(row["state"], row["reason"]) for row in stored} == {("projected", None)}
        assert scene.types(person) == facts(names)
        sequences = [event["sequence"] for event in scene.events()]
        assert sequences == list(range(1, len(sequences) + 1))


def test_both_dialects_of_one_story_are_each_fact_once(scenes: tuple[Scene, Scene]) -> None:
    cast = [(scene, scene.people.pop()) for scene in scenes]
    # Without any message id a reply looks like any other: those two say what the others said, differently.
    names = [name for name in FACTS if name not in ("docs/email_reply", "docs/nested_email_replied")]
    deliver([(scene, scene.retold(name, person)) for scene, person in cast for name in names for _ in range(3)])
    for scene, person in cast:
        scene.settled()
        assert scene.types(person) == facts(names)


def test_an_event_says_where_it_belongs_and_nothing_of_the_provider(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person = scene.people.pop()
    for name in DIALECTS["live"]:
        assert scene.send(scene.retold(name, person)).status_code == 200
    scene.settled()
    for event in scene.events(lead_id=person.lead_id):
        assert (event["campaign_id"], event["company_id"]) == (scene.campaign, scene.company.id)
        shown = str(event).lower()
        for theirs in ("smartlead", person.external_id, person.map_id, person.stats_id, "secret_key", "671685"):
            assert theirs not in shown, (theirs, event)
    replied = scene.events(lead_id=person.lead_id, type="message.replied")[0]
    assert replied["data"]["text"] == "Yes"
    assert replied["occurred_at"].startswith("2026-07-11T13:53:30")
    clicked = scene.events(lead_id=person.lead_id, type="message.clicked")[0]
    assert clicked["data"]["url"] == "https://acme.example/demo"


def test_a_click_on_no_link_of_the_campaigns_has_no_url(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person = scene.people.pop()
    click = scene.retold("live/email_link_click", person)
    assert (
        scene.send(click.replace(b"https://acme.example/demo", b"https://open.tracker.example/c/1")).status_code == 200
    )
    scene.settled()
    (clicked,) = scene.events(lead_id=person.lead_id)
    assert (clicked["type"], clicked["data"]["url"]) == ("message.clicked", None)


ENDINGS = {
    ("live/email_sent", "live/email_open"): "active",
    ("live/email_sent", "live/email_reply"): "replied",
    ("live/email_reply", "live/email_bounce"): "bounced",
    ("live/email_reply", "live/email_bounce", "live/lead_unsubscribed"): "unsubscribed",
    ("live/email_sent", "live/email_bounce_sender_originated"): "active",
    ("docs/email_reply", "docs/lead_unsubscribed"): "unsubscribed",
    ("live/email_reply_inverted_direction",): "replied",
    ("live/lead_category_updated",): "active",
}


def test_unsubscribed_outranks_bounced_outranks_replied_in_every_order(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[1]
    expected: list[tuple[Person, str, tuple[str, ...]]] = []
    for names, ending in ENDINGS.items():
        for order in permutations(names) if len(names) == 2 else [names]:
            person = scene.people.pop()
            for name in order:
                assert scene.send(scene.retold(name, person)).status_code == 200
            expected.append((person, ending, order))
    scene.settled()
    for person, ending, order in expected:
        assert scene.enrolment(person)["status"] == ending, order


def test_who_unsubscribes_is_suppressed_and_never_handed_over_again(scenes: tuple[Scene, Scene]) -> None:
    scene, other = scenes
    person = scene.people.pop()
    assert scene.send(scene.retold("live/lead_unsubscribed", person)).status_code == 200
    scene.settled()
    listed = scene.company.api.get("/v1/suppressions", params={"limit": 200}).json()["data"]
    ours = [row for row in listed if row["value"] == person.email]
    assert [(row["kind"], row["source"]) for row in ours] == [("email", "unsubscribed")]
    second = draft(scene.company)
    counts = add_leads(scene.company, second, [person.email.upper()])["counts"]
    assert (counts["suppressed"], counts["added"]) == (1, 0)
    foreign = draft(other.company)
    assert add_leads(other.company, foreign, [person.email])["counts"]["added"] == 1


def test_who_replies_is_stopped_in_the_companys_other_campaigns_alone(scenes: tuple[Scene, Scene]) -> None:
    scene, other = scenes
    person, bystander = scene.people.pop(), scene.people.pop()
    second, waiting = draft(scene.company), draft(scene.company)
    foreign = draft(other.company)
    add_leads(scene.company, second, [person.email, bystander.email])
    add_leads(scene.company, waiting, [person.email, bystander.email])
    add_leads(other.company, foreign, [person.email])
    start(scene.company, second)
    assert scene.send(scene.retold("live/email_reply", person)).status_code == 200
    scene.settled()
    assert scene.enrolment(person)["status"] == "replied"
    assert scene.enrolment(person, second)["status"] == "stopped"
    assert scene.enrolment(person, waiting)["status"] == "stopped"
    assert scene.enrolment(person, waiting)["push"]["state"] == "suppressed"
    assert scene.enrolment(bystander, second)["status"] == "active"
    theirs = other.company.api.get(f"/v1/campaigns/{foreign}/leads").json()["data"]
    assert [row["status"] for row in theirs] == ["queued"]
    external_id = external(scene.engine, second)

    def paused() -> bool:
        with scene.engine.control as control:
            leads = control.get(f"/campaigns/{external_id}/leads").json()
        return {row["email"]: row["status"] for row in leads}[person.email] == "PAUSED"

    wait_for("the provider's stop", paused)


def test_who_unsubscribes_after_a_bounce_has_stopped_them_has_unsubscribed(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person = scene.people.pop()
    assert scene.send(scene.retold("live/email_bounce", person)).status_code == 200
    scene.settled()

    def stopped() -> bool:
        with scene.engine.sql() as sql:
            query = "select stop_state from outbound.campaign_leads where lead_id = %s"
            return [row["stop_state"] for row in sql.execute(query, [person.lead_id])] == ["done"]

    wait_for("the stop that the bounce brings about", stopped)
    with scene.engine.control as control:
        leads = control.get(f"/campaigns/{scene.external_id}/leads").raise_for_status().json()
    assert {row["email"]: row["is_unsubscribed"] for row in leads}[person.email] is False, "an echo would follow"
    assert scene.send(scene.retold("live/lead_unsubscribed", person)).status_code == 200
    scene.settled()
    assert scene.types(person) == Counter({"message.bounced": 1, "lead.unsubscribed": 1})
    assert scene.enrolment(person)["status"] == "unsubscribed"
    listed = scene.company.api.get("/v1/suppressions", params={"limit": 200}).json()["data"]
    assert [row["source"] for row in listed if row["value"] == person.email] == ["unsubscribed"]


def test_a_reply_of_a_person_in_two_messages_is_two_events(scenes: tuple[Scene, Scene]) -> None:
    scene = scenes[0]
    person = scene.people.pop()
    first = scene.retold("live/email_reply", person)
    second = first.replace(person.message_id.encode(), b"another-" + person.message_id.encode())
    for body in (first, second, first, second):
        assert scene.send(body).status_code == 200
    scene.settled()
    assert scene.types(person)["message.replied"] == 2


def test_what_a_disconnected_account_still_tells_is_stored_and_read(
    engine: Engine, scenes: tuple[Scene, Scene]
) -> None:
    scene = build(engine, engine.new_organization(), "Disconnected", people=1)
    person = scene.people.pop()
    with engine.sql() as sql:
        sql.execute("update outbound.connections set status = 'disconnected' where id = %s", [scene.connection])
    assert scene.send(scene.retold("live/email_open", person)).status_code == 200
    assert {row["state"] for row in scene.settled()} == {"projected"}
    assert scene.types(person) == Counter({"message.opened": 1})


def test_hundreds_of_webhooks_at_once_are_gapless_and_complete(scenes: tuple[Scene, Scene]) -> None:
    person = [scene.people.pop() for scene in scenes]
    bodies = [
        (scene, changed(scene.retold("live/email_open", who), stats_id=f"{number:08d}-1111-4222-8333-944445555666"))
        for scene, who in zip(scenes, person, strict=True)
        for number in range(120)
    ]
    deliver(bodies * 2)
    for scene, who in zip(scenes, person, strict=True):
        scene.settled()
        assert scene.types(who) == Counter({"message.opened": 120})
        sequences = [event["sequence"] for event in scene.events()]
        assert sequences == list(range(1, len(sequences) + 1))
