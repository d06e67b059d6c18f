"""What comes by webhook and what comes by polling of three providers: facts under one name each, and figures."""

import json
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from providers.errors import Passing, Refused, Uncertain
from providers.heyreach.calls import Calls
from providers.http import Answer
from providers.models import Fact, Figures, Message, ProviderEvent
from providers.registry import PROVIDERS
from providers.texts import plain, same_words
from tests.providers.conformance import Harness
from tests.providers.conformance_fixture import facts_of, ids_in, it, only, receiver, shared, telling_nothing, who
from tests.providers.heyreach.client_fixture import quick_clients
from tests.support.clients import CountingGate
from tests.support.simulator_process import Receiver, wait_for

__all__ = ["it", "quick_clients", "receiver", "shared"]
OF_MAILS = {Fact.SENT, Fact.REPLIED, Fact.AUTO_REPLIED, Fact.BOUNCED, Fact.UNSUBSCRIBED}
BY_POLLING = {
    "smartlead": OF_MAILS,
    "instantly": OF_MAILS,
    "heyreach": {Fact.REPLIED, Fact.AUTO_REPLIED, Fact.REQUEST_SENT, Fact.REQUEST_ACCEPTED},
}
AFTER_SENDING = (
    "open",
    "click",
    "reply",
    "auto_reply",
    "bounce",
    "accepted",
    "inmail_reply",
)  # something is sent before, and has its own webhook
STANDING = {Fact.BOUNCED, Fact.UNSUBSCRIBED}  # read from how people stand, which says nothing of when
LONG = "Yes, and by the way: " + "we have asked ourselves the same thing for a while. " * 8 + "When can you call?"
MINUTE = timedelta(minutes=1)


def test_webhooks_tell_neutral_facts_once(it: Harness, receiver: Receiver) -> None:
    kinds = list(it.events.items())
    interesting = Fact.INTERESTED in it.features.events
    people = it.fresh(len(kinds) + interesting)
    campaign = it.running(*people, url=receiver.url)
    it.sim.set(duplicates=1)
    played = {(fact, person) for (_, fact), person in zip(kinds, people, strict=False)}
    for (kind, _), person in zip(kinds, people, strict=False):
        it.sim.play(int(campaign) if campaign.isdecimal() else campaign, person, kind)
    if interesting:
        it.interest(campaign, people[-1])
        played |= {(Fact.INTERESTED, people[-1]), (Fact.LABELLED, people[-1])}
    expected = sorted(played) * 2
    wait_for(
        lambda: len([1 for _, event in facts_of(it, receiver) if (event.fact, who(event)) in played]) >= len(expected)
    )
    arrived = facts_of(it, receiver)
    assert {(event.fact, who(event)) for _, event in arrived} >= played
    assert {event.fact for _, event in arrived} == set(it.features.events)
    assert {event.external_campaign_id for _, event in arrived} == {campaign}
    facts = {(event.fact, who(event), event.data.get("step")) for _, event in arrived}
    assert len({event.key for _, event in arrived}) == len({(fact, person) for fact, person, _ in facts})
    for body, event in arrived:
        assert event.key in [again.key for again in it.provider.parse_webhook(body.encode())]
        shown = json.dumps(dict(event.data), default=str)
        assert not [name for name in PROVIDERS if name in shown.lower()]
        assert not [found for found in ids_in(body) if found in shown]


def test_every_reply_that_comes_is_a_fact_of_its_own(it: Harness, receiver: Receiver) -> None:
    (person,) = it.fresh()
    campaign = it.running(person, url=receiver.url)
    for text in ("Yes", "Yes"):
        it.sim.play(int(campaign) if campaign.isdecimal() else campaign, person, "reply", text=text)
        time.sleep(0.01)

    def replies() -> set[str]:
        return {event.key for _, event in facts_of(it, receiver) if event.fact is Fact.REPLIED}

    wait_for(lambda: len(replies()) == 1 + it.tells_later_replies)


# What comes by polling


def by_polling(it: Harness, campaigns: Iterable[str], since: datetime) -> list[ProviderEvent]:
    return it.ask(lambda client: client.inbox.read_facts(list(campaigns), since))


def by_webhook(it: Harness, receiver: Receiver, count: int | None = None) -> list[ProviderEvent]:
    """Return all that webhooks have brought, once so many facts have come: as many as `everything` makes."""
    expected = count or len(it.events) + len([kind for kind in it.events if kind in AFTER_SENDING])
    wait_for(lambda: len(facts_of(it, receiver)) >= expected)
    found = [event for _, event in facts_of(it, receiver)]
    assert len(found) == expected
    return found


def keys(events: Iterable[ProviderEvent], *facts: Fact) -> set[str]:
    return {event.key for event in events if not facts or event.fact in facts}


def everything(it: Harness, receiver: Receiver) -> str:
    """Return a campaign in which each kind of event has happened to a person."""
    people = it.fresh(len(it.events))
    campaign = it.running(*people, url=receiver.url)
    for kind, person in zip(it.events, people, strict=True):
        it.play(campaign, person, kind, **({"text": LONG} if kind in ("reply", "inmail_reply") else {}))
        time.sleep(0.01)
    return campaign


def test_what_is_polled_has_the_names_that_webhooks_give_it(it: Harness, receiver: Receiver) -> None:
    since = datetime.now(UTC)
    campaign = everything(it, receiver)
    from_webhooks, from_asking = by_webhook(it, receiver), by_polling(it, [campaign], since)
    assert {event.fact for event in from_asking} == BY_POLLING[it.name] <= {event.fact for event in from_webhooks}
    accepted = {who(event) for event in from_webhooks if event.fact is Fact.REQUEST_ACCEPTED}
    for fact in BY_POLLING[it.name]:
        expected = {event.key for event in from_webhooks if event.fact is fact}
        if (it.name, fact) == ("instantly", Fact.BOUNCED):  # of which step it was is not given there
            expected = {f"{key.rpartition(':')[0]}:0" for key in expected}
        if fact is Fact.REQUEST_SENT:  # who has accepted does not show any more that they were invited
            expected = {key for key in expected if key.rpartition(":")[2] not in accepted}
        assert keys(from_asking, fact) == expected
    assert len(keys(from_asking)) == len(from_asking)
    after = {event.fact: event.after for event in from_asking}
    assert after.pop(Fact.REQUEST_ACCEPTED, Fact.REQUEST_SENT) is Fact.REQUEST_SENT
    assert set(after.values()) == {None}


def test_polling_says_the_same_as_webhooks(it: Harness, receiver: Receiver) -> None:
    since = datetime.now(UTC)
    campaign = everything(it, receiver)
    known = {event.key: event for event in by_webhook(it, receiver)}
    for event in by_polling(it, [campaign], since):
        shown = json.dumps(dict(event.data), default=str)
        assert not [name for name in PROVIDERS if name in shown.lower()]
        assert event.external_campaign_id == campaign
        other = known.get(event.key)
        if other is None:
            assert (it.name, event.fact) == ("instantly", Fact.BOUNCED)
            continue
        assert (event.fact, who(event), set(event.data)) == (other.fact, who(other), set(other.data))
        assert event.alias in (None, other.alias)
        if event.fact is Fact.SENT:
            assert {name: event.data[name] for name in ("step", "subject")} == {"step": 1, "subject": "Hello subject"}
        if event.fact is Fact.REPLIED:
            assert (event.data["text"], other.data["text"]) == (LONG, LONG)
        if event.occurred_at and other.occurred_at:
            assert abs(event.occurred_at - other.occurred_at) < timedelta(seconds=1.5)
        assert (event.occurred_at is None) is (event.fact in STANDING)


def test_only_what_happened_in_the_campaigns_of_the_poll_is_returned(it: Harness, receiver: Receiver) -> None:
    since, gate = datetime.now(UTC), CountingGate()
    first, second = everything(it, receiver), everything(it, receiver)
    of_first, of_both = by_polling(it, [first], since), by_polling(it, [first, second], since)
    assert {event.external_campaign_id for event in of_first} == {first}
    assert {event.external_campaign_id for event in of_both} == {first, second}
    assert keys(of_both) == keys(of_first) | keys(by_polling(it, [second], since))
    assert it.ask(lambda client: client.inbox.read_facts([], since), gate=gate) == []
    assert gate.passed == 0


def test_a_campaign_that_is_not_there_keeps_no_facts_of_others_back(it: Harness) -> None:
    since, (person,) = datetime.now(UTC), it.fresh()
    campaign = it.running(person)
    it.play(campaign, person, "reply")
    gone = str(uuid4()) if it.name == "instantly" else "999999999"
    found = by_polling(it, [gone, campaign], since)
    assert keys(found) == keys(by_polling(it, [campaign], since)) != set()
    assert by_polling(it, [gone], since) == []


def test_what_happened_long_before_is_not_returned_again(it: Harness) -> None:
    kinds = [kind for kind, fact in it.events.items() if fact in BY_POLLING[it.name] - STANDING]
    people = [it.fresh(len(kinds)) for _ in range(3)]
    now = datetime.now(UTC)
    campaign = it.running(*(person for group in people for person in group))
    for ago, group in zip((720 * MINUTE, 70 * MINUTE, timedelta()), people, strict=True):
        it.sim.clock(at=(now - ago).isoformat())
        for kind, person in zip(kinds, group, strict=True):
            it.play(campaign, person, kind)
    it.sim.clock(at=datetime.now(UTC).isoformat())
    found = by_polling(it, [campaign], now - 60 * MINUTE)
    assert {who(event) for event in found} == {person for group in people[1:] for person in group}
    from_all = by_polling(it, [campaign], now - 800 * MINUTE)
    assert {who(event) for event in from_all} == {person for group in people for person in group}


def test_every_reply_is_found_by_asking(it: Harness, receiver: Receiver) -> None:
    since, (person,) = datetime.now(UTC), it.fresh()
    campaign = it.running(person, url=receiver.url)
    for text in ("Yes", "Yes", "Or rather no"):
        it.play(campaign, person, "reply", text=text)
        time.sleep(0.01)
    found = [event for event in by_polling(it, [campaign], since) if event.fact is Fact.REPLIED]
    assert [event.data["text"] for event in found] == ["Yes", "Yes", "Or rather no"]
    from_webhooks = keys(by_webhook(it, receiver, 4 if it.tells_later_replies else 2), Fact.REPLIED)
    assert len(keys(found)) == 3
    assert from_webhooks <= keys(found)
    assert len(from_webhooks) == (3 if it.tells_later_replies else 1)


def test_what_shows_late_is_found_by_asking_from_a_later_moment(it: Harness) -> None:
    began, people = datetime.now(UTC), it.fresh(2)
    campaign = it.running(*people)
    late = it.name == "heyreach"
    if late:
        it.sim.set(inbox_lag_s=60, lag_s=60)
    it.play(campaign, people[0], "reply")
    it.play(campaign, people[1], next(iter(it.events)))
    if late:
        assert by_polling(it, [campaign], began) == []
        it.advance(61)
    assert {who(event) for event in by_polling(it, [campaign], datetime.now(UTC))} == set(people)


def small_pages(it: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("calls", "inbox"):
        for name in ("PAGE", "REPLIES", "ROWS"):
            monkeypatch.setattr(f"providers.{it.name}.{module}.{name}", 2, raising=False)


def test_no_page_is_left_out(it: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    since, people, gate, fewer = datetime.now(UTC), it.fresh(5), CountingGate(), CountingGate()
    campaign = it.running(*people)
    for person in people:
        for kind in it.events:
            it.play(campaign, person, kind)
    whole = it.ask(lambda client: client.inbox.read_facts([campaign], since), gate=fewer)
    small_pages(it, monkeypatch)
    found = it.ask(lambda client: client.inbox.read_facts([campaign], since), gate=gate)
    assert keys(found) == keys(whole)
    assert len(found) == len(whole)
    assert gate.passed > fewer.passed


@only("heyreach")
def test_replies_are_found_where_the_newer_list_is_missing_or_shows_ends_only(
    it: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    since, people = datetime.now(UTC), it.fresh(3)
    campaign = it.running(*people)
    for person in people:
        for text in ("One", "Two"):
            it.play(campaign, person, "reply", text=text)
            time.sleep(0.01)
    whole = by_polling(it, [campaign], since)
    assert len(whole) == 6
    it.sim.set(preview_messages=1)
    assert by_polling(it, [campaign], since) == whole
    it.sim.faults(stale_conversation={"rate": 1})
    assert {event.data["text"] for event in by_polling(it, [campaign], since)} == {"Two"}
    it.sim.faults()
    send = Calls.send

    async def missing(self: Calls, path: str, *arguments: Any, **more: Any) -> Answer:
        if path.endswith("V3"):
            raise Refused("no such list", status=404)
        return await send(self, path, *arguments, **more)

    monkeypatch.setattr(Calls, "send", missing)
    small_pages(it, monkeypatch)
    assert by_polling(it, [campaign], since) == whole
    assert by_polling(it, [campaign], datetime.now(UTC) + 60 * MINUTE) == []


# Figures


def test_figures_move_when_something_happens_and_only_then(it: Harness, receiver: Receiver) -> None:
    people = it.fresh(len(it.events))
    campaign = it.running(*people, url=receiver.url)

    def figures() -> Figures:
        return it.ask(lambda client: client.inbox.read_figures(campaign))

    before = figures()
    assert set(vars(before).values()) <= {0, None}
    for kind, person in zip(it.events, people, strict=True):
        it.play(campaign, person, kind)
        now = figures()
        assert now != before, kind
        assert now == figures()
        before = now
    counts = Counter(event.fact for event in by_webhook(it, receiver))
    answers = counts[Fact.REPLIED] + (0 if it.name == "instantly" else counts[Fact.AUTO_REPLIED])
    expected: dict[str, Any] = {"replied": answers, "sent": counts[Fact.SENT] + counts[Fact.REQUEST_SENT]}
    if it.name == "heyreach":
        expected["accepted"] = counts[Fact.REQUEST_ACCEPTED]
    else:
        names = {"opened": Fact.OPENED, "clicked": Fact.CLICKED, "bounced": Fact.BOUNCED}
        expected |= {name: counts[fact] for name, fact in names.items()} | {"unsubscribed": counts[Fact.UNSUBSCRIBED]}
    assert before == Figures(**expected)
    other = it.running(*it.fresh())
    assert set(vars(it.ask(lambda client: client.inbox.read_figures(other))).values()) <= {0, None}


def test_figures_move_with_each_thing_that_happens_where_they_are_said_to(it: Harness) -> None:
    (person,), seen = it.fresh(), list[Figures]()
    campaign = it.running(person)
    # Of one provider a machine's answer moves nothing: it is heard of by webhook, or with whatever moves next.
    for kind in (*(kind for kind in it.events if kind != "auto_reply"), "reply", "reply"):
        it.play(campaign, person, kind)
        seen.append(it.ask(lambda client: client.inbox.read_figures(campaign)))
    moves = [before != after for before, after in pairwise(seen)]
    assert all(moves) or it.traits.read_every


# What was written, and answers


NAMES = {"smartlead": "Smartlead", "instantly": "Instantly.ai", "heyreach": "HeyReach"}
SENDING = ["reply-email-thread", "/emails/reply", "SendMessage"]  # where an answer is sent


def thread_of(it: Harness, campaign: str, person: str, lead: str | None = None) -> list[Message]:
    return it.ask(lambda client: client.inbox.read_thread(campaign, lead, person))


def answer(it: Harness, campaign: str, person: str, text: str, lead: str | None = None) -> None:
    it.ask(lambda client: client.inbox.reply(campaign, lead, person, text))


def message_kind(it: Harness) -> str:
    return "message" if it.name == "heyreach" else "sent"


def test_a_thread_is_read_in_order_with_who_wrote_what(it: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    since, (person, other) = datetime.now(UTC), it.fresh(2)
    campaign = it.running(person, other)
    it.play(campaign, other, "reply", text="Not this one")
    it.play(campaign, person, message_kind(it))
    for place, text in enumerate((f"Is this {NAMES[it.name]}?", "Well?")):
        time.sleep(0.01)
        it.play(campaign, person, "reply", text=text)
        time.sleep(0.01)
        answer(it, campaign, person, f"Answer {place}")
    thread = thread_of(it, campaign, person)
    assert [message.incoming for message in thread] == [False, True, False, True, False]
    words = ["Hello", f"Is this {NAMES[it.name]}?", "Answer 0", "Well?", "Answer 1"]
    assert [same_words(message.body, said) for message, said in zip(thread, words, strict=True)] == [True] * 5
    moments = [message.sent_at or since for message in thread]
    assert moments == sorted(moments)
    assert len({message.key for message in thread}) == 5
    assert {message.address for message in thread if message.incoming} <= {person, None}
    replies = {
        event.key for event in by_polling(it, [campaign], since) if who(event) == person and event.fact is Fact.REPLIED
    }
    assert {name for message in thread if message.incoming for name in replies if name.endswith(message.key)} == replies
    lead = it.ask(lambda client: client.leads.find(campaign, person))
    assert thread_of(it, campaign, person, lead) == thread
    if it.name == "heyreach":
        it.sim.set(preview_messages=1)
    small_pages(it, monkeypatch)
    assert thread_of(it, campaign, person) == thread


def test_there_is_no_thread_with_a_person_who_is_not_there(it: Harness) -> None:
    (person, stranger), campaign = it.fresh(2), it.running()
    elsewhere = it.running(person)
    it.play(elsewhere, person, "reply")
    for recipient in (
        (stranger,) if it.name == "heyreach" else (stranger, person)
    ):  # there, threads are of the workspace
        try:
            assert thread_of(it, campaign, recipient) == []
        except Refused as error:
            telling_nothing(it, error)


def test_an_answer_is_sent_once_as_it_was_written(it: Harness) -> None:
    (person,) = it.fresh()
    campaign = it.running(person)
    it.play(campaign, person, "reply", text="Tell me more")
    text = 'Yes & "no": <b>1</b> &copy=2\nand a second line'
    answer(it, campaign, person, text)
    (body,) = it.by_hand(campaign, person)
    if it.name == "heyreach":
        assert body == text
    else:
        assert body == '<p>Yes &amp; "no": &lt;b&gt;1&lt;/b&gt; &amp;copy=2<br>and a second line</p>'
    said = [message for message in thread_of(it, campaign, person) if same_words(message.body, text)]
    words = [message.body if it.name == "heyreach" else plain(message.body) for message in said]
    assert (words, [message.incoming for message in said]) == ([text], [False])


def test_an_answer_goes_to_the_latest_message(it: Harness) -> None:
    (person,) = it.fresh()
    campaign = it.running(person)
    step = "sequence_number" if it.name == "smartlead" else "step"
    it.play(campaign, person, "reply", text="One", **({"by": "bob@client.example"} if it.name == "instantly" else {}))
    time.sleep(0.01)
    if it.name == "heyreach":  # another seat of ours knows this person too
        taken = {row["account_id"] for row in it.messages(person)}
        other = next(seat for seat in it.sim.seats() if seat not in taken)
        it.sim.control.post("/play", json={"account_id": other, "profile_url": person, "event": "reply"})
    else:
        more = {"by": "eve@client.example"} if it.name == "instantly" else {}
        it.play(campaign, person, "reply", text="Two", **{step: 2}, **more)
    received = [row for row in it.messages(person) if it.is_reply(row)]
    answer(it, campaign, person, "Answer")
    (written,) = [row for row in it.messages(person) if "Answer" in str(row)]
    assert it.answers(written, received[-1])
    assert not it.answers(written, received[0])


def test_no_person_is_answered_who_has_not_written(it: Harness) -> None:
    (person,) = it.fresh()
    campaign = it.running(person)
    if it.name != "heyreach":  # there, a person who was written to can be written to again
        it.play(campaign, person, "sent")
    for recipient in (person, *it.fresh()):
        with pytest.raises(Refused) as refusal:
            answer(it, campaign, recipient, "Answer")
        telling_nothing(it, refusal.value)
    assert it.by_hand(campaign, person) == []


@pytest.mark.parametrize("fault", ["lost_response", "server_error", "rate_limited"])
def test_an_answer_that_may_be_lost_is_looked_for_and_sent_once(it: Harness, fault: str) -> None:
    (person,), sent = it.fresh(), fault == "lost_response"
    campaign = it.running(person)
    it.play(campaign, person, "reply")
    text = f"We have left {NAMES[it.name]}, see https://client.example/?a=1&copy=2"
    it.sim.faults(**{fault: {"rate": 1, "times": 1, "paths": SENDING}})
    with pytest.raises(Passing if fault == "rate_limited" else Uncertain) as failure:
        answer(it, campaign, person, text)
    telling_nothing(it, failure.value)
    assert len(it.by_hand(campaign, person)) == sent
    found = [message for message in thread_of(it, campaign, person) if same_words(message.body, text)]
    assert [message.incoming for message in found] == [False] * sent
    if not found:
        answer(it, campaign, person, text)
    assert len(it.by_hand(campaign, person)) == 1


@only("heyreach")
def test_an_answer_that_shows_late_is_found_later(it: Harness) -> None:
    (person,) = it.fresh()
    campaign = it.running(person)
    it.play(campaign, person, "reply")
    it.sim.set(inbox_lag_s=60)
    answer(it, campaign, person, "Answer")
    assert [message.incoming for message in thread_of(it, campaign, person)] == [False, True]
    it.advance(61)
    assert [message.incoming for message in thread_of(it, campaign, person)] == [False, True, False]


def test_lists_of_mails_are_requested_seldom_enough(it: Harness) -> None:
    """One provider allows twenty a minute of these and hundreds of others: the gate gets the spacing."""
    campaign, lead, person = it.conversation
    by_webhook: list[float] = []

    async def gate(spacing: float = 0.0) -> None:
        by_webhook.append(spacing)

    it.ask(lambda client: client.inbox.read_thread(campaign, lead, person), gate=gate)
    it.ask(lambda client: client.inbox.read_facts([campaign], datetime.now(UTC)), gate=gate)
    it.ask(lambda client: client.inbox.read_figures(campaign), gate=gate)
    wide = [spacing for spacing in by_webhook if spacing]
    assert wide == ([3.5] * len(wide) if it.name == "instantly" else [])
    assert (len(wide) >= 3) is (it.name == "instantly")
    assert by_webhook[-1] == 0.0
