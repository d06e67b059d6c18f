"""The parser of Instantly's webhooks: every kind of body gives the fact it tells, and no body does harm."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from providers.instantly import INSTANTLY
from providers.models import Fact, ProviderEvent, UnreadableWebhookError
from tests.providers.instantly.simulator_fixture import Simulator, running, sim, step

__all__ = ["running", "sim"]
CAMPAIGN, EMAIL, MAILBOX = "4ea94d08-5e9f-4d39-8e1b-0090ce895b82", "lead@example.com", "me@sender.example"
MAIL = "019ab465-0036-7b51-9914-3353686e7dc1"
MOMENT = "2026-06-09T16:04:40.963Z"
AT = datetime(2026, 6, 9, 16, 4, 40, 963000, tzinfo=UTC)
FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONGEST_KEY = 1000  # far below what one entry of a Postgres index holds (2,704 bytes)

BASE = {
    "timestamp": MOMENT, "workspace": "8f3e798e-b9d1-4af4-89ca-205202b07ce0", "campaign_id": CAMPAIGN,
    "unibox_url": None, "campaign_name": "signup", "lead_email": EMAIL, "email": EMAIL, "firstName": "John",
    "lastName": "", "companyName": "", "website": "", "custom_city": "Lisbon",
}  # fmt: skip
MAILED = {**BASE, "email_account": MAILBOX, "is_first": True, "step": 1, "variant": 2}
OLD_REPLY = {
    **MAILED, "event_type": "reply_received", "campaign": CAMPAIGN, "phone": None,
    "unibox_url": f"https://app.instantly.ai/app/unibox?thread_search={EMAIL}",
    "reply_text_snippet": "Yes please! \n\n", "reply_subject": "Re: minutes",
    "reply_text": "Yes please!\n\nOn Mon, Jun 9, 2025, 15:33 Me <me@sender.example>\nwrote:\n\n> Hey John\n",
    "reply_html": "<div>Yes please!</div>",
}  # fmt: skip
NEW_REPLY = {
    **{name: value for name, value in MAILED.items() if name != "is_first"}, "event_type": "reply_received",
    "email_id": MAIL, "unibox_url": "https://app.instantly.ai/app/unibox?thread_search=thread:f1-AAAA",
    "reply_text": "Sure, how about 9am?\n\n> On Nov 24, Me wrote:\n> Hi Jane,\n",
    "reply_subject": "Re: Your thoughts?", "reply_text_snippet": "Sure, how about 9am?",
}  # fmt: skip
INTERESTED = {**BASE, "step": 1, "variant": 2, "reply_text": "Yes", "reply_subject": "Re: x"}
SAMPLES: dict[str, dict[str, Any]] = {
    "email_sent": {
        **MAILED, "event_type": "email_sent", "email_subject": "minutes", "email_html": "<div>Hey John</div>",
    },
    "email_sent_2024": {
        **{name: MAILED[name] for name in MAILED if name != "firstName"}, "event_type": "email_sent",
    },
    "email_opened": {**MAILED, "event_type": "email_opened"},
    "link_clicked": {**MAILED, "event_type": "link_clicked"},
    "old_reply": OLD_REPLY,
    "new_reply": NEW_REPLY,
    "email_bounced": {**BASE, "email_account": MAILBOX, "event_type": "email_bounced"},
    "email_bounced_with_step": {**MAILED, "event_type": "email_bounced", "email_subject": "minutes"},
    "lead_unsubscribed": {**BASE, "event_type": "lead_unsubscribed"},
    "lead_interested": {**INTERESTED, "event_type": "lead_interested"},
    "lead_meeting_booked": {**BASE, "event_type": "lead_meeting_booked"},
    "lead_meeting_completed": {**BASE, "event_type": "lead_meeting_completed"},
    "lead_closed": {**BASE, "event_type": "lead_closed"},
}  # fmt: skip
ABOUT = f"{CAMPAIGN}:{EMAIL}"
NO_BOUNCE = {"reason": None, "sender_refused": False, "kind": None}
# sample: fact, the key after the fact, the alias after the fact, data
EXPECTED: dict[str, tuple[Fact, str, str | None, dict[str, object]]] = {
    "email_sent": (Fact.SENT, f"{ABOUT}:1", f"{ABOUT}:1", {"step": 1, "subject": "minutes", "from": MAILBOX}),
    "email_sent_2024": (Fact.SENT, f"{ABOUT}:1", f"{ABOUT}:1", {"step": 1, "subject": None, "from": MAILBOX}),
    "email_opened": (Fact.OPENED, f"{ABOUT}:1", f"{ABOUT}:1", {"step": 1}),
    "link_clicked": (Fact.CLICKED, f"{ABOUT}:1", f"{ABOUT}:1", {"step": 1, "url": None}),
    "old_reply": (
        Fact.REPLIED, f"{ABOUT}:{MOMENT}", None,
        {"step": 1, "subject": "Re: minutes", "text": "Yes please!", "from": None},
    ),
    "new_reply": (
        Fact.REPLIED, MAIL, f"{ABOUT}:{MOMENT}",
        {"step": 1, "subject": "Re: Your thoughts?", "text": "Sure, how about 9am?", "from": None},
    ),
    "email_bounced": (Fact.BOUNCED, f"{ABOUT}:0", None, {"step": None, "subject": None, **NO_BOUNCE}),
    "email_bounced_with_step": (
        Fact.BOUNCED, f"{ABOUT}:1", f"{ABOUT}:1", {"step": 1, "subject": "minutes", **NO_BOUNCE},
    ),
    "lead_unsubscribed": (Fact.UNSUBSCRIBED, ABOUT, None, {"step": None}),
    "lead_interested": (Fact.INTERESTED, ABOUT, None, {"step": 1}),
    "lead_meeting_booked": (Fact.INTERESTED, ABOUT, None, {"step": None}),
    "lead_meeting_completed": (Fact.INTERESTED, ABOUT, None, {"step": None}),
    "lead_closed": (Fact.INTERESTED, ABOUT, None, {"step": None}),
}  # fmt: skip
WITHOUT_FACTS = ["campaign_completed", "account_error", "supersearch_enrichment_completed"]
LABELS = {
    "lead_neutral": "other", "lead_not_interested": "not_interested", "lead_out_of_office": "out_of_office",
    "lead_wrong_person": "wrong_person", "lead_no_show": "other", "custom_label_any_negative": "not_interested",
    "Send pricing": "other", "Q3 Rückruf": "other", "x": "other", "Out Of Office": "out_of_office",
    "Not interested!": "not_interested",
}  # fmt: skip


def parse(body: object) -> list[ProviderEvent]:
    return INSTANTLY.parse_webhook(json.dumps(body).encode())


def one(body: object) -> ProviderEvent:
    event, *labels = parse(body)
    assert {label.fact for label in labels} <= {Fact.LABELLED}
    return event


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_gives_the_fact_it_tells(name: str) -> None:
    fact, key, alias, data = EXPECTED[name]
    event = one(SAMPLES[name])
    assert (event.fact, event.key) == (fact, f"{fact}:{key}")
    assert event.alias == (f"{fact}:{alias}" if alias else None)
    assert (event.external_campaign_id, event.email, event.external_lead_id) == (CAMPAIGN, EMAIL, None)
    assert (event.occurred_at, event.data) == (AT, data)


@pytest.mark.parametrize("kind", WITHOUT_FACTS)
def test_a_kind_we_do_not_use_gives_no_fact(kind: str) -> None:
    assert parse({**BASE, "event_type": kind}) == []
    assert parse({"timestamp": MOMENT, "event_type": kind, "workspace": "x"}) == []


@pytest.mark.parametrize("kind", LABELS)
def test_a_label_is_one_of_ours_or_other(kind: str) -> None:
    assert [(event.fact, event.data) for event in parse({**BASE, "event_type": kind})] == [
        (Fact.LABELLED, {"label": LABELS[kind]})
    ]


def test_a_machines_answer_is_known() -> None:
    event = one({**NEW_REPLY, "event_type": "auto_reply_received", "reply_text_snippet": "Back until 2027-01-05"})
    assert (event.fact, event.data["until"], event.key) == (Fact.AUTO_REPLIED, "2027-01-05", one(NEW_REPLY).key)


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        ("email_link_clicked", Fact.CLICKED),
        ("EMAIL_OPENED", Fact.OPENED),
        (" email_sent ", Fact.SENT),
        ("custom_label_any_positive", Fact.INTERESTED),
    ],
)
def test_a_kind_may_be_spelt_otherwise(kind: str, fact: Fact) -> None:
    assert one({**MAILED, "event_type": kind}).fact is fact


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xff\xff", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b"5", "not_an_object"),
        (b"null", "not_an_object"),
        (b"[{}, 5]", "not_an_object"),
        (b'{"a": 1}', "unknown_event_type"),
        (b'{"event": "lead.replied", "data": {}}', "unknown_event_type"),
        (b'{"event_type": "email_teleported"}', "unknown_event_type"),
        (b'{"event_type": {"a": 1}, "campaign_id": "1", "lead_email": "a@b.example"}', "unknown_event_type"),
        (b'{"event_type": "email_sent", "lead_email": "a@b.example"}', "no_campaign"),
        (b'{"event_type": "email_sent", "campaign_id": "1"}', "no_lead"),
    ],
)
def test_what_cannot_be_read_says_why_in_neutral_words(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableWebhookError, match=f"^{reason}$"):
        INSTANTLY.parse_webhook(raw)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_delivery_again_names_the_same_fact(name: str) -> None:
    body = SAMPLES[name]
    again = {**dict(reversed(body.items())), "is_first": False, "firstName": "Other", "campaign_name": "Renamed"}
    assert one(again).key == one(body).key


@pytest.mark.parametrize("name", ["email_sent", "email_opened", "link_clicked", "lead_interested"])
def test_what_happens_again_to_one_mail_is_one_fact(name: str) -> None:
    later = {**SAMPLES[name], "timestamp": "2026-06-10T00:00:00.000Z"}
    assert one(later).key == one(SAMPLES[name]).key


@pytest.mark.parametrize("name", ["email_sent", "email_opened", "link_clicked", "email_bounced_with_step"])
def test_two_steps_two_people_and_two_campaigns_are_facts_of_their_own(name: str) -> None:
    body = SAMPLES[name]
    others: list[dict[str, Any]] = [{"step": 2}, {"lead_email": "b@c.example"}, {"campaign_id": str(uuid4())}]
    assert len({one({**body, **other}).key for other in [{}, *others]}) == 4


@pytest.mark.parametrize(("body", "name"), [(OLD_REPLY, "timestamp"), (NEW_REPLY, "email_id")])
def test_two_replies_of_one_person_are_two_facts(body: dict[str, Any], name: str) -> None:
    other = {"timestamp": "2026-06-09T17:00:00.000Z", "email_id": str(uuid4())}[name]
    assert one({**body, name: other}).key != one(body).key


def test_a_reply_without_id_and_moment_is_known_by_its_words() -> None:
    body = {**OLD_REPLY, "timestamp": None}
    assert one(body).key == one(dict(body)).key
    assert one({**body, "reply_text_snippet": "No."}).key != one(body).key
    assert one(body).occurred_at is None


def test_both_generations_of_one_reply_meet_in_a_name() -> None:
    old = {name: value for name, value in NEW_REPLY.items() if name != "email_id"}
    assert one(NEW_REPLY).alias == one(old).key


@pytest.mark.parametrize(
    ("fields", "campaign"),
    [
        ({"campaign_id": "mine", "campaign": CAMPAIGN}, CAMPAIGN),
        ({"campaign_id": CAMPAIGN, "campaign": "Spring"}, CAMPAIGN),
        ({"campaign_id": CAMPAIGN.upper(), "campaign": None}, CAMPAIGN),
        ({"campaign_id": CAMPAIGN, "campaign": {"id": 5}}, CAMPAIGN),
        ({"campaign_id": "mine"}, "mine"),
    ],
)
def test_the_campaign_is_found_under_a_leads_field_of_the_same_name(fields: dict[str, Any], campaign: str) -> None:
    assert one({**SAMPLES["email_opened"], **fields}).external_campaign_id == campaign


@pytest.mark.parametrize(
    ("fields", "email"),
    [
        ({"lead_email": "A.B@C.example"}, "a.b@c.example"),
        ({"lead_email": None}, EMAIL),
        ({"lead_email": "no address"}, EMAIL),
        ({"lead_email": "Jo <jo@c.example>", "email": None}, "jo@c.example"),
    ],
)
def test_the_person_is_named_by_address(fields: dict[str, Any], email: str) -> None:
    assert one({**SAMPLES["email_opened"], **fields}).email == email


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1), ("2", 2), (3.0, 3), ("0_0_0", 1), ("0_2_1", 3), ("step-4", 4), (None, None), ("x", None), ("²", None),
     ("9" * 9, None), (True, None), (-1, None), ([], None)],
)  # fmt: skip
def test_a_step_is_counted_from_one_in_each_of_its_forms(value: object, number: int | None) -> None:
    assert one({**SAMPLES["email_opened"], "step": value}).data["step"] == number


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "Yes please!"),
        ({"reply_text_snippet": "\n\n\n"}, "Yes please!"),
        ({"reply_text_snippet": None, "reply_text": None}, "Yes please!"),
        ({"reply_text_snippet": None, "reply_text": "", "reply_html": 5.5}, "5.5"),
        ({"reply_text_snippet": None, "reply_text": "", "reply_html": None}, None),
        ({"reply_text_snippet": "x" * 9000}, "x" * 2000),
    ],
)
def test_a_reply_is_read_without_the_quoted_mail_where_it_can_be(fields: dict[str, Any], text: str | None) -> None:
    assert one({**OLD_REPLY, **fields}).data["text"] == text


@pytest.mark.parametrize("words", ["We use Instantly.ai.", "See app.instantly.ai/x", "We reply instantly. Instantly!"])
def test_what_people_write_stays_as_it_is(words: str) -> None:
    event = one({**NEW_REPLY, "reply_text_snippet": words, "reply_subject": f"Re: {words}"})
    assert (event.data["text"], event.data["subject"]) == (words, f"Re: {words}")


def test_several_bodies_in_an_array_give_their_facts_in_order() -> None:
    events = parse([SAMPLES[name] for name in SAMPLES])
    facts = [event.fact for event in events if event.fact is not Fact.LABELLED]
    assert facts == [EXPECTED[name][0] for name in SAMPLES]


@pytest.mark.parametrize("payload", ["A", "B"])
@pytest.mark.parametrize("is_first", [True, False])
def test_what_the_simulator_tells_is_read(sim: Simulator, payload: str, is_first: bool) -> None:
    sim.set(reply_payload=payload, is_first=is_first)
    campaign, email = sim.campaign(step(1), step(2)), f"{uuid4().hex[:8]}@told.example"
    sim.add(campaign, email)
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        Fact.SENT: ("sent", {"step": 2}), Fact.OPENED: ("open", {}), Fact.CLICKED: ("click", {}),
        Fact.REPLIED: ("reply", {"text": "Sure"}), Fact.INTERESTED: ("interest", {"value": 1}),
        Fact.BOUNCED: ("bounce", {}), Fact.UNSUBSCRIBED: ("unsubscribed", {}),
    }  # fmt: skip
    for fact, (event, more) in kinds.items():
        reported = one(sim.play(campaign, email, event, **more))
        assert (reported.fact, reported.external_campaign_id, reported.email) == (fact, campaign, email)
        assert reported.occurred_at is not None
        if fact == Fact.REPLIED:
            assert (reported.data["text"], reported.alias is None) == ("Sure", payload == "A")
        if fact == Fact.SENT:
            assert reported.data["step"] == 2
    assert one(sim.play(campaign, email, "auto_reply")).fact is Fact.AUTO_REPLIED
    for value, label in ((-1, "not_interested"), (None, "other")):
        (event,) = parse(sim.play(campaign, email, "interest", value=value))
        assert (event.fact, event.data) == (Fact.LABELLED, {"label": label})


def assert_storable(event: ProviderEvent) -> None:
    """What is read can be written to Postgres and shown: JSON, no NUL, no lone surrogate, no provider's name."""
    shown = json.dumps(dict(event.data), ensure_ascii=False, allow_nan=False)
    for text in (event.key, event.alias or "", event.external_campaign_id, event.email or "", shown):
        text.encode()
        assert "\0" not in text
        assert "\\u0000" not in text
    assert "instantly.ai" not in shown.lower()
    assert max(len(event.key.encode()), len((event.alias or "").encode())) <= LONGEST_KEY
    assert event.external_campaign_id
    assert event.email
    if event.occurred_at is not None:
        assert event.occurred_at.utcoffset() == timedelta(0)


def parse_or_refuse(raw: bytes) -> None:
    try:
        events = INSTANTLY.parse_webhook(raw)
    except UnreadableWebhookError as error:
        assert str(error).replace("_", "").isalpha()
        return
    for event in events:
        assert_storable(event)


@pytest.mark.parametrize(
    "moment", ["2026-07-11T12:30:00+23:59", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
@pytest.mark.parametrize("name", ["new_reply", "old_reply", "email_opened"])
def test_odd_moments_and_long_texts_can_be_stored(name: str, moment: str) -> None:
    long = "é" * 9000
    for changes in ({}, {"email_id": long}, {"campaign_id": long, "campaign": ""}, {"lead_email": f"{long}@b.example"}):
        assert_storable(one({**SAMPLES[name], "timestamp": moment, **changes}))
    assert_storable(one({**SAMPLES[name], "timestamp": long}))


texts = st.text(max_size=20) | st.sampled_from(
    ["", "\0", "\ud800", "²", "instantly.ai", "a@b.example", "\0@\ud800.x", "1", "-1", "1e999", "email_sent",
     "reply_received", CAMPAIGN, "0_1_0", "9" * 5000]
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(sorted({name for body in SAMPLES.values() for name in body}))


@FUZZ
@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbf{}")
@example(b'"\\ud800"')
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    parse_or_refuse(raw)


@FUZZ
@given(values)
def test_no_json_raises_anything_else(value: object) -> None:
    parse_or_refuse(json.dumps(value).encode())
    parse_or_refuse(json.dumps([value, value]).encode())


@settings(FUZZ, max_examples=600)
@given(st.sampled_from(sorted(SAMPLES)), st.dictionaries(fields, values, max_size=4), st.sets(fields, max_size=4))
def test_no_sample_with_fields_replaced_or_missing_raises_anything_else(
    name: str, changes: dict[str, Any], missing: set[str]
) -> None:
    body = {key: value for key, value in {**SAMPLES[name], **changes}.items() if key not in missing}
    parse_or_refuse(json.dumps(body).encode())


@FUZZ
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_no_sample_cut_raises_anything_else(name: str, data: st.DataObject) -> None:
    raw = json.dumps(SAMPLES[name]).encode()
    parse_or_refuse(raw[: data.draw(st.integers(0, len(raw)))])
