"""A workspace may serve several companies: what a seat writes and is written belongs to the company of the seat."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from providers.errors import Refused
from providers.models import Fact
from providers.simulators.heyreach.accounts import open_workspace
from providers.simulators.heyreach.state import open_store
from tests.providers.heyreach.client_fixture import STEPS, ask, fresh, marker, quick_clients, seats
from tests.providers.heyreach.simulator_fixture import Simulator, shared, sim, url_of
from tests.support.simulator_process import wait_for

SINCE = timedelta(hours=1)


def of_seat(sim: Simulator, seat: str, slug: str) -> int:
    """Make a running campaign of one seat, and put a person into it."""
    campaign = ask(sim, lambda client: client.campaigns.create("Spring", marker(), [seat]))
    ask(sim, lambda client: client.campaigns.put_sequence(campaign, STEPS))
    ask(sim, lambda client: client.campaigns.set_active(campaign, True))
    wait_for(lambda: sim.status(int(campaign)) == "IN_PROGRESS")
    sim.add(int(campaign), slug)
    return int(campaign)


@pytest.fixture
def pair(sim: Simulator) -> tuple[str, list[str], list[int]]:
    """A person who has answered the seats of two companies; their profile, the seats and the campaigns."""
    slug = fresh()[0].rpartition("/")[2]
    own = seats(sim)[:2]
    campaigns = [of_seat(sim, seat, slug) for seat in own]
    for number, campaign in enumerate(campaigns):
        sim.play(campaign, url_of(slug), "reply", text=f"To company {number}")
    return f"linkedin.com/in/{slug}", own, campaigns


def bodies(thread: Any) -> list[str]:
    return [message.body for message in thread if message.incoming]


def test_a_thread_is_that_of_the_companys_seats(sim: Simulator, pair: tuple[str, list[str], list[int]]) -> None:
    person, own, campaigns = pair
    for number in (0, 1):
        campaign, senders = str(campaigns[number]), {own[number]: None}
        thread = ask(sim, lambda client, c=campaign, s=senders: client.inbox.read_thread(c, None, person, senders=s))
        assert bodies(thread) == [f"To company {number}"]
    assert ask(sim, lambda client: client.inbox.read_thread(str(campaigns[0]), None, person, senders={"1": None})) == []
    everything = ask(sim, lambda client: client.inbox.read_thread(str(campaigns[0]), None, person))
    assert sorted(bodies(everything)) == ["To company 0", "To company 1"]


def test_an_answer_goes_out_from_the_companys_seat(sim: Simulator, pair: tuple[str, list[str], list[int]]) -> None:
    person, own, campaigns = pair  # the other company was written to last
    text = f"Gladly {uuid4().hex}"
    ask(sim, lambda client: client.inbox.reply(str(campaigns[0]), None, person, text, senders={own[0]: None}))
    rows = sim.control.get("/messages", params={"profile_url": f"https://www.{person}"}).json()
    (sent,) = [row for row in rows if text in str(row)]
    assert str(sent["account_id"]) == own[0]
    with pytest.raises(Refused):
        ask(sim, lambda client: client.inbox.reply(str(campaigns[0]), None, person, text, senders={"1": None}))


def test_what_was_before_a_seat_came_is_left_and_answered_only_once_it_has_written(
    sim: Simulator, pair: tuple[str, list[str], list[int]]
) -> None:
    person, own, (campaign, _) = pair
    soon = datetime.now(UTC) + timedelta(milliseconds=1)
    came = {own[0]: soon.replace(microsecond=soon.microsecond // 1000 * 1000)}  # as exact as messages are
    wait_for(lambda: datetime.now(UTC) > soon)
    sim.play(campaign, url_of(person.rpartition("/")[2]), "reply", text="Still there?")

    def read() -> list[str]:
        return bodies(ask(sim, lambda client: client.inbox.read_thread(str(campaign), None, person, senders=came)))

    def answer() -> None:
        ask(sim, lambda client: client.inbox.reply(str(campaign), None, person, "Gladly", senders=came))

    assert read() == ["Still there?"]
    with pytest.raises(Refused):
        answer()
    sim.play(campaign, url_of(person.rpartition("/")[2]), "message", text="Hello from the next one")
    answer()
    rows = sim.control.get("/messages", params={"profile_url": f"https://www.{person}"}).json()
    assert [str(row["account_id"]) for row in rows if row["body"] == "Gladly"] == [own[0]]


def test_a_polled_reply_is_the_campaigns_whose_seat_it_came_to(
    sim: Simulator, pair: tuple[str, list[str], list[int]]
) -> None:
    _, _, campaigns = pair
    names = [str(campaign) for campaign in campaigns]
    for wanted in (names, names[:1], names[1:]):
        facts = ask(sim, lambda client, w=wanted: client.inbox.read_facts(w, datetime.now(UTC) - SINCE))
        shown = {
            (fact.external_campaign_id, fact.data["text"])
            for fact in facts
            if fact.fact is Fact.REPLIED and str(fact.data["text"]).startswith("To company")
        }
        expected = {(name, f"To company {number}") for number, name in enumerate(names) if name in wanted}
        assert shown == expected


def test_what_a_person_who_has_answered_is_tagged_with_is_polled(sim: Simulator) -> None:
    campaign = sim.running("tagged-one")
    sim.play(campaign, url_of("tagged-one"), "accepted")
    sim.play(campaign, url_of("tagged-one"), "reply", text="Gladly")
    sim.post("/lead/AddTags", {"leadProfileUrl": url_of("tagged-one"), "tags": ["Meeting booked", "Q3 list"]})
    facts = ask(sim, lambda client: client.inbox.read_facts([str(campaign)], datetime.now(UTC) - SINCE))
    labels = [(fact.fact, fact.data.get("label")) for fact in facts if fact.fact in (Fact.LABELLED, Fact.INTERESTED)]
    assert labels == [(Fact.INTERESTED, None), (Fact.LABELLED, "meeting"), (Fact.LABELLED, "other")]


__all__ = ["quick_clients", "shared", "sim"]


@pytest.mark.parametrize("key", ["test_1b0af07ed591ab6d", "test_bcf5c300a9d662b0", "test_15110c267bc08f34"])
def test_a_workspace_of_any_key_has_three_seats(tmp_path: Path, key: str) -> None:
    """Some keys draw one person twice; the simulator of such a key ended as soon as it was started."""
    store = open_store(tmp_path / "state.sqlite")
    with store.transaction():
        workspace = open_workspace(store, key, "2026-01-01T00:00:00Z")
    seats = store.all("select profile_url from li_accounts where workspace_id = ?", workspace.id)
    store.close()
    assert len({seat["profile_url"] for seat in seats}) == 3
