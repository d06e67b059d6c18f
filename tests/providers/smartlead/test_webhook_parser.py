"""The parser of Smartlead's webhooks: every sample gives the facts it tells, and no body does harm."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from providers.models import Fact, ProviderEvent, UnreadableWebhookError
from providers.smartlead import SMARTLEAD

PAYLOADS = Path(__file__).parent / "payloads"
SAMPLES = sorted(PAYLOADS.glob("*/*.json"))
CAMPAIGN, LEAD_ID, EMAIL, MAILBOX = "3623750", "4155843310", "lead@example.com", "me@sender.example.com"
STATS = "b339b380-1111-4222-8333-944445555666"
FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONGEST_KEY = 1000  # far below what one entry of a Postgres index holds (2,704 bytes)


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-07-11T{clock}+00:00")


SENT_DATA = {"step": 1, "subject": "Hi Jason", "from": MAILBOX}
BOUNCE_DATA = {"step": 1, "subject": "Hi Jason", "reason": "Address not found", "sender_refused": False, "kind": "hard"}
# file: fact, the key after the fact, lead id, time, data
EXPECTED: dict[str, tuple[Fact, str, str | None, datetime | None, dict[str, object]]] = {
    "live/email_sent": (Fact.SENT, STATS, LEAD_ID, at("12:01:58.023"), SENT_DATA),
    "live/first_email_sent": (Fact.SENT, STATS, LEAD_ID, at("12:01:58.023"), SENT_DATA),
    "live/email_open": (Fact.OPENED, STATS, LEAD_ID, at("12:30:00"), {"step": 1}),
    "live/email_link_click": (
        Fact.CLICKED, STATS, LEAD_ID, at("12:31:00"), {"step": 1, "url": "https://acme.example/demo"},
    ),
    "live/email_reply": (
        Fact.REPLIED, "CAF123@mail.gmail.com", LEAD_ID, at("13:53:30"),
        {"step": 1, "subject": "Hi Jason", "text": "Yes", "from": EMAIL},
    ),
    "live/email_reply_inverted_direction": (
        Fact.REPLIED, "CAF123@mail.gmail.com", LEAD_ID, at("13:53:30"),
        {"step": 1, "subject": "Hi Jason", "text": "Yes", "from": None},
    ),
    "live/email_bounce": (Fact.BOUNCED, STATS, LEAD_ID, at("12:01:59"), BOUNCE_DATA),
    "live/email_bounce_without_lead_ids": (Fact.BOUNCED, STATS, None, at("12:01:59"), BOUNCE_DATA),
    "live/email_bounce_sender_originated": (
        Fact.BOUNCED, STATS, LEAD_ID, at("12:01:59"),
        {
            **BOUNCE_DATA, "reason": "Message rejected: daily sending quota exceeded", "sender_refused": True,
            "kind": "sender_refused",
        },
    ),
    "live/lead_unsubscribed": (Fact.UNSUBSCRIBED, f"{CAMPAIGN}:{EMAIL}", None, at("14:46:19.940"), {"step": None}),
    "live/lead_category_updated": (Fact.INTERESTED, f"{CAMPAIGN}:{EMAIL}", LEAD_ID, at("14:00:00"), {"step": 1}),
    "docs/email_sent": (Fact.SENT, STATS, None, at("12:01:58"), SENT_DATA),
    "docs/email_open": (Fact.OPENED, f"{CAMPAIGN}:{EMAIL}:1", None, at("12:30:00"), {"step": 1}),
    "docs/email_link_click": (
        Fact.CLICKED, f"{CAMPAIGN}:{EMAIL}:1", None, at("12:31:00"), {"step": 1, "url": "https://acme.example/demo"},
    ),
    "docs/email_reply": (
        Fact.REPLIED, f"{CAMPAIGN}:{EMAIL}:1", None, at("13:53:30"),
        {"step": 1, "subject": "Re: Hi Jason", "text": "Yes", "from": None},
    ),
    "docs/email_bounce": (Fact.BOUNCED, STATS, None, at("12:01:58"), {**BOUNCE_DATA, "reason": None, "kind": None}),
    "docs/lead_unsubscribed": (Fact.UNSUBSCRIBED, f"{CAMPAIGN}:{EMAIL}", None, None, {"step": None}),
    "docs/nested_email_replied": (
        Fact.REPLIED, f"{CAMPAIGN}:{EMAIL}:0", LEAD_ID, at("13:53:30"),
        {"step": None, "subject": None, "text": "Yes", "from": None},
    ),
    "docs/nested_guide_email_opened": (
        Fact.OPENED, f"{CAMPAIGN}:{EMAIL}:1", LEAD_ID, at("12:30:00"), {"step": 1},
    ),
}  # fmt: skip
WITHOUT_FACTS = {"live/campaign_status_changed", "live/manual_step_reached", "docs/email_account_disconnected"}


def sample(name: str) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{name}.json").read_bytes())


def parse(body: object) -> list[ProviderEvent]:
    return SMARTLEAD.parse_webhook(json.dumps(body).encode())


def one(body: object) -> ProviderEvent:
    event, *labels = parse(body)
    assert {label.fact for label in labels} <= {Fact.LABELLED}
    return event


def test_every_sample_is_in_the_table() -> None:
    names = {f"{path.parent.name}/{path.stem}" for path in SAMPLES}
    assert names == {*EXPECTED, *WITHOUT_FACTS}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_gives_the_fact_it_tells(name: str) -> None:
    fact, key, lead_id, occurred_at, data = EXPECTED[name]
    event = one(sample(name))
    assert (event.fact, event.key) == (fact, f"{fact}:{key}")
    assert (event.external_campaign_id, event.email, event.external_lead_id) == (CAMPAIGN, EMAIL, lead_id)
    assert (event.occurred_at, event.data) == (occurred_at, data)


@pytest.mark.parametrize("kind", ["email_sent", "email_open", "email_link_click", "email_bounce"])
def test_both_dialects_of_one_fact_share_its_alias(kind: str) -> None:
    live, documented = one(sample(f"live/{kind}")), one(sample(f"docs/{kind}"))
    assert live.alias == documented.alias == f"{live.fact}:{CAMPAIGN}:{EMAIL}:1"
    assert live.key != live.alias


@pytest.mark.parametrize("name", sorted(WITHOUT_FACTS))
def test_a_kind_we_do_not_use_gives_no_fact(name: str) -> None:
    assert parse(sample(name)) == []


def test_several_bodies_in_an_array_give_their_facts_in_order() -> None:
    names = list(EXPECTED)
    events = parse([sample(name) for name in names])
    facts = [event.fact for event in events if event.fact is not Fact.LABELLED]
    assert facts == [EXPECTED[name][0] for name in names]


@pytest.mark.parametrize(
    "alias",
    ["EMAIL_OPENED", "LEAD_OPENED", "OPENED", "email_open", "Email_Opened"],
)
def test_a_documented_alias_is_the_same_fact(alias: str) -> None:
    assert one({**sample("live/email_open"), "event_type": alias}).fact == Fact.OPENED


@pytest.mark.parametrize("name", ["event_type", "event", "type"])
def test_the_kind_may_stand_under_any_of_its_names(name: str) -> None:
    body = sample("live/email_open")
    kind = body.pop("event_type")
    assert one({**body, name: kind}).fact == Fact.OPENED


def test_a_category_that_is_not_positive_is_a_label_alone() -> None:
    body = sample("live/lead_category_updated")
    body["lead_category"] = {**body["lead_category"], "new_name": "Not Interested", "new_id": 3}
    body["category"] = "Not Interested"
    body.get("lead_data", {}).pop("category", None)
    assert [(event.fact, event.data) for event in parse(body)] == [(Fact.LABELLED, {"label": "not_interested"})]


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
        (b'{"event_type": "EMAIL_TELEPORTED"}', "unknown_event_type"),
        (b'{"event_type": "EMAIL_SENT", "to_email": "a@b.example"}', "no_campaign"),
        (b'{"event_type": "EMAIL_SENT", "campaign_id": 1}', "no_lead"),
    ],
)
def test_what_cannot_be_read_says_why_in_neutral_words(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableWebhookError, match=f"^{reason}$"):
        SMARTLEAD.parse_webhook(raw)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("live/")])
def test_a_delivery_again_names_the_same_fact(name: str) -> None:
    """What may differ between two deliveries of one fact: who signs, test flags, order of fields, counters."""
    body = sample(name)
    again = {**dict(reversed(body.items())), "event_id": "other", "webhook_id": 9, "attempt": 2}
    assert one(again).key == one(body).key


@pytest.mark.parametrize("key", [f"{kind}@sender.example.com" for kind in (STATS, STATS.upper())])
def test_an_email_is_known_by_its_message_where_stats_id_is_missing(key: str) -> None:
    body = sample("live/email_sent")
    del body["stats_id"]
    assert one({**body, "message_id": f"<{key}>"}).key == f"{Fact.SENT}:{STATS}"


def test_two_replies_of_one_person_are_two_facts() -> None:
    first, second = sample("live/email_reply"), sample("live/email_reply")
    second["message_id"] = "<CAF456@mail.gmail.com>"
    second["reply_message"] = {**second["reply_message"], "message_id": "<CAF456@mail.gmail.com>"}
    assert one(first).key != one(second).key


@pytest.mark.parametrize("number", [4155843310, "4155843310"])
def test_ids_are_text_however_they_come(number: int | str) -> None:
    event = one({**sample("live/email_open"), "sl_email_lead_id": number, "campaign_id": int(CAMPAIGN)})
    assert (event.external_lead_id, event.external_campaign_id) == (LEAD_ID, CAMPAIGN)


@pytest.mark.parametrize("words", ["We use Smartlead.", "See app.smartlead.ai/x", "Be a smart-lead!"])
def test_what_people_write_stays_as_it_is(words: str) -> None:
    body = {**sample("docs/email_reply"), "reply_body": words, "subject": f"Re: {words}"}
    assert (one(body).data["text"], one(body).data["subject"]) == (words, f"Re: {words}")


@pytest.mark.parametrize(
    "word", ["Smartlead", "S&#77;ARTLEAD.AI", "smart-l\u0435ad", "app.smart%6Cead.ai", "Instantly", "HeyReach"]
)
def test_why_a_mail_came_back_names_no_provider(word: str) -> None:
    notice = f"Hello,\nyour mail was refused:\n550 5.1.1 <lea@client.example> User unknown ({word}, mx.{word}.example)"
    data = one({**sample("live/email_bounce"), "bounce_reply_email_preview": notice}).data
    assert (data["reason"], data["kind"]) == ("550 5.1.1 User unknown", "hard")


@pytest.mark.parametrize("digit", ["²", "①", "٣", "1²"])
def test_a_digit_that_is_no_number_does_no_harm(digit: str) -> None:
    assert one({**sample("live/email_open"), "sequence_number": digit}).fact == Fact.OPENED


@pytest.mark.parametrize(
    "time",
    [
        "2026-07-11T12:30:00+23:59",
        "2026-07-11T12:30:00-23:59",
        "2026-07-11T12:30:00+00:00:30.5",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_time_is_one_that_postgres_can_store(time: str) -> None:
    assert_storable(one({**sample("live/email_open"), "event_timestamp": time}))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("live/email_reply", {"message_id": "x" * 9000, "reply_message": {"message_id": "y" * 9000, "text": "Yes"}}),
        ("live/email_open", {"stats_id": "x" * 9000}),
        ("docs/email_open", {"campaign_id": "9" * 9000}),
    ],
)
def test_a_key_fits_into_an_index(name: str, changes: dict[str, object]) -> None:
    assert_storable(one({**sample(name), **changes}))


def test_an_address_that_is_too_long_is_none() -> None:
    with pytest.raises(UnreadableWebhookError, match="no_lead"):
        one({**sample("docs/email_open"), "to_email": "x" * 9000 + "@b.example", "lead_email": None})


def assert_storable(event: ProviderEvent) -> None:
    """What is read can be written to Postgres and shown: JSON, no NUL, no lone surrogate, no provider's name."""
    texts = [event.key, event.external_campaign_id, event.email or "", event.external_lead_id or ""]
    shown = json.dumps(dict(event.data), ensure_ascii=False, allow_nan=False)
    for text in (*texts, shown):
        text.encode()
        assert "\0" not in text
        assert "\\u0000" not in text
    assert "smartlead" not in shown.lower()
    assert len(event.key.encode()) <= LONGEST_KEY
    assert event.external_campaign_id
    assert event.email or event.external_lead_id
    if event.occurred_at is not None:
        offset = event.occurred_at.utcoffset()
        assert offset is not None
        assert abs(offset) < timedelta(hours=16)
        assert offset.microseconds == 0
        event.occurred_at.astimezone(UTC)


def parse_or_refuse(raw: bytes) -> None:
    try:
        events = SMARTLEAD.parse_webhook(raw)
    except UnreadableWebhookError as error:
        assert str(error).replace("_", "").isalpha()
        return
    for event in events:
        assert_storable(event)


texts = st.text(max_size=20) | st.sampled_from(
    [
        "",
        "\0",
        "\ud800",
        "²",
        "smartlead.ai",
        "a@b.example",
        "\0@\ud800.x",
        "1",
        "-1",
        "1e999",
        "EMAIL_SENT",
        "9" * 5000,
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
paths = st.sampled_from(
    [(path, (name,)) for path in SAMPLES for name in json.loads(path.read_bytes())]
    + [
        (path, (name, inner))
        for path in SAMPLES
        for name, value in json.loads(path.read_bytes()).items()
        if isinstance(value, dict)
        for inner in value
    ]
)


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
@given(st.lists(st.tuples(paths, values), min_size=1, max_size=3), st.sampled_from(SAMPLES))
def test_no_sample_with_fields_replaced_raises_anything_else(
    changes: list[tuple[tuple[Path, tuple[str, ...]], object]], base: Path
) -> None:
    body = json.loads((changes[0][0][0] if len(changes) == 1 else base).read_bytes())
    for (_, place), value in changes:
        inner = body if len(place) == 1 else body.setdefault(place[0], {})
        if isinstance(inner, dict):
            inner[place[-1]] = value
    parse_or_refuse(json.dumps(body).encode())


@FUZZ
@given(st.sampled_from(SAMPLES), st.data())
def test_no_sample_cut_or_with_fields_missing_raises_anything_else(path: Path, data: st.DataObject) -> None:
    raw = path.read_bytes()
    parse_or_refuse(raw[: data.draw(st.integers(0, len(raw)))])
    body = json.loads(raw)
    for name in data.draw(st.sets(st.sampled_from(list(body)))):
        del body[name]
    parse_or_refuse(json.dumps(body).encode())
