"""The parser of HeyReach's webhooks: every kind of body gives the fact it tells, and no body does harm."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from providers.heyreach import HEYREACH
from providers.models import Fact, ProviderEvent, UnreadableWebhookError
from tests.providers.heyreach.simulator_fixture import Receiver, Simulator, receiver, shared, sim, url_of, wait_for

__all__ = ["receiver", "shared", "sim"]
PROFILE, PERSON = "linkedin.com/in/ada-doe", "https://www.linkedin.com/in/ada-doe"
SEAT = "linkedin.com/in/jane-roe"
THREAD = "2-MDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAwXzEwMA=="
SENT_AT = datetime(2026, 4, 1, 13, 0, 2, 100000, tzinfo=UTC)
REPLIED_AT = datetime(2026, 4, 1, 13, 8, 22, 377000, tzinfo=UTC)
RECEIVED_AT = datetime(2026, 4, 1, 13, 8, 25, tzinfo=UTC)
FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONGEST_KEY = 1000  # far below what one entry of a Postgres index holds (2,704 bytes)

BASE: dict[str, Any] = {
    "campaign": {"name": "CTO outreach", "id": 123, "status": "IN_PROGRESS"},
    "sender": {
        "id": 110357, "first_name": "Jane", "last_name": "Roe", "full_name": "Jane Roe",
        "email_address": "jane@example.com", "profile_url": "https://www.linkedin.com/in/jane-roe",
    },
    "lead": {
        "id": "918418165", "profile_url": PERSON, "first_name": "Ada", "last_name": "Doe", "full_name": "Ada Doe",
        "location": "Paris", "summary": None, "company_url": None, "company_name": "Acme", "position": "CTO",
        "about": None, "email_address": None, "enriched_email": "Ada@Acme.example", "custom_email": None, "tags": [],
        "lists": [{"name": "CTO leads", "id": 188213, "custom_fields": {"icebreaker": "Loved your talk"}}],
    },
    "timestamp": "2026-04-01T13:08:25Z", "correlation_id": "7d0f3c1e-5a55-4a58-9b0e-3f2f0d6f1a11",
}  # fmt: skip
OPENING = {"creation_time": "2026-04-01T13:00:02.1Z", "message": "Hi Ada, quick question", "is_reply": False}
ANSWER = {"creation_time": "2026-04-01T13:08:22.377Z", "message": "Sure, tell me more", "is_reply": True}
SAID = {**BASE, "is_inmail": False, "conversation_id": THREAD, "recent_messages": [OPENING, ANSWER]}
SAMPLES: dict[str, dict[str, Any]] = {
    "every_message_reply_received": {**SAID, "event_type": "every_message_reply_received"},
    "message_reply_received": {**SAID, "event_type": "message_reply_received"},
    "inmail_reply_received": {**SAID, "is_inmail": True, "event_type": "inmail_reply_received"},
    "message_sent": {**SAID, "recent_messages": [OPENING], "event_type": "message_sent"},
    "inmail_sent": {**SAID, "is_inmail": True, "recent_messages": [OPENING], "event_type": "inmail_sent"},
    "connection_request_sent": {**BASE, "connection_message": "Hi Ada", "event_type": "connection_request_sent"},
    "connection_request_accepted": {
        **BASE, "connection_message": "Hi Ada", "event_type": "connection_request_accepted",
    },
}  # fmt: skip
TEST_EVENT: dict[str, Any] = {
    "connection_message": "Test Message", "campaign": {"name": "Test Campaign", "id": 123, "status": None},
    "sender": {"id": 123, "first_name": "John", "profile_url": "https://www.linkedin.com/in/johndoe"},
    "lead": {"id": "TestId", "profile_url": "https://www.linkedin.com/in/johndoe", "email_address": "johndoe@test.com"},
    "timestamp": "2026-03-01T19:26:58Z", "event_type": "connection_request_accepted",
    "correlation_id": "00000000-0000-0000-0000-000000000000",
}  # fmt: skip
REPLY = f"message.replied:{THREAD}:2026-04-01T13:08:22.377000+00:00"
SENT = f"message.sent:{THREAD}:2026-04-01T13:00:02.100000+00:00"
ALL_SAID = {"step": None, "channel": "linkedin", "subject": None}
ANSWERED = {**ALL_SAID, "text": "Sure, tell me more", "from": PROFILE}
WRITTEN = {**ALL_SAID, "text": "Hi Ada, quick question", "from": SEAT}
# sample: fact, key, moment, data
EXPECTED: dict[str, tuple[Fact, str, datetime, dict[str, object]]] = {
    "every_message_reply_received": (Fact.REPLIED, REPLY, REPLIED_AT, {**ANSWERED, "kind": "message"}),
    "message_reply_received": (Fact.REPLIED, REPLY, REPLIED_AT, {**ANSWERED, "kind": "message"}),
    "inmail_reply_received": (Fact.REPLIED, REPLY, REPLIED_AT, {**ANSWERED, "kind": "inmail"}),
    "message_sent": (Fact.SENT, SENT, SENT_AT, {**WRITTEN, "kind": "message"}),
    "inmail_sent": (Fact.SENT, SENT, SENT_AT, {**WRITTEN, "kind": "inmail"}),
    "connection_request_sent": (
        Fact.REQUEST_SENT, f"connection_request.sent:123:{PROFILE}", RECEIVED_AT,
        {"step": None, "channel": "linkedin", "text": "Hi Ada", "from": SEAT},
    ),
    "connection_request_accepted": (
        Fact.REQUEST_ACCEPTED, f"connection_request.accepted:123:{PROFILE}", RECEIVED_AT,
        {"step": None, "channel": "linkedin", "from": PROFILE},
    ),
}  # fmt: skip


def parse(body: object) -> list[ProviderEvent]:
    return HEYREACH.parse_webhook(json.dumps(body).encode())


def one(body: object) -> ProviderEvent:
    (event,) = parse(body)
    return event


def of_lead(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**body, "lead": {**body["lead"], **changes}}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_gives_the_fact_it_tells(name: str) -> None:
    fact, key, moment, data = EXPECTED[name]
    event = one(SAMPLES[name])
    assert (event.fact, event.key, event.alias) == (fact, key, key)
    assert (event.external_campaign_id, event.email) == ("123", "ada@acme.example")
    assert (event.external_lead_id, event.linkedin_url) == (PERSON, PERSON)
    assert (event.occurred_at, event.data) == (moment, data)


@pytest.mark.parametrize("kind", ["follow_sent", "liked_post", "viewed_profile", "campaign_completed", "LIKED_POST"])
def test_a_kind_we_do_not_use_gives_no_fact(kind: str) -> None:
    assert parse({**BASE, "event_type": kind}) == []
    assert parse({"timestamp": BASE["timestamp"], "event_type": kind}) == []


@pytest.mark.parametrize(
    ("tags", "facts"),
    [
        ([], []),
        (["hot", "Interested"], [(Fact.INTERESTED, None), (Fact.LABELLED, "interested")]),
        (["Q3 list", "Paris"], [(Fact.LABELLED, "other")]),
        (["Not interested"], [(Fact.LABELLED, "not_interested")]),
        (["Do not contact"], [(Fact.UNSUBSCRIBED, None), (Fact.LABELLED, "do_not_contact")]),
        ([None, 7, {"name": "x"}, ""], [(Fact.LABELLED, "other")]),
    ],
)
def test_tags_are_labels(tags: list[Any], facts: list[tuple[Fact, str | None]]) -> None:
    body = {**BASE, "event_type": "lead_tag_updated", "lead": {**BASE["lead"], "tags": tags}}
    events = parse(body)
    assert [(event.fact, event.data.get("label")) for event in events] == facts
    assert {(event.external_campaign_id, event.linkedin_url) for event in events} <= {("123", PERSON)}
    later = parse({**body, "timestamp": "2026-04-02T13:08:25Z", "correlation_id": str(uuid4())})
    assert [event.key for event in later] == [event.key for event in events]
    assert parse({**body, "campaign": None}) == []
    assert parse({**body, "lead": {"tags": tags}}) == []


@pytest.mark.parametrize("kind", [*SAMPLES, "something_new"])
def test_the_test_button_gives_no_fact(kind: str) -> None:
    assert parse({**TEST_EVENT, "event_type": kind}) == []


@pytest.mark.parametrize("kind", ["MESSAGE_SENT", " message_sent ", "Message_Sent"])
def test_a_kind_may_be_spelt_otherwise(kind: str) -> None:
    assert one({**SAMPLES["message_sent"], "event_type": kind}).key == SENT


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xff\xff", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b"[{}, 5]", "not_an_object"),
        (b'{"a": 1}', "unknown_event_type"),
        (b'{"eventType": "MESSAGE_SENT"}', "unknown_event_type"),
        (b'{"event_type": "message_teleported"}', "unknown_event_type"),
        (b'{"event_type": {"a": 1}, "campaign": {"id": 1}}', "unknown_event_type"),
        (b'{"event_type": "message_sent", "lead": {"profile_url": "linkedin.com/in/a"}}', "no_campaign"),
        (b'{"event_type": "message_sent", "campaign": null, "lead": {"profile_url": "linkedin.com/in/a"}}',
         "no_campaign"),
        (b'{"event_type": "message_sent", "campaign": {"id": 1}}', "no_lead"),
        (b'{"event_type": "message_sent", "campaign": {"id": 1}, "lead": {"id": "5"}}', "no_lead"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why_in_neutral_words(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableWebhookError, match=f"^{reason}$"):
        HEYREACH.parse_webhook(raw)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_delivery_again_names_the_same_fact(name: str) -> None:
    body = of_lead(SAMPLES[name], first_name="Other", profile_url="http://linkedin.com/in/Ada-Doe/")
    again = {**dict(reversed(body.items())), "correlation_id": str(uuid4()), "timestamp": "2026-04-01T13:09:00Z"}
    assert one(again).key == one(SAMPLES[name]).key


def test_a_first_reply_and_every_reply_are_one_fact() -> None:
    first = {
        **SAMPLES["message_reply_received"],
        "recent_messages": [{**ANSWER, "creation_time": "2026-04-01T13:08:22.3770Z"}],
    }
    assert one(first).key == one(SAMPLES["every_message_reply_received"]).key


@pytest.mark.parametrize("name", ["message_sent", "message_reply_received"])
def test_each_message_is_a_fact_of_its_own(name: str) -> None:
    body = SAMPLES[name]
    later = {"creation_time": "2026-04-02T09:00:00Z", "message": "x", "is_reply": "reply" in name}
    others = [{"conversation_id": "2-other"}, {"recent_messages": [*body["recent_messages"], later]}]
    assert len({one({**body, **other}).key for other in [{}, *others]}) == 3


@pytest.mark.parametrize("name", ["connection_request_sent", "connection_request_accepted"])
def test_two_people_and_two_campaigns_are_facts_of_their_own(name: str) -> None:
    body = SAMPLES[name]
    others = [of_lead(body, profile_url=url_of("ben")), {**body, "campaign": {"id": 124}}]
    assert len({one(other).key for other in [body, *others]}) == 3


def test_a_message_without_conversation_is_known_by_campaign_and_person() -> None:
    body = {**SAMPLES["message_sent"], "conversation_id": None}
    assert one(body).key == f"message.sent:123:{PROFILE}:2026-04-01T13:00:02.100000+00:00"


def test_without_its_message_a_body_is_known_by_its_own_moment() -> None:
    event = one({**SAMPLES["message_sent"], "recent_messages": [ANSWER]})
    assert (event.key, event.occurred_at) == (f"message.sent:{THREAD}:{RECEIVED_AT.isoformat()}", RECEIVED_AT)
    assert event.data["text"] is None


def test_a_message_without_a_moment_is_known_by_its_words() -> None:
    body = {**SAMPLES["message_sent"], "timestamp": None}
    nameless = {**body, "recent_messages": [{**OPENING, "creation_time": "soon"}]}
    other = {**body, "recent_messages": [{"message": "Other", "is_reply": False}]}
    assert one(nameless).key == one(dict(nameless)).key
    assert one(nameless).key != one(other).key
    assert one(nameless).occurred_at is None


@pytest.mark.parametrize(
    ("changes", "email"),
    [
        ({"email_address": "A.B@C.example"}, "a.b@c.example"),
        ({"email_address": "none", "custom_email": "x@y.example"}, "ada@acme.example"),
        ({"enriched_email": None, "custom_email": "x@y.example"}, "x@y.example"),
        ({"enriched_email": None}, None),
    ],
)
def test_the_address_is_the_first_that_is_known(changes: dict[str, Any], email: str | None) -> None:
    assert one(of_lead(SAMPLES["message_sent"], **changes)).email == email


def test_a_person_without_a_profile_is_known_by_the_address() -> None:
    event = one(of_lead(SAMPLES["connection_request_sent"], profile_url=None))
    assert (event.external_lead_id, event.linkedin_url, event.email) == (None, None, "ada@acme.example")
    assert event.key == "connection_request.sent:123:ada@acme.example"


def test_an_id_in_place_of_a_name_keeps_its_case() -> None:
    event = one(of_lead(SAMPLES["message_sent"], profile_url="https://www.linkedin.com/in/ACoAAB0Ex?x=1"))
    assert event.external_lead_id == "https://www.linkedin.com/in/ACoAAB0Ex"


@pytest.mark.parametrize(("text", "shown"), [("", None), (None, None), (" x ", "x"), ("y" * 9000, "y" * 2000)])
def test_a_text_is_read_as_far_as_it_is_one(text: object, shown: str | None) -> None:
    attached = {**ANSWER, "message": text, "message_type": "Attachment"}
    assert one({**SAMPLES["message_reply_received"], "recent_messages": [attached]}).data["text"] == shown
    assert one({**SAMPLES["connection_request_sent"], "connection_message": text}).data["text"] == shown


@pytest.mark.parametrize("words", ["We use HeyReach.", "See app.heyreach.io/x", "Hey, reach out. Hey reach!"])
def test_what_people_write_stays_as_it_is(words: str) -> None:
    for name, message in (("message_sent", OPENING), ("message_reply_received", ANSWER)):
        said = [{**message, "message": words}]
        assert one({**SAMPLES[name], "recent_messages": said}).data["text"] == words


def test_several_bodies_in_an_array_give_their_facts_in_order() -> None:
    events = parse([*SAMPLES.values(), TEST_EVENT])
    assert [event.fact for event in events] == [EXPECTED[name][0] for name in SAMPLES]


@pytest.mark.parametrize("case", ["lower", "upper"])
@pytest.mark.parametrize("shown", ["thread", "latest"])
def test_what_the_simulator_tells_is_read(sim: Simulator, case: str, shown: str) -> None:
    sim.set(event_case=case, recent_messages=shown)
    slug = f"told-{uuid4().hex[:8]}"
    campaign = sim.running(slug)
    kinds: dict[str, tuple[Fact, str]] = {
        "connection_sent": (Fact.REQUEST_SENT, "Hi"), "accepted": (Fact.REQUEST_ACCEPTED, "Hi"),
        "message": (Fact.SENT, "One"), "reply": (Fact.REPLIED, "Two"), "inmail": (Fact.SENT, "Three"),
        "inmail_reply": (Fact.REPLIED, "Four"),
    }  # fmt: skip
    for event, (fact, text) in kinds.items():
        reported = one(sim.play(campaign, url_of(slug), event, text=text))
        assert (reported.fact, reported.external_campaign_id) == (fact, str(campaign))
        assert (reported.external_lead_id, reported.linkedin_url) == (url_of(slug), url_of(slug))
        assert reported.occurred_at is not None
        assert reported.data.get("text") == (None if event == "accepted" else text)
        assert reported.data.get("kind") == {"message": "message", "reply": "message"}.get(
            event, "inmail" if "inmail" in event else None
        )
    for event in ("view", "follow", "like", "completed"):
        assert parse(sim.play(campaign, url_of(slug), event)) == []


def test_the_two_webhooks_of_one_reply_give_one_fact(sim: Simulator, receiver: Receiver) -> None:
    slug = f"both-{uuid4().hex[:8]}"
    campaign = sim.running(slug)
    for kind in ("MESSAGE_REPLY_RECEIVED", "EVERY_MESSAGE_REPLY_RECEIVED"):
        sim.hook(receiver.url, kind, campaign)
    sim.play(campaign, url_of(slug), "reply", text="Yes")
    wait_for(lambda: len(receiver.bodies) == 2)
    assert len({one(body).key for body in receiver.bodies}) == 1
    sim.play(campaign, url_of(slug), "reply", text="And more")
    wait_for(lambda: len(receiver.bodies) == 3)
    assert len({one(body).key for body in receiver.bodies}) == 2


def assert_storable(event: ProviderEvent) -> None:
    """What is read can be written to Postgres and shown: JSON, no NUL, no lone surrogate, no provider's name."""
    shown = json.dumps(dict(event.data), ensure_ascii=False, allow_nan=False)
    for text in (event.key, event.alias or "", event.external_campaign_id, event.email or "", shown,
                 event.linkedin_url or "", event.external_lead_id or ""):  # fmt: skip
        text.encode()
        assert "\0" not in text
        assert "\\u0000" not in text
    assert "heyreach" not in shown.lower()
    assert len(event.key.encode()) <= LONGEST_KEY
    assert event.external_campaign_id
    assert event.email or event.linkedin_url
    if event.occurred_at is not None:
        assert event.occurred_at.utcoffset() == timedelta(0)


def parse_or_refuse(raw: bytes) -> None:
    try:
        events = HEYREACH.parse_webhook(raw)
    except UnreadableWebhookError as error:
        assert str(error).replace("_", "").isalpha()
        return
    for event in events:
        assert_storable(event)


@pytest.mark.parametrize(
    "moment", ["2026-07-11T12:30:00+23:59", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "é" * 9000]
)
@pytest.mark.parametrize("name", ["message_reply_received", "connection_request_sent"])
def test_odd_moments_and_long_texts_can_be_stored(name: str, moment: str) -> None:
    long = "é" * 9000
    body = {**SAMPLES[name], "timestamp": moment, "recent_messages": [{**ANSWER, "creation_time": moment}]}
    for changed in (body, {**body, "conversation_id": long}, {**body, "campaign": {"id": long}},
                    of_lead(body, profile_url=f"linkedin.com/in/{long}")):  # fmt: skip
        assert_storable(one(changed))


texts = st.text(max_size=20) | st.sampled_from(
    ["", "\0", "\ud800", "heyreach.io", "a@b.example", "\0@\ud800.x", "-1", "1e999", "message_sent",
     "linkedin.com/in/a", "linkedin.com/in/\0\ud800", "TestId", "9" * 5000]
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(sorted({name for body in SAMPLES.values() for name in body}))
inner = st.sampled_from(["id", "profile_url", "email_address", "is_reply", "message", "creation_time"])
nested = st.dictionaries(inner, values, max_size=4) | st.lists(st.dictionaries(inner, values, max_size=3), max_size=3)


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


@settings(FUZZ, max_examples=500)
@given(
    st.sampled_from(sorted(SAMPLES)), st.dictionaries(fields, values | nested, max_size=4), st.sets(fields, max_size=3)
)
def test_no_sample_with_fields_replaced_or_missing_raises_anything_else(
    name: str, changes: dict[str, Any], missing: set[str]
) -> None:
    body = {key: value for key, value in {**SAMPLES[name], **changes}.items() if key not in missing}
    parse_or_refuse(json.dumps(body).encode())
