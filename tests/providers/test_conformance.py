"""One contract, three providers: the same tests through `ProviderClient` alone, held against their simulators."""

import asyncio
import json
import re
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from providers.base import ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.models import Fact, LeadResult, Outcome, ProviderEvent
from providers.registry import PROVIDERS
from tests.providers.conformance import (
    HARNESSES,
    KEYS,
    URL,
    Counting,
    Harness,
    recorder,
)
from tests.providers.conformance_verbs import ONCE, READS, REPEATABLE, VERBS, Work, requests
from tests.providers.heyreach.client_fixture import quick_clients
from tests.providers.smartlead.simulator_process import ROOT, Receiver, wait_for

__all__ = ["quick_clients"]
SLOW, PATIENCE = 0.3, 0.15


@pytest.fixture(scope="module", params=HARNESSES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = HARNESSES[request.param](tmp_path_factory.mktemp(request.param) / "state.db")
    yield harness
    harness.sim.close()


@pytest.fixture
def it(shared: Harness) -> Iterator[Harness]:
    """A provider whose simulator has no faults and its usual settings."""
    yield shared
    shared.reset()


def telling_nothing(it: Harness, error: BaseException, *secrets: str) -> None:
    """Hold an error's words against what belongs in no log."""
    whole = "".join(traceback.format_exception(error))
    for secret in (it.key, *secrets):
        assert secret not in f"{error!s}{error!r}{error.args}"
        assert secret not in whole
    assert "?" not in str(error)
    assert "api_key" not in whole
    assert "@client.example" not in whole
    assert "linkedin.com/in/" not in whole


# Keys


def test_a_good_key_is_accepted(it: Harness) -> None:
    assert it.ask(lambda client: client.verify()) is None


@pytest.mark.parametrize("key", ["", " ", "wrong-key", "wrong\nkey", "wrong kéy", "ключ", *KEYS.values()])
def test_any_other_key_is_refused(it: Harness, key: str) -> None:
    if key == it.key:
        key = f"{key[:-3]}x=="
    for verb in ("verify", "list_senders"):
        work = VERBS[verb](it)
        with pytest.raises(CredentialRefused) as refusal:
            it.ask(work.do, key=key)
        assert (refusal.value.status, refusal.value.permanent) == (401, True)
        telling_nothing(it, refusal.value, *([key] if len(key) > 3 else []))


def test_a_key_that_was_taken_back_is_refused(it: Harness) -> None:
    key = it.revoked()
    if key is None:
        pytest.skip("this simulator takes no key back")
    for verb in ("verify", "find_campaign", "create_campaign", "add_leads", "put_name", "set_active", "put_webhook"):
        work = VERBS[verb](it)
        with pytest.raises(CredentialRefused) as refusal:
            it.ask(work.do, key=key)
        telling_nothing(it, refusal.value, key)


# Senders and campaigns


@pytest.mark.parametrize("page", [2, 1])
def test_every_sender_is_listed_once(it: Harness, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No simulator has a page full of senders, so pages are made small."""
    monkeypatch.setattr(f"providers.{it.name}.calls.PAGE", page)
    gate = Counting()
    listed = it.ask(lambda client: client.list_senders(), gate=gate)
    assert sorted(sender.external_id for sender in listed) == sorted(it.senders())
    assert len({sender.address for sender in listed}) == len(listed) == 3
    assert all(sender.address and sender.active for sender in listed)
    assert gate.passed >= 3 // page
    marker = f"obx-{uuid4().hex}"
    made = it.ask(lambda client: client.create_campaign("Paged", marker, it.senders()))
    for _ in range(2):
        it.ask(lambda client: client.create_campaign("Other", f"obx-{uuid4().hex}", it.senders()))
    assert it.ask(lambda client: client.find_campaign(marker)) == made
    since, people = datetime.now(UTC), it.fresh(3)
    campaign = it.running(*people)
    assert set(it.ask(lambda client: client.find_leads(campaign, people, since))) == set(people)


def test_a_campaign_is_found_by_its_marker_and_by_nothing_else(it: Harness) -> None:
    markers = [f"obx-{uuid4().hex}" for _ in range(3)]
    made = [it.ask(lambda client, m=m: client.create_campaign("Spring", m, it.senders())) for m in markers]
    assert len(set(made)) == 3
    assert set(made) <= it.campaigns()
    for campaign, marker in zip(made, markers, strict=True):
        assert it.ask(lambda client, m=marker: client.find_campaign(m)) == campaign
    it.ask(lambda client: client.put_name(made[0], "Autumn", markers[0]))
    assert it.ask(lambda client: client.find_campaign(markers[0])) == made[0]
    for other in (f"obx-{uuid4().hex}", markers[0][:-1] + "_"):
        assert it.ask(lambda client, m=other: client.find_campaign(m)) is None
    with pytest.raises(CredentialRefused):
        it.ask(lambda client: client.find_campaign(markers[0]), key="wrong-key")


# What is repeatable, and the order of things


@pytest.mark.parametrize("verb", REPEATABLE)
def test_done_twice_is_done_once(it: Harness, verb: str) -> None:
    work = VERBS[verb](it)
    before = work.look()
    it.ask(work.do)
    wait_for(work.done, 2)
    once = work.look()
    assert once != before
    it.ask(work.do)
    assert work.look() == once
    assert work.done()


def test_webhooks_that_two_registered_at_once_become_one_of_each(it: Harness) -> None:
    work = VERBS["put_webhook"](it)

    async def hold(spacing: float = 0.0) -> None:
        await asyncio.sleep(0.05)  # so that both have looked before one of them registers

    async def twice(client: ProviderClient) -> None:
        await asyncio.gather(work.do(client), work.do(client))

    it.ask(twice, gate=hold)
    assert not work.done()
    it.ask(work.do)
    assert work.done()


def test_a_campaign_goes_through_its_whole_life_in_the_order_that_features_tell(it: Harness) -> None:
    features, people = it.features, it.fresh(2)
    campaign = it.ask(lambda client: it.build(client, URL))
    stands = it.campaign(campaign)
    assert json.dumps(stands[it.sequence]).count("Hello ") >= len(features.step_types)
    assert '"08:30' in json.dumps(stands)
    assert sorted(it.senders_of(campaign)) == sorted(it.senders())
    assert [it.hook_url(hook) for hook in it.hooks(campaign)] == [URL] * it.hook_count
    assert not it.active(campaign)
    if features.starts_before_leads:
        with pytest.raises(Refused):
            it.ask(lambda client: client.add_leads(campaign, it.people(people)))
        assert it.added(campaign) == []
    else:
        it.ask(lambda client: client.add_leads(campaign, it.people(people[:1])))
        assert it.added(campaign) == people[:1]
    for active in (False, False, True, True):
        it.ask(lambda client, active=active: client.set_active(campaign, active))
    wait_for(lambda: it.started(campaign))
    it.ask(lambda client: client.add_leads(campaign, it.people(people)))
    wait_for(lambda: it.active(campaign))
    assert it.added(campaign) == sorted(people)
    for active in (True, False, False):
        it.ask(lambda client, active=active: client.set_active(campaign, active))
        assert it.active(campaign) is active
    for active in (True, True):
        it.ask(lambda client, active=active: client.set_active(campaign, active))
        wait_for(lambda: it.active(campaign))


def test_what_sends_is_edited_where_features_say_so(it: Harness) -> None:
    campaign = it.running(*it.fresh())
    before = it.state(campaign)
    if it.features.edits_at_rest:
        with pytest.raises(Refused):
            it.ask(lambda client: client.put_name(campaign, "Autumn", "obx-1"))
        assert it.state(campaign) == before
        it.ask(lambda client: client.set_active(campaign, False))
    it.ask(lambda client: client.put_name(campaign, "Autumn", "obx-1"))
    assert it.campaign(campaign)["name"].startswith("Autumn")


# People


def told(results: list[LeadResult], leads: list[Any], there: set[str]) -> None:
    """Hold the results of a batch against who is there: nobody is said to be in who is not, nor the reverse."""
    assert [result.key for result in results] == [lead.key for lead in leads]
    for lead, result in zip(leads, results, strict=True):
        expected = Outcome.PUSHED if lead.address in there else Outcome.FAILED
        assert result.outcome in (expected, Outcome.UNCERTAIN)


def test_a_full_batch_is_added_once_and_never_again(it: Harness) -> None:
    campaign, people = it.running(), it.fresh(it.features.leads_per_request)
    leads, since = it.people(people), datetime.now(UTC)
    results = it.ask(lambda client: client.add_leads(campaign, leads))
    told(results, leads, set(people))
    assert {result.outcome for result in results} == {Outcome.PUSHED}
    assert it.added(campaign, people) == sorted(people)
    again = it.ask(lambda client: client.add_leads(campaign, leads))
    told(again, leads, set(people))
    assert it.added(campaign, people) == sorted(people)
    found = it.ask(lambda client: client.find_leads(campaign, people, since))
    assert set(found) == set(people)
    for result, address in zip(results, people, strict=True):
        assert result.external_id in (None, found[address])
        assert found[address]
    assert it.ask(lambda client: client.find_lead(campaign, people[7])) == found[people[7]]
    assert it.ask(lambda client: client.find_lead(campaign, it.fresh()[0])) is None


def test_people_who_are_there_already_are_not_added_with_others(it: Harness) -> None:
    campaign, people = it.running(), it.fresh(4)
    it.ask(lambda client: client.add_leads(campaign, it.people(people[:2])))
    leads = it.people(people)
    told(it.ask(lambda client: client.add_leads(campaign, leads)), leads, set(people))
    assert it.added(campaign, people) == sorted(people)


@pytest.mark.parametrize("fault", ["lost_response", "malformed"])
def test_a_batch_without_an_answer_is_accounted_for_by_asking(it: Harness, fault: str) -> None:
    campaign, people = it.running(), it.fresh(8)
    here, gone = people[:5], people[5:]
    since = datetime.now(UTC)
    it.sim.faults(**{fault: {"rate": 1, "methods": ["POST"], "paths": ["leads", "AddLeads"]}})
    with pytest.raises(Uncertain):
        it.ask(lambda client: client.add_leads(campaign, it.people(here)))
    it.sim.faults()
    assert it.added(campaign, people) == sorted(here)
    lagging = it.lag(0.6)

    def ask() -> set[str]:
        return set(it.ask(lambda client: client.find_leads(campaign, people, since)))

    if lagging:
        assert ask() < set(here)
    wait_for(lambda: ask() == set(here), 4)
    if it.features.absence_proves:
        it.ask(lambda client: client.add_leads(campaign, it.people(gone)))
        wait_for(lambda: ask() == set(people), 4)
    assert it.added(campaign) == sorted(set(it.added(campaign)))


def test_people_of_another_campaign_are_not_found(it: Harness) -> None:
    people, since = it.fresh(2), datetime.now(UTC)
    first, second = it.running(people[0]), it.running(people[1])
    assert set(it.ask(lambda client: client.find_leads(first, people, since))) == {people[0]}
    assert it.ask(lambda client: client.find_lead(second, people[0])) is None


@pytest.mark.parametrize("for_good", [True, False])
def test_exactly_one_person_is_stopped_and_only_in_this_campaign(it: Harness, for_good: bool) -> None:
    people = it.fresh(3)
    campaign, other = it.running(*people), it.running(*people)
    lead = it.ask(lambda client: client.find_lead(campaign, people[1]))
    assert lead is not None
    for _ in range(2):
        assert it.ask(lambda client: client.stop_lead(campaign, lead, for_good=for_good))
        wait_for(lambda: it.stopped(campaign, people, for_good) == {people[1]}, 2)
    assert it.stopped(other, people, True) | it.stopped(other, people, False) == set()
    assert it.active(campaign)


# Faults


class Tripping(Counting):
    """A gate that has one request meet a fault: the one of that number."""

    def __init__(self, it: Harness, fault: str, at: int) -> None:
        super().__init__()
        self._it, self._fault, self._at = it, fault, at

    async def __call__(self, spacing: float = 0.0) -> None:
        await super().__call__()
        if self.passed == self._at:
            seconds = {"rate_limited": 7, "slow": SLOW}.get(self._fault, 0)
            self._it.sim.faults(**{self._fault: {"rate": 1, "times": 1, "seconds": seconds}})


def attempt(it: Harness, verb: str, fault: str, at: int) -> None:
    """Let one request of a verb meet a fault, hold what comes of it against the contract, and put it right."""
    work: Work = VERBS[verb](it)
    before, gate = work.look(), Tripping(it, fault, at)
    error = None
    try:
        it.ask(work.do, gate=gate, timeout=PATIENCE if fault == "slow" else 5)
    except ProviderError as failed:
        error = failed
    time.sleep(SLOW if fault == "slow" and error else 0)  # until the request that was given up has been carried out
    it.sim.faults()
    if error is None:
        wait_for(work.done, 2)
        assert fault in ("malformed", "slow")  # an answer without a body cannot be cut, and somebody may be quick
        return
    telling_nothing(it, error)
    holds(it, verb, error, unchanged=work.look() == before, fault=fault, first=at == 1)
    it.ask(work.right or work.do)
    wait_for(work.done, 2)
    if verb not in READS:
        end = work.look()
        it.ask(work.right or work.do)
        assert work.look() == end


def holds(it: Harness, verb: str, error: ProviderError, *, unchanged: bool, fault: str, first: bool) -> None:
    """Hold an error against what became of the work."""
    assert type(error) in (Passing, Uncertain, Refused)
    assert type(error) is Passing or fault != "rate_limited"
    assert not error.permanent
    assert verb in ONCE or type(error) is Passing
    assert unchanged or verb not in READS
    assert unchanged or verb not in ONCE or type(error) is Uncertain
    assert unchanged or not first or fault not in ("rate_limited", "server_error")
    if fault == "rate_limited":
        assert (error.status, error.retry_after) == (429, 7 if it.tells_when else None)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "lost_response", "malformed"])
def test_whichever_request_fails_nothing_is_lost_or_done_twice(it: Harness, fault: str, verb: str) -> None:
    for at in sorted({1, min(2, requests(it, verb)), requests(it, verb)}):
        attempt(it, verb, fault, at)


@pytest.mark.parametrize("verb", VERBS)
def test_an_answer_that_comes_too_late_is_put_right(it: Harness, verb: str) -> None:
    attempt(it, verb, "slow", requests(it, verb))


# The gate, and what every request carries


class Closed(Exception):
    pass


@pytest.mark.parametrize("verb", VERBS)
def test_the_gate_is_asked_before_every_request(it: Harness, verb: str) -> None:
    work, gate = VERBS[verb](it), Counting()
    it.sim.faults(slow={"rate": 1, "seconds": 0})
    it.ask(work.do, gate=gate)
    assert it.sim.control.get("/faults/hits").json() == {"slow": gate.passed}
    assert gate.passed > 0
    wait_for(work.done, 2)  # or what was asked for here is seen among what must not be done below

    async def closed(spacing: float = 0.0) -> None:
        raise Closed

    work = VERBS[verb](it)
    before = work.look()
    it.sim.faults(slow={"rate": 1, "seconds": 0})
    with pytest.raises(Closed):
        it.ask(work.do, gate=closed)
    assert it.sim.control.get("/faults/hits").json() == {"slow": 0}
    it.sim.faults()
    assert work.look() == before


def test_every_request_says_who_asks(it: Harness) -> None:
    gate = Counting()
    with recorder(it.url) as (url, seen):
        for verb in VERBS:
            it.ask(VERBS[verb](it).do, url=url, gate=gate)
    assert len(seen) == gate.passed >= len(VERBS)
    assert {headers["user-agent"] for headers in seen} == {"outbound-engine/1.0"}


# Webhooks


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taker = Receiver()
    yield taker
    taker.close()


def facts_of(it: Harness, receiver: Receiver) -> list[tuple[str, ProviderEvent]]:
    """Return what has arrived, with the body it was read from."""
    bodies = [headers["raw"] for headers in list(receiver.headers)]
    return [(body, event) for body in bodies for event in it.provider.parse_webhook(body.encode())]


def who(event: ProviderEvent) -> str:
    found = re.search(r"linkedin\.com/in/[^/?]+", event.linkedin_url or "")
    return found[0] if found else str(event.email)


def ids_in(body: str) -> set[str]:
    """Return every id in a body."""
    found = re.findall(r'"(?:[a-z_]*_ids?|ids?|[A-Za-z]+Id)": *"?(?!null)([^",}\]]{4,})', body)
    return set(found)


def test_webhooks_tell_neutral_facts_once(it: Harness, receiver: Receiver) -> None:
    kinds = list(it.events.items())
    interesting = Fact.INTERESTED.value in seeded(it)["events"]
    people = it.fresh(len(kinds) + interesting)
    campaign = it.running(*people, url=receiver.url)
    it.sim.set(duplicates=1)
    played = {(fact, person) for (_, fact), person in zip(kinds, people, strict=False)}
    for (kind, _), person in zip(kinds, people, strict=False):
        it.sim.play(int(campaign) if campaign.isdecimal() else campaign, person, kind)
    if interesting:
        it.interest(campaign, people[-1])
        played.add((Fact.INTERESTED, people[-1]))
    expected = sorted(played) * 2
    wait_for(
        lambda: len([1 for _, event in facts_of(it, receiver) if (event.fact, who(event)) in played]) >= len(expected)
    )
    arrived = facts_of(it, receiver)
    assert {(event.fact, who(event)) for _, event in arrived} >= played
    assert {event.fact.value for _, event in arrived} == set(seeded(it)["events"])
    assert {event.external_campaign_id for _, event in arrived} == {campaign}
    facts = {(event.fact, who(event), event.data["step"]) for _, event in arrived}
    assert len({event.key for _, event in arrived}) == len({(fact, person) for fact, person, _ in facts})
    for body, event in arrived:
        assert [again.key for again in it.provider.parse_webhook(body.encode())] == [event.key]
        shown = json.dumps(dict(event.data), default=str)
        assert not [name for name in PROVIDERS if name in shown.lower()]
        assert not [found for found in ids_in(body) if found in shown]


def test_every_reply_that_is_told_is_a_fact_of_its_own(it: Harness, receiver: Receiver) -> None:
    (person,) = it.fresh()
    campaign = it.running(person, url=receiver.url)
    for text in ("Yes", "Yes"):
        it.sim.play(int(campaign) if campaign.isdecimal() else campaign, person, "reply", text=text)
        time.sleep(0.01)

    def replies() -> set[str]:
        return {event.key for _, event in facts_of(it, receiver) if event.fact is Fact.REPLIED}

    wait_for(lambda: len(replies()) == 1 + it.tells_later_replies)


# What the database says of them


def seeded(it: Harness) -> dict[str, list[str]]:
    """Return what the migration that introduced LinkedIn says of the provider's capability."""
    sql = (ROOT / "supabase/migrations/20261123000500_linkedin.sql").read_text(encoding="utf-8")
    found = re.search(rf"'{it.features.capability}',\s*array\[(.*?)\],\s*array\[(.*?)\]", sql, re.DOTALL)
    assert found is not None
    steps, events = (re.findall(r"'([^']+)'", part) for part in found.groups())
    return {"steps": steps, "events": events}


def test_the_steps_are_those_that_companies_are_shown(it: Harness) -> None:
    assert list(it.features.step_types) == seeded(it)["steps"]
