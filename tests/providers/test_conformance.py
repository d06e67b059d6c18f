"""One contract, three providers: the same tests through `ProviderClient` alone, against their simulators."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from providers.contract import ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.models import LeadResult, Outcome
from tests.providers.conformance import HARNESSES, KEYS, URL, Harness, Work, recorder
from tests.providers.conformance_fixture import each_verb, it, only, shared, telling_nothing
from tests.providers.conformance_verbs import ONCE, READS, REPEATABLE, VERBS, requests, verbs_of
from tests.providers.heyreach.client_fixture import quick_clients
from tests.providers.recording import deliver, late
from tests.support.clients import CountingGate
from tests.support.simulator_process import wait_for

__all__ = ["it", "quick_clients", "shared"]


# Keys


def test_a_good_key_is_accepted(it: Harness) -> None:
    assert it.ask(lambda client: client.account.verify()) is None


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


@only(*(name for name, harness in HARNESSES.items() if harness.revoked is not Harness.revoked))
def test_a_key_that_was_taken_back_is_refused(it: Harness) -> None:
    refused_everything(it, it.revoked())


def refused_everything(it: Harness, key: str) -> None:
    """Check that a key is refused by every verb, whatever else it would have looked for before."""
    for verb in verbs_of(it.name):
        work = VERBS[verb](it)
        with pytest.raises(CredentialRefused) as refusal:
            it.ask(work.do, key=key)
        assert refusal.value.status == 401, verb
        telling_nothing(it, refusal.value, key)


def test_a_key_that_is_not_known_is_refused_by_every_verb(it: Harness) -> None:
    refused_everything(it, "wrong-key")


# Senders and campaigns


@pytest.mark.parametrize("page", [2, 1])
def test_every_sender_is_listed_once(it: Harness, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No simulator has a page full of senders, so pages are made small."""
    monkeypatch.setattr(f"providers.{it.name}.calls.PAGE", page)
    gate = CountingGate()
    listed = it.ask(lambda client: client.account.list_senders(), gate=gate)
    assert sorted(sender.external_id for sender in listed) == sorted(it.senders())
    assert len({sender.address for sender in listed}) == len(listed) == 3
    assert all(sender.address and sender.active for sender in listed)
    assert gate.passed >= 3 // page
    marker = f"obx-{uuid4().hex}"
    made = it.ask(lambda client: client.campaigns.create("Paged", marker, it.senders()))
    for _ in range(2):
        it.ask(lambda client: client.campaigns.create("Other", f"obx-{uuid4().hex}", it.senders()))
    assert it.ask(lambda client: client.campaigns.find(marker)) == made
    since, people = datetime.now(UTC), it.fresh(3)
    campaign = it.running(*people)
    assert set(it.ask(lambda client: client.leads.find_all(campaign, people, since))) == set(people)


def test_a_campaign_is_found_by_its_marker_and_by_nothing_else(it: Harness) -> None:
    markers = [f"obx-{uuid4().hex}" for _ in range(3)]
    made = [it.ask(lambda client, m=m: client.campaigns.create("Spring", m, it.senders())) for m in markers]
    assert len(set(made)) == 3
    assert set(made) <= it.campaigns()
    for campaign, marker in zip(made, markers, strict=True):
        assert it.ask(lambda client, m=marker: client.campaigns.find(m)) == campaign
    it.ask(lambda client: client.campaigns.put_name(made[0], "Autumn", markers[0]))
    assert it.ask(lambda client: client.campaigns.find(markers[0])) == made[0]
    for other in (f"obx-{uuid4().hex}", markers[0][:-1] + "_"):
        assert it.ask(lambda client, m=other: client.campaigns.find(m)) is None
    with pytest.raises(CredentialRefused):
        it.ask(lambda client: client.campaigns.find(markers[0]), key="wrong-key")


def test_a_campaign_has_begun_once_it_was_started(it: Harness) -> None:
    draft, running = (
        it.ask(lambda client: client.campaigns.create("Spring", f"obx-{uuid4().hex}", it.senders())),
        it.running(),
    )
    assert not it.ask(lambda client: client.campaigns.has_begun(draft))
    assert it.ask(lambda client: client.campaigns.has_begun(running))
    it.ask(lambda client: client.campaigns.set_active(running, False))
    assert it.ask(lambda client: client.campaigns.has_begun(running))
    gone = str(uuid4()) if it.name == "instantly" else "999999999"
    with pytest.raises(Refused):
        it.ask(lambda client: client.campaigns.has_begun(gone))


# What is repeatable, and the order of things


@each_verb(*REPEATABLE)
def test_done_twice_is_done_once(it: Harness, verb: str) -> None:
    work = VERBS[verb](it)
    before = work.look()
    it.ask(work.do)
    wait_for(work.done)
    once = work.look()
    assert once != before
    it.ask(work.do)
    assert work.look() == once
    assert work.done()


def test_what_a_provider_has_no_notion_of_is_refused_before_a_request(it: Harness) -> None:
    gate, (person,) = CountingGate(), it.fresh()
    calls: dict[str, Callable[[ProviderClient], Awaitable[object]]] = {
        "pause_lead": lambda client: client.leads.pause("1", person),
        "resume_lead": lambda client: client.leads.resume("1", person),
        "list_blocked": lambda client: client.block_list.entries(),
        "block": lambda client: client.block_list.add([person]),
        "unblock": lambda client: client.block_list.remove([person]),
    }
    unasked = [verb for verb in VERBS if verb not in verbs_of(it.name)]
    for verb in calls.keys() & unasked:
        with pytest.raises(Refused) as refusal:
            it.ask(calls[verb], gate=gate, key="wrong-key")
        assert not isinstance(refusal.value, CredentialRefused)
        telling_nothing(it, refusal.value)
    assert gate.passed == 0
    assert it.features.lead_pause is ("pause_lead" not in unasked)
    assert it.traits.block_list is ("block" not in unasked)
    assert {*unasked} <= calls.keys()


class Abreast(CountingGate):
    """A gate that lets so many through together only: all have looked before one of them changes anything."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._barrier = asyncio.Barrier(number)

    async def __call__(self, spacing: float = 0.0) -> None:
        await self._barrier.wait()


def test_webhooks_that_two_registered_at_once_become_one_of_each(it: Harness) -> None:
    work = VERBS["put_webhook"](it)

    async def twice(client: ProviderClient) -> None:
        await asyncio.gather(work.do(client), work.do(client))

    it.ask(twice, gate=Abreast(2))
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
    if it.traits.starts_before_leads:
        with pytest.raises(Refused):
            it.ask(lambda client: client.leads.add(campaign, it.people(people)))
        assert it.added(campaign) == []
    else:
        it.ask(lambda client: client.leads.add(campaign, it.people(people[:1])))
        assert it.added(campaign) == people[:1]
    for active in (False, False, True, True):
        it.ask(lambda client, active=active: client.campaigns.set_active(campaign, active))
    wait_for(lambda: it.started(campaign))
    it.ask(lambda client: client.leads.add(campaign, it.people(people)))
    wait_for(lambda: it.active(campaign))
    assert it.added(campaign) == sorted(people)
    for active in (True, False, False):
        it.ask(lambda client, active=active: client.campaigns.set_active(campaign, active))
        assert it.active(campaign) is active
    for active in (True, True):
        it.ask(lambda client, active=active: client.campaigns.set_active(campaign, active))
        wait_for(lambda: it.active(campaign))


def test_what_sends_is_edited_where_features_say_so(it: Harness) -> None:
    campaign = it.running(*it.fresh())
    before = it.state(campaign)
    if it.traits.edits_at_rest:
        with pytest.raises(Refused):
            it.ask(lambda client: client.campaigns.put_name(campaign, "Autumn", "obx-1"))
        assert it.state(campaign) == before
        it.ask(lambda client: client.campaigns.set_active(campaign, False))
    it.ask(lambda client: client.campaigns.put_name(campaign, "Autumn", "obx-1"))
    assert it.campaign(campaign)["name"].startswith("Autumn")


# People


def shown(results: list[LeadResult], leads: list[Any], there: set[str]) -> None:
    """Check the results of a batch against who is there: no lead is said to be in who is not, nor the reverse."""
    assert [result.key for result in results] == [lead.key for lead in leads]
    for lead, result in zip(leads, results, strict=True):
        expected = Outcome.PUSHED if lead.address in there else Outcome.FAILED
        assert result.outcome in (expected, Outcome.UNCERTAIN)


def test_a_full_batch_is_added_once_and_never_again(it: Harness) -> None:
    campaign, people = it.running(), it.fresh(it.limits.leads_per_request)
    leads, since = it.people(people), datetime.now(UTC)
    results = it.ask(lambda client: client.leads.add(campaign, leads))
    shown(results, leads, set(people))
    assert {result.outcome for result in results} == {Outcome.PUSHED}
    assert it.added(campaign, people) == sorted(people)
    again = it.ask(lambda client: client.leads.add(campaign, leads))
    shown(again, leads, set(people))
    assert it.added(campaign, people) == sorted(people)
    found = it.ask(lambda client: client.leads.find_all(campaign, people, since))
    assert set(found) == set(people)
    for result, address in zip(results, people, strict=True):
        assert result.external_id in (None, found[address])
        assert found[address]
    assert it.ask(lambda client: client.leads.find(campaign, people[7])) == found[people[7]]
    assert it.ask(lambda client: client.leads.find(campaign, it.fresh()[0])) is None


def test_people_who_are_there_already_are_not_added_with_others(it: Harness) -> None:
    campaign, people = it.running(), it.fresh(4)
    it.ask(lambda client: client.leads.add(campaign, it.people(people[:2])))
    leads = it.people(people)
    shown(it.ask(lambda client: client.leads.add(campaign, leads)), leads, set(people))
    assert it.added(campaign, people) == sorted(people)


@pytest.mark.parametrize("fault", ["lost_response", "malformed"])
def test_a_batch_without_an_answer_is_accounted_for_by_asking(it: Harness, fault: str) -> None:
    campaign, people = it.running(), it.fresh(8)
    here, gone = people[:5], people[5:]
    since = datetime.now(UTC)
    it.sim.faults(**{fault: {"rate": 1, "methods": ["POST"], "paths": ["leads", "AddLeads"]}})
    with pytest.raises(Uncertain):
        it.ask(lambda client: client.leads.add(campaign, it.people(here)))
    it.sim.faults()
    assert it.added(campaign, people) == sorted(here)
    lagging = it.lag(60)

    def ask() -> set[str]:
        return set(it.ask(lambda client: client.leads.find_all(campaign, people, since)))

    if lagging:
        assert ask() < set(here)
        it.advance(61)
    wait_for(lambda: ask() == set(here))
    if it.traits.absence_proves:
        it.ask(lambda client: client.leads.add(campaign, it.people(gone)))
        it.advance(61)
        wait_for(lambda: ask() == set(people))
    assert it.added(campaign) == sorted(set(it.added(campaign)))


def test_people_of_another_campaign_are_not_found(it: Harness) -> None:
    people, since = it.fresh(2), datetime.now(UTC)
    first, second = it.running(people[0]), it.running(people[1])
    assert set(it.ask(lambda client: client.leads.find_all(first, people, since))) == {people[0]}
    assert it.ask(lambda client: client.leads.find(second, people[0])) is None


@pytest.mark.parametrize("for_good", [True, False])
def test_exactly_one_person_is_stopped_and_only_in_this_campaign(it: Harness, for_good: bool) -> None:
    people = it.fresh(3)
    campaign, other = it.running(*people), it.running(*people)
    lead = it.ask(lambda client: client.leads.find(campaign, people[1]))
    assert lead is not None
    for _ in range(2):
        assert it.ask(lambda client: client.leads.stop(campaign, lead, for_good=for_good))
        wait_for(lambda: it.stopped(campaign, people, for_good) == {people[1]})
    assert it.stopped(other, people, True) | it.stopped(other, people, False) == set()
    assert it.active(campaign)


# Faults


class Tripping(CountingGate):
    """A gate that has one request meet a fault: the one of that number."""

    def __init__(self, it: Harness, fault: str, at: int) -> None:
        super().__init__()
        self._it, self._fault, self._at = it, fault, at

    async def __call__(self, spacing: float = 0.0) -> None:
        await super().__call__()
        if self.passed == self._at:
            seconds = 7 if self._fault == "rate_limited" else 0
            self._it.sim.faults(**{self._fault: {"rate": 1, "times": 1, "seconds": seconds}})


def attempt(it: Harness, verb: str, fault: str, at: int) -> None:
    """Let one request of a verb meet a fault, check what comes of it against the contract, and put it right."""
    work: Work = VERBS[verb](it)
    before, gate = work.look(), Tripping(it, fault, at)
    error = None
    try:
        it.ask(work.do, gate=gate)
    except ProviderError as failed:
        error = failed
    it.sim.faults()
    if error is None:
        wait_for(work.done)
        assert fault == "malformed"  # an answer without a body cannot be cut
        return
    telling_nothing(it, error)
    holds(it, verb, error, unchanged=work.look() == before, fault=fault, first=at == 1)
    put_right(it, verb, work)


def put_right(it: Harness, verb: str, work: Work) -> None:
    """Do what is right where it is not known whether a verb was done, and see that this holds."""
    it.ask(work.right or work.do)
    wait_for(work.done)
    if verb not in READS:
        end = work.look()
        it.ask(work.right or work.do)
        assert work.look() == end


def holds(it: Harness, verb: str, error: ProviderError, *, unchanged: bool, fault: str, first: bool) -> None:
    """Check an error against what became of the work."""
    assert type(error) in (Passing, Uncertain, Refused)
    assert type(error) is Passing or fault != "rate_limited"
    assert not error.permanent
    assert verb in ONCE or type(error) is Passing
    assert unchanged or verb not in READS
    assert unchanged or verb not in ONCE or type(error) is Uncertain
    assert unchanged or not first or fault not in ("rate_limited", "server_error")
    if fault == "rate_limited":
        assert (error.status, error.retry_after) == (429, 7 if it.tells_when else None)


@each_verb(*VERBS)
@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "lost_response", "malformed"])
def test_whichever_request_fails_nothing_is_lost_or_done_twice(it: Harness, fault: str, verb: str) -> None:
    for at in sorted({1, min(2, requests(it, verb)), requests(it, verb)}):
        attempt(it, verb, fault, at)


@each_verb(*VERBS)
def test_what_is_done_after_it_was_given_up_is_put_right(it: Harness, verb: str) -> None:
    number, work = requests(it, verb), VERBS[verb](it)
    before = work.look()
    with late(number) as kept:
        with pytest.raises(ProviderError) as failure:
            it.ask(work.do)
        assert type(failure.value) is (Uncertain if verb in ONCE else Passing)
        telling_nothing(it, failure.value)
    (request,) = kept
    deliver(request)
    assert verb not in READS or work.look() == before
    put_right(it, verb, work)


# The gate, and what every request carries


class Closed(Exception):
    pass


@each_verb(*VERBS)
def test_the_gate_is_awaited_before_every_request(it: Harness, verb: str) -> None:
    work, gate = VERBS[verb](it), CountingGate()
    it.sim.faults(slow={"rate": 1, "seconds": 0})
    it.ask(work.do, gate=gate)
    assert it.sim.control.get("/faults/hits").json() == {"slow": gate.passed}
    assert gate.passed > 0
    wait_for(work.done)  # or what was requested here is seen among what must not be done below

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
    gate = CountingGate()
    with recorder(it.url) as (url, seen):
        for verb in verbs_of(it.name):
            it.ask(VERBS[verb](it).do, url=url, gate=gate)
    assert len(seen) == gate.passed >= len(verbs_of(it.name))
    assert {headers["user-agent"] for headers in seen} == {"outbound-engine/1.0"}
