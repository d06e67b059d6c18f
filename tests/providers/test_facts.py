"""What is read when asking: no row does harm, however odd, and what comes of it can be kept."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.deliveries import LONGEST_KEY
from providers.heyreach import facts as heyreach
from providers.instantly import facts as instantly
from providers.models import Fact, Figures, Message, ProviderEvent
from providers.smartlead import facts as smartlead

Row = dict[str, Any]
Read = Callable[[Row], Iterable[ProviderEvent | Message | Figures | None]]
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PERSON = "https://www.linkedin.com/in/ada-doe"

STATISTIC: Row = {
    "lead_email": "Ada@Acme.example", "sequence_number": 2, "stats_id": "7D0F3C1E-5a55-4a58-9b0e-3f2f0d6f1a11",
    "email_subject": "Hi from Smartlead", "sent_time": "2026-04-01T13:00:02.100Z", "is_bounced": True,
}  # fmt: skip
GONE: Row = {"status": "STOPPED", "lead": {"id": 4155843310, "email": "Ada@Acme.example", "is_unsubscribed": False}}
SENT: Row = {
    "type": "SENT", "stats_id": STATISTIC["stats_id"], "message_id": "<7d0f@acme.example>", "email_seq_number": "2",
    "time": "2026-04-01T13:00:02.100Z", "subject": "Hi from Smartlead", "email_body": "<p>Hi</p>",
}  # fmt: skip
REPLY: Row = {
    "type": "REPLY", "stats_id": STATISTIC["stats_id"], "message_id": "<CAF@mail.example>", "from": "bob@acme.example",
    "time": "2026-04-01T13:08:22.377Z", "email_body": "<div>Is this <b>Smartlead.ai</b>?</div>",
}  # fmt: skip
CONVERSATION: Row = {
    "email_campaign_id": 22, "lead_email": "Ada@Acme.example", "email_lead_id": "4155843310",
    "email_history": [SENT, REPLY],
}  # fmt: skip
MAIL: Row = {
    "id": "0199C3F8-0000-7000-8000-000000000001", "campaign_id": "0199C3F8-0000-7000-8000-00000000000A", "ue_type": 2,
    "lead": "Ada@Acme.example", "step": "0_1_0", "subject": "Re: Hi", "eaccount": "jane@example.com",
    "from_address_email": "bob@acme.example", "timestamp_email": "2026-04-01T13:08:22.000Z", "is_auto_reply": 0,
    "timestamp_created": "2026-04-01T13:08:25.000Z", "content_preview": "Is this", "subsequence_id": None,
    "body": {"html": "<div>Is this app.instantly.ai?</div>", "text": "Is this"},
}  # fmt: skip
LEAD: Row = {"id": "0199c3f8", "email": "Ada@Acme.example", "status": -2, "campaign": MAIL["campaign_id"]}
MEMBER: Row = {
    "linkedInUserProfile": {"profileUrl": PERSON}, "leadConnectionStatus": "ConnectionSent",
    "lastActionTime": "2026-04-01T13:00:02.1Z",
}  # fmt: skip
SAID: Row = {
    "createdAt": "2026-04-01T13:08:22.377Z", "body": "Is this HeyReach?", "subject": None, "isInMail": False,
    "sender": "CORRESPONDENT",
}  # fmt: skip
TALK: Row = {
    "id": "2-MDAw==", "correspondentProfile": {"profileUrl": PERSON}, "linkedInAccountId": 1, "messages": [SAID],
}  # fmt: skip
COUNTS = dict.fromkeys([*smartlead.COUNTERS.values(), *instantly.COUNTERS.values()], "3")
OVERALL: Row = {"overallStats": {"messagesSent": 3, "connectionsSent": 2, "connectionsAccepted": 1}}

READERS: dict[str, tuple[Row, Read]] = {
    "smartlead sent": (STATISTIC, lambda row: [smartlead.sent("22", row, LONG_AGO)]),
    "smartlead bounced": (STATISTIC, lambda row: [smartlead.bounced("22", row)]),
    "smartlead unsubscribed": (GONE, lambda row: [smartlead.unsubscribed("22", row)]),
    "smartlead replies": (CONVERSATION, lambda row: smartlead.replies(row, LONG_AGO)),
    "smartlead message": (REPLY, lambda row: [smartlead.message(row)]),
    "smartlead figures": (COUNTS, lambda row: [smartlead.figures(row)]),
    "instantly mail": (MAIL, lambda row: [instantly.of_mail(row)]),
    "instantly sent": ({**MAIL, "ue_type": 1}, lambda row: [instantly.of_mail(row)]),
    "instantly unsubscribed": (LEAD, lambda row: [instantly.of_person(Fact.UNSUBSCRIBED, "0a", row)]),
    "instantly bounced": (LEAD, lambda row: [instantly.of_person(Fact.BOUNCED, "0a", row)]),
    "instantly message": (MAIL, lambda row: [instantly.message(row)]),
    "instantly figures": (COUNTS, lambda row: [instantly.figures(row)]),
    "heyreach invitation": (MEMBER, lambda row: [heyreach.invitation("22", row)]),
    "heyreach replies": (TALK, lambda row: heyreach.replies("22", row, [SAID], LONG_AGO)),
    "heyreach reply": (SAID, lambda row: heyreach.replies("22", TALK, [row], LONG_AGO)),
    "heyreach message": (SAID, lambda row: [heyreach.message(TALK, row)]),
    "heyreach conversation": (TALK, lambda row: [heyreach.message(row, SAID)]),
    "heyreach figures": (OVERALL, lambda row: [heyreach.figures(row)]),
}
ODD = st.sampled_from(
    [None, "", " ", "\0", "\ud800", "x" * 3000, "\ud800" * 400, "1" * 5000, "NaN", "2026", "9999-12-31T23:59:59-12:00",
     "0001-01-01T00:00:00+14:00", 0, -1, 1, 2, 3, 10**30, 1.5, float("nan"), float("inf"), True, False, [], [None],
     [[]], {}, {"id": {}}, [{}], "<![x", "REPLY", "https://www.linkedin.com/in/\ud800" + "x" * 400, "CORRESPONDENT",
     "linkedin.com/in/a\0b", "step-1", "0_0_0", "99999999999999999999"]
) | st.text(max_size=20)  # fmt: skip


@st.composite
def changed(draw: st.DrawFn, row: Row) -> Row:
    """Return a row with some of its values, or of those inside them, replaced or missing."""
    found: Row = {}
    for name, value in row.items():
        if draw(st.booleans()):
            found[name] = value
        elif isinstance(value, dict) and draw(st.booleans()):
            found[name] = draw(changed(value))
        elif isinstance(value, list) and value and draw(st.booleans()):
            found[name] = [draw(changed(one)) for one in value]
        elif draw(st.booleans()):
            found[name] = draw(ODD)
    return found


def texts_in(value: object) -> list[str]:
    """Return every text in what was read."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts_in(part)]
    return [str(value)] if isinstance(value, str) else []


def keepable(read: ProviderEvent | Message | Figures) -> None:
    """Check what was read against what a database takes."""
    for text in texts_in(vars(read)):
        assert "\0" not in text
        text.encode()
    if isinstance(read, ProviderEvent):
        assert read.key
        assert len(read.key) <= LONGEST_KEY >= len(read.alias or "")
        assert read.email or read.linkedin_url
        assert set(read.data) >= {"step"}
        json.dumps(dict(read.data), allow_nan=False)
        assert read.data["step"] is None or 0 <= int(str(read.data["step"])) < 2**31
    if isinstance(read, Figures):
        assert all(isinstance(count, int | None) for count in vars(read).values())


@FUZZ
@given(st.data())
@pytest.mark.parametrize("reader", READERS)
def test_no_row_does_harm(reader: str, data: st.DataObject) -> None:
    row, read = READERS[reader]
    for found in read(data.draw(changed(row))):
        if found is not None:
            keepable(found)


@pytest.mark.parametrize("reader", READERS)
def test_no_row_does_harm_that_is_odd_in_one_place(reader: str) -> None:
    row, read = READERS[reader]
    odd = [
        "\ud800" * 400,
        "linkedin.com/in/\ud800" + "x" * 400,
        "a\0b",
        "1" * 5000,
        10**30,
        -1,
        float("nan"),
        [],
        {},
        True,
    ]
    for name in row:
        inside = list(row[name]) if isinstance(row[name], dict) else []
        for value in (*odd, *({**row[name], part: one} for part in inside for one in odd)):
            for found in read({**row, name: value}):
                if found is not None:
                    keepable(found)


STATS_ID, MAIL_ID, CAMPAIGN = STATISTIC["stats_id"].lower(), MAIL["id"].lower(), MAIL["campaign_id"].lower()
TALKED = "message.replied:2-MDAw==:2026-04-01T13:08:22.377000+00:00"
NAMES = {
    "smartlead sent": (f"message.sent:{STATS_ID}", "message.sent:22:ada@acme.example:2"),
    "smartlead bounced": (f"message.bounced:{STATS_ID}", "message.bounced:22:ada@acme.example:2"),
    "smartlead unsubscribed": ("lead.unsubscribed:22:ada@acme.example", None),
    "smartlead replies": ("message.replied:CAF@mail.example", None),
    "instantly mail": (f"message.replied:{MAIL_ID}", None),
    "instantly sent": (f"message.sent:{CAMPAIGN}:ada@acme.example:2",) * 2,
    "instantly unsubscribed": ("lead.unsubscribed:0a:ada@acme.example", None),
    "instantly bounced": ("message.bounced:0a:ada@acme.example:0", None),
    "heyreach invitation": ("connection_request.sent:22:linkedin.com/in/ada-doe", None),
    "heyreach replies": (TALKED, TALKED),
}


@pytest.mark.parametrize("reader", NAMES)
def test_a_row_gives_the_fact_it_tells(reader: str) -> None:
    row, read = READERS[reader]
    (event,) = read(row)
    assert isinstance(event, ProviderEvent)
    assert (event.key, event.alias) == NAMES[reader]
    if event.fact is Fact.REPLIED:
        assert event.data["text"] in ("Is this Smartlead.ai?", "Is this app.instantly.ai?", "Is this HeyReach?")


@pytest.mark.parametrize(
    ("reader", "changes"),
    [
        ("smartlead sent", {"sent_time": "2019-12-31T23:59:59Z"}),
        ("smartlead sent", {"sent_time": None}),
        ("smartlead sent", {"stats_id": None}),
        ("smartlead bounced", {"is_bounced": False}),
        ("smartlead bounced", {"lead_email": ""}),
        ("smartlead unsubscribed", {"lead": {}}),
        ("smartlead replies", {"email_history": [SENT]}),
        ("smartlead replies", {"email_history": [{**REPLY, "time": "2019-12-31T23:59:59Z"}]}),
        ("smartlead replies", {"email_history": [{**REPLY, "message_id": "<>"}]}),
        ("instantly mail", {"subsequence_id": "0a"}),
        ("instantly mail", {"lead": None}),
        ("instantly mail", {"campaign_id": None}),
        ("instantly mail", {"ue_type": 3}),
        ("instantly mail", {"ue_type": 4}),
        ("instantly sent", {"step": None}),
        ("instantly bounced", {"email": " "}),
        ("heyreach invitation", {"leadConnectionStatus": "None"}),
        ("heyreach invitation", {"leadConnectionStatus": None}),
        ("heyreach invitation", {"linkedInUserProfile": None}),
        ("heyreach reply", {"sender": "ME"}),
        ("heyreach reply", {"sender": "SOMEBODY"}),
        ("heyreach reply", {"createdAt": "2019-12-31T23:59:59Z"}),
        ("heyreach replies", {"correspondentProfile": {}}),
    ],
)
def test_a_row_gives_no_fact_that_tells_none(reader: str, changes: Row) -> None:
    row, read = READERS[reader]
    assert [event for event in read({**row, **changes}) if event is not None] == []


def test_who_accepted_is_a_fact_only_after_they_were_invited() -> None:
    event = heyreach.invitation("22", {**MEMBER, "leadConnectionStatus": "ConnectionAccepted"})
    assert event is not None
    assert (event.fact, event.after) == (Fact.REQUEST_ACCEPTED, Fact.REQUEST_SENT)


def test_figures_are_counted_in_any_spelling_and_none_where_they_are_missing() -> None:
    assert smartlead.figures(COUNTS) == instantly.figures(COUNTS) == Figures(3, 3, 3, 3, 3, 3)
    theirs = [*smartlead.COUNTERS.values()], [*instantly.COUNTERS.values()]
    assert theirs == (
        ["sent_count", "open_count", "click_count", "reply_count", "bounce_count", "unsubscribed_count"],
        ["emails_sent_count", "open_count", "link_click_count", "reply_count", "bounced_count", "unsubscribed_count"],
    )
    for read, names in zip((smartlead.figures, instantly.figures), theirs, strict=True):
        assert read({name: place for place, name in enumerate(names)}) == Figures(0, 1, 2, 3, 4, 5)
    assert smartlead.figures({}) == Figures()
    assert instantly.figures({}) == Figures(0, 0, 0, 0, 0, 0)
    assert heyreach.figures(OVERALL) == Figures(sent=5, replied=0, accepted=1)


def test_an_answer_is_addressed_to_who_wrote_and_says_what_it_answers() -> None:
    body = smartlead.answer(REPLY, "Yes & <no>")
    assert body == {
        "email_stats_id": REPLY["stats_id"], "reply_message_id": REPLY["message_id"], "reply_email_time": REPLY["time"],
        "reply_email_body": REPLY["email_body"], "to_email": "bob@acme.example",
        "email_body": "<p>Yes &amp; &lt;no&gt;</p>",
    }  # fmt: skip
    assert "to_email" not in smartlead.answer({**REPLY, "from": None}, "Yes")
    subjects = {"Hi": "Re: Hi", "Re: Hi": "Re: Hi", "RE: Hi": "RE: Hi", "": "Re:", None: "Re:"}
    assert {subject: instantly.answer_subject({"subject": subject}) for subject in subjects} == subjects
