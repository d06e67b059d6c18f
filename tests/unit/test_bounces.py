"""Bounces are kept apart by what mail servers write: dead, to be tried again, or refused because of the sender."""

import pytest

from providers.bounces import Kind, bounce_kind, is_true
from providers.labels import asks_to_stop
from providers.simulators.kit import machines

SAID: dict[Kind | None, list[str]] = {
    "hard": [
        "550 5.1.1 user unknown", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", "Address not found",
        "553 no such user here",
        "550 5.4.1 Recipient address rejected: Access denied", "Mailbox unavailable", "The account is disabled",
        "550-5.1.1 The email account that you tried to reach does not exist", "5.2.1 disabled",
        "550 requested action not taken",
        "Unrouteable address", "Domain not found", "5.0.0 smtp; 550 No such recipient",
    ],
    "soft": [
        "452 4.2.2 The email account that you tried to reach is over quota", "552 5.2.2 mailbox full",
        "421 try again later",
        "450 4.7.1 greylisted", "Mailbox is full", "4.4.1 connection timed out", "451 temporary local problem",
        "552 size",
    ],
    "sender_refused": [
        "550 5.7.1 message rejected due to content", "554 5.7.9 blocked by DMARC policy", "554 rejected as spam",
        "550 Your IP is listed at zen", "5.1.8 bad sender's system address", "Message rejected: sender reputation",
    ],
    None: ["", "bounced", "Delivery has failed", "2.0.0 ok", "5.0.0"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in SAID.items() for text in texts])
def test_a_bounce_says_what_it_is(kind: Kind | None, text: str) -> None:
    assert bounce_kind(text) == kind


@pytest.mark.parametrize("flag", [True, "true", "TRUE", " True ", 1, "1", "yes"])
def test_a_flag_is_set_in_any_spelling(flag: object) -> None:
    assert is_true(flag)
    assert bounce_kind("550 5.1.1 user unknown", sender_refused=flag) == "sender_refused"


@pytest.mark.parametrize("flag", [False, None, "false", "0", "", "no", 0])
def test_what_is_not_set_is_not(flag: object) -> None:
    assert not is_true(flag)


def test_long_texts_cost_little() -> None:
    assert bounce_kind("5.1 " * 100_000) is None


@pytest.mark.parametrize(
    "label", ["Do Not Contact", "do_not_contact", "DO-NOT-CONTACT", "Don't contact", "Opt-Out", "DNC"]
)
def test_a_label_that_asks_to_stop_is_understood(label: str) -> None:
    assert asks_to_stop(label)


@pytest.mark.parametrize(
    "label", ["Interested", "Not Interested", "", "Contact again", "Wrong Person", "Stop by booth"]
)
def test_any_other_label_is_not(label: str) -> None:
    assert not asks_to_stop(label)


def test_the_simulators_mail_servers_say_what_they_mean() -> None:
    for meaning in machines.MEANINGS:
        lines = {machines.report(meaning, f"{number}@x.example") for number in range(50)}
        assert len(lines) > 1
        assert {bounce_kind(line) for line in lines} == {meaning}
