"""The client against a provider that misbehaves: no person is added twice, and nothing is certain that is not so."""

import json
import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from providers.contract import ProviderClient
from providers.errors import Passing, ProviderError, Uncertain
from providers.models import LeadResult, LeadToAdd, Outcome
from tests.providers.instantly.simulator_fixture import KEY, Simulator, running, sim
from tests.providers.instantly.test_client_requests import (
    added,
    ask,
    fresh,
    new_campaign,
    people,
    recorded,
    stored,
)

__all__ = ["running", "sim"]


def test_no_person_is_looked_for_by_the_slow_search(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    emails = [*fresh(2), f"zoë.{uuid4().hex[:6]}@client.example"]
    ask(sim, lambda client: client.leads.add(campaign, people(*emails)))
    with recorded() as requests:
        found = ask(sim, lambda client: client.leads.find_all(campaign, emails, datetime.now(UTC)))
    assert set(found) == set(emails)
    assert requests
    assert not [request for request in requests if "search" in json.loads(request.content)]


def test_a_list_that_lags_makes_no_lead_twice(sim: Simulator) -> None:
    """Who asks too early and adds again learns that the person is there; later, asking finds them."""
    campaign, emails = new_campaign(sim), fresh(3)
    sim.faults(list_lag={"rate": 1, "seconds": 30}, lost_response={"rate": 1, "times": 1, "paths": ["leads/add"]})
    with pytest.raises(Uncertain):
        ask(sim, lambda client: client.leads.add(campaign, people(*emails)))
    assert ask(sim, lambda client: client.leads.find_all(campaign, emails, datetime.now(UTC))) == {}
    results = ask(sim, lambda client: client.leads.add(campaign, people(*emails)))
    assert {result.outcome for result in results} == {Outcome.PUSHED}
    assert added(sim, campaign) == emails
    sim.clock(advance=31)
    assert set(ask(sim, lambda client: client.leads.find_all(campaign, emails, datetime.now(UTC)))) == set(emails)


def holds(sim: Simulator, campaign: str, leads: list[LeadToAdd], results: list[LeadResult]) -> None:
    """Check what was said of each lead against what the simulator knows."""
    there, by_key = stored(sim, campaign), {lead.key: lead.address for lead in leads}
    for result in results:
        email = by_key[result.key]
        assert result.outcome is not Outcome.PUSHED or email in there
        assert result.outcome is not Outcome.FAILED or email not in there
        assert result.external_id in (None, there.get(email, {}).get("id"))


def hand_over(sim: Simulator, campaign: str, leads: list[LeadToAdd]) -> tuple[set[UUID], set[str]]:
    """Push a batch as the product does: look after a lost answer only. Return who is settled, and which errors."""
    settled, errors = set[UUID](), set[str]()
    before = set(added(sim, campaign))
    try:
        results = ask(sim, lambda client: client.leads.add(campaign, leads))
    except Uncertain:
        errors.add("uncertain")
    except ProviderError as error:
        assert set(added(sim, campaign)) == before, f"{type(error).__name__} said that nothing was done"
        return settled, {type(error).__name__}
    else:
        holds(sim, campaign, leads, results)
        settled |= {result.key for result in results if result.outcome is not Outcome.UNCERTAIN}
    found = find(sim, campaign, [lead.address for lead in leads if lead.key not in settled])
    return settled | {lead.key for lead in leads if lead.address in found}, errors


def find(sim: Simulator, campaign: str, emails: list[str]) -> set[str]:
    """Ask who is there, until there is an answer."""
    while True:
        try:
            return set(ask(sim, lambda client: client.leads.find_all(campaign, emails, datetime.now(UTC))))
        except Passing:
            continue


def test_through_all_faults_every_lead_is_added_once(sim: Simulator) -> None:
    campaign, leads = new_campaign(sim), people(*fresh(60))
    kinds = ("rate_limited", "server_error", "lost_response", "malformed", "cloudflare", "bad_gateway")
    sim.faults(seed=1, **dict.fromkeys(kinds, 0.2))
    settled, errors = set[UUID](), set[str]()
    for _ in range(200):
        waiting = [lead for lead in leads if lead.key not in settled][:10]
        if not waiting:
            break
        shown, seen = hand_over(sim, campaign, waiting)
        settled |= shown
        errors |= seen
    assert added(sim, campaign) == sorted(lead.address for lead in leads)
    assert errors >= {"uncertain", "Passing"}


def test_the_key_is_in_no_log_and_no_exception(sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    verbs: list[Callable[[ProviderClient], Awaitable[object]]] = [
        lambda client: client.account.verify(),
        lambda client: client.campaigns.create("n", "obx-1", []),
    ]
    for fault in ("rate_limited", "server_error", "lost_response", "malformed", "unauthorized", "cloudflare"):
        sim.faults(**{fault: True})
        for verb in verbs:
            with pytest.raises(ProviderError) as caught:
                ask(sim, verb)
            assert KEY not in f"{caught.value!s}{caught.value!r}{caught.value.args}"
            assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in caplog.text
