"""Where messages come by seat and person, not by campaign, a seat that moves leaves behind what was before it moved."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.engine import Engine, wait_for
from tests.jobs.moving import Account, Work, in_the_past, threads, untold


@pytest.fixture
def account(engine: Engine) -> Iterator[Account]:
    """An account of several seats, at a provider that stands still and tells nothing by itself."""
    with untold(engine):
        yield Account(engine, engine.new_organization(), "heyreach")


def bodies(work: Work) -> list[str]:
    return [row["text"] for row in work.messages()]


def test_a_seat_that_comes_later_brings_nothing_to_people_the_company_knew(engine: Engine, account: Account) -> None:
    """Two has spoken with the person from another seat all along, while One did from this one."""
    one, two, person = account.company("One"), account.company("Two"), account.new_person()
    seat, own = account.senders()[:2]
    other = account.assign(own["id"], two)
    ones = Work.begin(account, one, seat["sender_id"], person)
    twos = Work.begin(account, two, other, person)
    for work in (ones, twos):
        work.long_since(timedelta(hours=2))
    with in_the_past(engine, "heyreach"):
        ones.hears("To One")
        twos.deliver(twos.hears("To Two"))
    twos.write_from(other, account.assign(seat["id"], two))
    twos.poll()
    assert twos.replies() == ["To Two"]
    twos.deliver(twos.hears("Again to Two"))
    wait_for("the message", lambda: "Again to Two" in bodies(twos))
    ones.hears("Again to One")
    for text in ("Answer", "One more answer"):
        assert twos.answer(text)["state"] == "sent"
        assert threads(account, person, text) == threads(account, person, "Again to Two") != set()
    assert "To One" not in bodies(twos)


def test_a_seat_that_comes_back_brings_nothing_either(engine: Engine, account: Account) -> None:
    one, two, person = account.company("One"), account.company("Two"), account.new_person()
    seat = account.senders()[0]
    ones = Work.begin(account, one, seat["sender_id"], person)
    ones.long_since(timedelta(hours=2))
    twos = Work.begin(account, two, account.assign(seat["id"], two), person)
    twos.long_since(timedelta(hours=1))
    with in_the_past(engine, "heyreach"):
        twos.deliver(twos.hears("To Two"))
    assert twos.replies() == ["To Two"]
    ones.write_from(account.assign(seat["id"], one))
    ones.poll()
    assert ones.replies() == []
    ones.deliver(ones.hears("To One"))
    wait_for("the message", lambda: "To One" in bodies(ones))
    assert ones.answer("Too early")["state"] == "failed"  # nothing was written for One since
    ones.hears("Hello again", "message")
    assert ones.answer("From One")["state"] == "sent"
    assert threads(account, person, "Too early") == set()
    assert [body for body in bodies(ones) if "Two" in body] == []
    assert bodies(twos) == ["Hello", "To Two"]


def test_what_was_said_before_the_hand_over_is_not_the_companys(engine: Engine, account: Account) -> None:
    """Two has had the seat for long when the person writes on to One there, and only then is handed over by Two."""
    one, two, person = account.company("One"), account.company("Two"), account.new_person()
    seat = account.senders()[0]
    ones = Work.begin(account, one, seat["sender_id"], person)
    own = account.assign(seat["id"], two)
    for work in (ones, Work.begin(account, two, own, account.new_person())):
        work.long_since(timedelta(hours=2))
    with in_the_past(engine, "heyreach"):
        late = ones.hears("To One")
    twos = Work.begin(account, two, own, person)
    twos.deliver({**late, "campaign": {"id": twos.external}})
    assert twos.reasons() == ["before_hand_over"]
    twos.poll()
    assert twos.replies() == []
    twos.hears("Hello of Two", "message")
    twos.deliver(twos.hears("To Two"))
    wait_for("the message", lambda: "To Two" in bodies(twos))
    assert bodies(twos) == ["Hello of Two", "To Two"]
