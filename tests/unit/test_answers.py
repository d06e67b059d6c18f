"""A machine's answer is none: known by subject, words and the provider's word for it, by nothing else."""

import json
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from providers.answers import judged, kind_of, stated_until
from providers.bounces import bounce_kind
from providers.labels import Label, label_of
from providers.models import Fact, ProviderEvent
from providers.simulators.kit import machines

CASES = json.loads(Path(__file__).with_name("answers.json").read_text())
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(("subject", "text"), CASES["automatic"])
def test_a_machines_answer_is_known(subject: str | None, text: str) -> None:
    assert kind_of(text, subject=subject) is Fact.AUTO_REPLIED


@pytest.mark.parametrize(("subject", "text"), CASES["people"])
def test_a_persons_answer_is_never_lost(subject: str | None, text: str) -> None:
    assert kind_of(text, subject=subject) is Fact.REPLIED
    if "?" in text:
        assert kind_of(text, subject=subject, label="out_of_office") is Fact.REPLIED


@pytest.mark.parametrize(("subject", "sender", "text"), CASES["reports"])
def test_a_report_that_a_mail_came_back_is_a_bounce(subject: str | None, sender: str | None, text: str) -> None:
    assert kind_of(text, subject=subject, sender=sender or "") is Fact.BOUNCED


@pytest.mark.parametrize("meaning", machines.MEANINGS)
def test_a_report_is_known_without_its_sender_whatever_the_mail_server_says(meaning: str) -> None:
    """One provider's webhook names no sender, and a server's "try again later" sounds like a person."""
    for number in range(30):
        address = f"lea{number}@example.com"
        report = machines.report(meaning, address)
        assert kind_of(f"Your message to {address} couldn't be delivered.\n\n{report}") is Fact.BOUNCED, report


def test_what_the_provider_saw_in_the_head_decides() -> None:
    assert kind_of("Yes, tell me more?", is_automatic=True) is Fact.AUTO_REPLIED
    assert kind_of("Bin weg.", label="out_of_office") is Fact.AUTO_REPLIED
    assert kind_of("Bin weg.", label="interested") is Fact.REPLIED


def test_what_is_written_on_linkedin_is_no_report_of_a_mail() -> None:
    data = {"step": None, "channel": "linkedin", "text": "Address not found, is it?", "from": "linkedin.com/in/lea"}
    event = ProviderEvent(Fact.REPLIED, "k", None, "1", None, None, NOW, data)
    assert judged(event, "Address not found, is it?") == event


def test_the_subject_of_our_own_mail_makes_no_answer_a_machines() -> None:
    for subject in (
        "Out of office coverage for clinics", "Automatic replies, done well", "Urlaub planen mit uns",
        "Returned mail costs you money", "Undelivered parcels", "Non remis à temps",
    ):  # fmt: skip
        assert kind_of("Yes.", subject=subject) is Fact.REPLIED


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("until 5 January", date(2027, 1, 5)), ("until January 5th, 2027", date(2027, 1, 5)),
        ("back on Monday, 4 January", date(2027, 1, 4)), ("until 2027-02-03", date(2027, 2, 3)),
        ("until December 1", date(2026, 12, 1)), ("until 12/24/2026", date(2026, 12, 24)), ("until 03/04/2027", None),
        ("bis zum 7. März", date(2027, 3, 7)), ("bis 24.12.", date(2026, 12, 24)),
        ("jusqu'au 1er août", date(2027, 8, 1)),
        ("hasta el 8 de enero de 2027", date(2027, 1, 8)), ("fino al 7 gennaio", date(2027, 1, 7)),
        ("até 10 de janeiro", date(2027, 1, 10)), ("tot en met 4 januari", date(2027, 1, 4)),
        ("do 5 stycznia", date(2027, 1, 5)), ("до 10 января", date(2027, 1, 10)), ("1月4日まで", date(2027, 1, 4)),
        ("直到1月5日", date(2027, 1, 5)), ("until further notice", None), ("until 31 February", None), ("", None),
        ("5 January", None), ("from 4 to 15 July", date(2027, 7, 15)), ("4-15 lipca", date(2027, 7, 15)),
        ("July 4th to July 15th", date(2027, 7, 15)), ("del 4 al 15 de agosto", date(2027, 8, 15)),
        ("du 3 mars au 30 juin", date(2027, 6, 30)), ("vom 23.12. bis 06.01.", date(2027, 1, 6)),
        ("de 4 a 15 de agosto", date(2027, 8, 15)), ("2 - 3 business days", None), ("at 020-1234567", None),
    ],
)  # fmt: skip
def test_the_day_of_return_is_read_as_it_is_stated(text: str, day: date | None) -> None:
    assert stated_until(f"I am away {text}.", NOW) == day


def test_a_day_without_a_year_needs_to_know_when_it_was_written() -> None:
    assert stated_until("until 5 January", None) is None
    assert stated_until("until 5 January 2027", None) == date(2027, 1, 5)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Interested", "interested"), ("Meeting Request", "meeting"), ("Not Interested", "not_interested"),
        ("Do Not Contact", "do_not_contact"), ("Information Request", "interested"), ("Out Of Office", "out_of_office"),
        ("OutOfOffice", "out_of_office"), ("out-of-office", "out_of_office"), ("Wrong Person", "wrong_person"),
        ("Meeting-booked", "meeting"), ("DNC", "do_not_contact"), ("Call back in Q3", "other"), ("Rückruf", "other"),
        ("", None), (" ", None),
    ],
)  # fmt: skip
def test_an_accounts_word_is_one_of_ours_or_other(name: str, label: Label | None) -> None:
    assert label_of(name) == label


def test_a_label_of_the_accounts_own_says_what_it_feels_like() -> None:
    assert label_of("Hooray", sentiment="positive") == "interested"
    assert label_of("Not interested", sentiment="positive") == "not_interested"


def test_a_delayed_mail_is_no_dead_address() -> None:
    assert bounce_kind("Delivery is delayed, we are still trying") == "soft"


@pytest.mark.parametrize(
    "part",
    ["bin ", "bin 1 ", "ik ben a ", "until ", "bis 1", "je suis ", "a", "1", " ", "your message to ", "i am away from ",
     "?", "http://", "\u0301", "自動", "until a until ", "votre message ", "1月", "<", "&", "contact "],
)  # fmt: skip
def test_no_answer_takes_long_to_be_judged(part: str) -> None:
    text = (part * 100_000)[:100_000]
    began = time.process_time()
    kind_of(text, subject=text)
    stated_until(text, NOW)
    assert time.process_time() - began < 0.2
