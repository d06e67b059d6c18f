"""The client against a provider that misbehaves: no person is added twice, and nothing is certain that is not so."""

import logging
import time as clock
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from providers.contract import ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError, Refused, Uncertain
from providers.models import LeadResult, LeadToAdd, Outcome
from tests.providers.instantly.simulator_fixture import KEY, Simulator, running, sim, wait_for
from tests.providers.instantly.test_client_requests import (
    SCHEDULE,
    STEPS,
    URL,
    added,
    ask,
    fresh,
    inside,
    new_campaign,
    people,
    stored,
)

__all__ = ["running", "sim"]
Verb = Callable[[ProviderClient, str, str], Awaitable[Any]]
READS: dict[str, Verb] = {
    "verify": lambda c, _, __: c.account.verify(),
    "list_senders": lambda c, _, __: c.account.list_senders(),
    "find_campaign": lambda c, _, __: c.campaigns.find("obx-1"),
    "find_leads": lambda c, campaign, _: c.leads.find_all(campaign, ["a@b.example"], datetime.now(UTC)),
    "find_lead": lambda c, campaign, _: c.leads.find(campaign, "a@b.example"),
}
REPEATABLE: dict[str, Verb] = {
    "put_name": lambda c, campaign, _: c.campaigns.put_name(campaign, "n", "m"),
    "put_sequence": lambda c, campaign, _: c.campaigns.put_sequence(campaign, STEPS),
    "put_schedule": lambda c, campaign, _: c.campaigns.put_schedule(campaign, SCHEDULE),
    "put_senders": lambda c, campaign, _: c.campaigns.put_senders(campaign, []),
    "put_webhook": lambda c, campaign, _: c.webhooks.put(campaign, URL),
    "set_active": lambda c, campaign, _: c.campaigns.set_active(campaign, False),
    "stop_lead": lambda c, campaign, lead: c.leads.stop(campaign, lead, for_good=True),
    "pause_lead": lambda c, campaign, lead: c.leads.stop(campaign, lead, for_good=False),
}
UNREPEATABLE: dict[str, Verb] = {
    "create_campaign": lambda c, _, __: c.campaigns.create("n", f"obx-{uuid4().hex}", []),
    "add_leads": lambda c, campaign, _: c.leads.add(campaign, people(*fresh())),
}
ALL = {**READS, **REPEATABLE, **UNREPEATABLE}


@pytest.fixture(scope="module")
def one_lead(running: Simulator) -> tuple[str, str]:
    """A campaign and a person in it; what these tests do to them has no effect."""
    campaign = running.campaign()
    return campaign, running.add(campaign, *fresh())["created_leads"][0]["id"]


def failure(sim: Simulator, name: str, where: tuple[str, str]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(sim, lambda client: ALL[name](client, *where))
    return caught.value


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("fault", ["rate_limited", "cloudflare"])
def test_who_is_held_off_tries_again(sim: Simulator, one_lead: tuple[str, str], name: str, fault: str) -> None:
    sim.faults(**{fault: True})
    before = added(sim, "")
    error = failure(sim, name, one_lead)
    assert (type(error), error.status) == (Passing, 429 if fault == "rate_limited" else 403)
    assert not error.permanent
    assert added(sim, "") == before


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("fault", ["server_error", "bad_gateway", "lost_response", "malformed"])
def test_an_answer_that_tells_nothing_is_uncertain_only_where_repeating_does_harm(
    sim: Simulator, name: str, fault: str
) -> None:
    campaign = sim.campaign()
    where = campaign, sim.add(campaign, *fresh())["created_leads"][0]["id"]
    sim.faults(**{fault: True})
    assert type(failure(sim, name, where)) is (Uncertain if name in UNREPEATABLE else Passing)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("fault", "status"), [("unauthorized", 401), ("forbidden", 403), ("payment_required", 402)])
def test_an_account_that_is_refused_is_refused_for_good(
    sim: Simulator, one_lead: tuple[str, str], name: str, fault: str, status: int
) -> None:
    sim.faults(**{fault: True})
    error = failure(sim, name, one_lead)
    gated = name == "put_webhook" and status != 401
    assert (type(error), error.status) == (Refused if gated else CredentialRefused, status)
    assert error.permanent


@pytest.mark.parametrize("name", REPEATABLE)
@pytest.mark.parametrize("fault", ["lost_response", "malformed", "server_error"])
def test_what_was_lost_is_done_again_with_the_same_end(sim: Simulator, name: str, fault: str) -> None:
    campaign = sim.campaign()
    (email,) = fresh()
    lead = sim.add(campaign, email)["created_leads"][0]["id"]
    sim.faults(**{fault: {"rate": 1, "methods": ["PATCH", "POST", "DELETE"], "times": 1}})
    assert type(failure(sim, name, (campaign, lead))) is Passing
    ask(sim, lambda client: ALL[name](client, campaign, lead))
    stands = inside(sim, campaign)
    if name == "put_webhook":
        assert [hook["target_hook_url"] for hook in sim.get("/webhooks")["items"]] == [URL]
    elif name == "stop_lead":
        assert stored(sim, campaign) == {}
    elif name == "pause_lead":
        wait_for(lambda: stored(sim, campaign)[email]["interest"] == -1)
    elif name == "set_active":
        assert stands["status"] == 2
    else:
        fields = {"put_name": ("name", "n [m]"), "put_senders": ("email_list", []), "put_schedule": ("email_gap", 12)}
        place, value = fields.get(name, ("sequences", stands["sequences"]))
        assert stands[place] == value
        assert name != "put_sequence" or len(stands["sequences"][0]["steps"]) == len(STEPS)


@pytest.mark.parametrize("fault", ["lost_response", "malformed"])
def test_a_creation_whose_answer_is_lost_is_found_by_its_marker(sim: Simulator, fault: str) -> None:
    marker = f"obx-{uuid4().hex}"
    sim.faults(**{fault: {"rate": 1, "times": 1}})
    with pytest.raises(Uncertain):
        ask(sim, lambda client: client.campaigns.create("Spring", marker, []))
    found = ask(sim, lambda client: client.campaigns.find(marker))
    assert found is not None
    assert inside(sim, found)["name"] == f"Spring [{marker}]"


@pytest.mark.parametrize("fault", ["server_error", "bad_gateway"])
def test_a_creation_that_failed_is_not_found(sim: Simulator, fault: str) -> None:
    marker = f"obx-{uuid4().hex}"
    sim.faults(**{fault: {"rate": 1, "times": 1}})
    with pytest.raises(Uncertain):
        ask(sim, lambda client: client.campaigns.create("Spring", marker, []))
    assert ask(sim, lambda client: client.campaigns.find(marker)) is None


def test_an_answer_that_comes_too_late_is_uncertain_and_the_work_is_done(sim: Simulator) -> None:
    campaign, (email,) = new_campaign(sim), fresh()
    sim.faults(slow={"rate": 1, "seconds": 0.5, "times": 1})
    with pytest.raises(Uncertain):
        ask(sim, lambda client: client.leads.add(campaign, people(email)), timeout=0.2)
    wait_for(lambda: added(sim, campaign) == [email])


def test_nobody_is_looked_for_by_the_slow_search(sim: Simulator) -> None:
    campaign = new_campaign(sim)
    emails = [*fresh(2), f"zoë.{uuid4().hex[:6]}@client.example"]
    ask(sim, lambda client: client.leads.add(campaign, people(*emails)))
    sim.faults(slow_search={"rate": 1, "seconds": 30})
    began = clock.monotonic()
    found = ask(sim, lambda client: client.leads.find_all(campaign, emails, datetime.now(UTC)))
    assert set(found) == set(emails)
    assert clock.monotonic() - began < 5


def test_a_list_that_lags_makes_nobody_twice(sim: Simulator) -> None:
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
    """Hold what was said of each lead against what the simulator knows."""
    there, by_key = stored(sim, campaign), {lead.key: lead.address for lead in leads}
    for result in results:
        email = by_key[result.key]
        assert result.outcome is not Outcome.PUSHED or email in there
        assert result.outcome is not Outcome.FAILED or email not in there
        assert result.external_id in (None, there.get(email, {}).get("id"))


def hand_over(sim: Simulator, campaign: str, leads: list[LeadToAdd]) -> tuple[set[UUID], set[str]]:
    """Push a batch as the product does: ask after doubt, and never before. Return who is settled, and which errors."""
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


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_through_all_faults_everybody_is_added_once(sim: Simulator, seed: int) -> None:
    campaign, leads = new_campaign(sim), people(*fresh(60))
    kinds = ("rate_limited", "server_error", "lost_response", "malformed", "cloudflare", "bad_gateway")
    sim.faults(seed=seed, **dict.fromkeys(kinds, 0.2))
    settled, errors = set[UUID](), set[str]()
    for _ in range(200):
        waiting = [lead for lead in leads if lead.key not in settled][:10]
        if not waiting:
            break
        told, seen = hand_over(sim, campaign, waiting)
        settled |= told
        errors |= seen
    assert added(sim, campaign) == sorted(lead.address for lead in leads)
    assert errors >= {"uncertain", "Passing"}


def test_the_key_is_in_no_log_and_no_exception(
    sim: Simulator, one_lead: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[BaseException] = []
    for fault in ("rate_limited", "server_error", "lost_response", "malformed", "unauthorized", "cloudflare"):
        sim.faults(**{fault: True})
        errors += [failure(sim, name, one_lead) for name in ("verify", "create_campaign", "stop_lead")]
    assert len(errors) == 18
    for error in errors:
        assert KEY not in f"{error!s}{error!r}{error.args}"
        assert KEY not in "".join(traceback.format_exception(error))
    assert KEY not in caplog.text
