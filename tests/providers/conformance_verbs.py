"""Every verb of the contract as one piece of work: what it requests, and how to see whether it was done."""

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

from providers.contract import ProviderClient
from providers.registry import PROVIDERS
from tests.providers.conformance import URL, Harness, Work, schedule
from tests.providers.conformance_messages import MESSAGES
from tests.support.clients import CountingGate
from tests.support.simulator_process import wait_for

UNKNOWN = ["linkedin.com/in/nobody@client.example"]  # an address to every provider
_numbers = count(1)


def _reading(do: Callable[[ProviderClient, str], Awaitable[object]]) -> Callable[[Harness], Work]:
    def work(it: Harness) -> Work:
        campaign = it.at_rest
        return Work(lambda client: do(client, campaign), lambda: it.state(campaign))

    return work


def _create(it: Harness) -> Work:
    marker, before, senders = f"obx-{uuid4().hex}", it.campaigns(), it.senders()

    async def create(client: ProviderClient) -> str:
        return await client.campaigns.create("Autumn", marker, senders)

    async def right(client: ProviderClient) -> None:
        found = await client.campaigns.find(marker) or await create(client)
        assert found == await client.campaigns.find(marker)

    return Work(create, it.campaigns, lambda: len(it.campaigns() - before) == 1, right)


def _add(it: Harness) -> Work:
    campaign, since, leads = it.sending, datetime.now(UTC), it.people(it.fresh(3))
    addresses = sorted(lead.address for lead in leads)

    async def right(client: ProviderClient) -> None:
        found = await client.leads.find_all(campaign, addresses, since)
        missing = [lead for lead in leads if lead.address not in found]
        if missing:
            await client.leads.add(campaign, missing)

    def done() -> bool:
        return it.added(campaign, addresses) == addresses

    return Work(lambda client: client.leads.add(campaign, leads), lambda: it.added(campaign), done, right)


def _stop(it: Harness, for_good: bool) -> Work:
    campaign, pair = it.sending, it.fresh(2)
    it.ask(lambda client: client.leads.add(campaign, it.people(pair)))
    lead = it.ask(lambda client: client.leads.find(campaign, pair[0]))
    assert lead is not None
    return Work(
        lambda client: client.leads.stop(campaign, lead, for_good=for_good),
        lambda: it.state(campaign),
        lambda: it.stopped(campaign, pair, for_good) == {pair[0]},
    )


def _name(it: Harness) -> Work:
    name, campaign = f"Name {next(_numbers)}.", it.at_rest
    return Work(
        lambda client: client.campaigns.put_name(campaign, name, "obx-1"),
        lambda: it.state(campaign),
        lambda: it.campaign(campaign)["name"].startswith(name),
    )


def _sequence(it: Harness) -> Work:
    campaign, steps = it.at_rest, it.steps(f"Words{next(_numbers)}x")
    said = sorted(step.body for step in steps if step.body)

    def done() -> bool:
        found = re.findall(r"Words\d+x \d\.", json.dumps(it.campaign(campaign)[it.sequence]))
        return sorted(set(found)) == said

    return Work(lambda client: client.campaigns.put_sequence(campaign, steps), lambda: it.state(campaign), done)


def _schedule(it: Harness) -> Work:
    campaign, minute = it.at_rest, next(_numbers) % 60
    return Work(
        lambda client: client.campaigns.put_schedule(campaign, schedule(minute)),
        lambda: it.state(campaign),
        lambda: f'"08:{minute:02}' in json.dumps(it.campaign(campaign)),
    )


def _senders(it: Harness) -> Work:
    campaign, (first, *others) = it.at_rest, sorted(it.senders())
    wanted = others if it.senders_of(campaign) == [first] else [first]
    return Work(
        lambda client: client.campaigns.put_senders(campaign, wanted),
        lambda: it.state(campaign),
        lambda: sorted(it.senders_of(campaign)) == wanted,
    )


def _webhook(it: Harness) -> Work:
    it.forget_hooks()
    campaign = it.ask(lambda client: client.campaigns.create("Hooks", f"obx-{uuid4().hex}", it.senders()))
    return Work(
        lambda client: client.webhooks.put(campaign, URL),
        lambda: it.state(campaign),
        lambda: [it.hook_url(hook) for hook in it.hooks(campaign)] == [URL] * it.hook_count,
    )


def _switch(it: Harness) -> Work:
    campaign = it.switched
    active = not it.active(campaign)
    return Work(
        lambda client: client.campaigns.set_active(campaign, active),
        lambda: it.state(campaign),
        lambda: it.active(campaign) is active,
    )


VERBS: dict[str, Callable[[Harness], Work]] = {
    "verify": _reading(lambda client, _: client.account.verify()),
    "list_senders": _reading(lambda client, _: client.account.list_senders()),
    "find_campaign": _reading(lambda client, _: client.campaigns.find("obx-1")),
    "find_leads": _reading(lambda client, campaign: client.leads.find_all(campaign, UNKNOWN, datetime.now(UTC))),
    "find_lead": _reading(lambda client, campaign: client.leads.find(campaign, UNKNOWN[0])),
    "has_begun": _reading(lambda client, campaign: client.campaigns.has_begun(campaign)),
    "put_name": _name,
    "put_sequence": _sequence,
    "put_schedule": _schedule,
    "put_senders": _senders,
    "put_webhook": _webhook,
    "set_active": _switch,
    "stop_lead": lambda it: _stop(it, True),
    "stop_lead_for_now": lambda it: _stop(it, False),
    "create_campaign": _create,
    "add_leads": _add,
    **MESSAGES,
}
READS = (
    *("verify", "list_senders", "find_campaign", "find_leads", "find_lead", "has_begun"),
    *("check_webhook", "read_figures", "read_facts", "read_thread", "list_blocked"),
)
ONCE = ("create_campaign", "add_leads", "reply")  # what must not be done again without asking
REPEATABLE = tuple(verb for verb in VERBS if verb not in (*READS, *ONCE))


def verbs_of(provider: str) -> list[str]:
    """Return the verbs that a provider gets requests for. What it has no notion of is refused before that."""
    pausing = () if PROVIDERS[provider].features.lead_pause else ("pause_lead", "resume_lead")
    blocking = () if PROVIDERS[provider].traits.block_list else ("list_blocked", "block", "unblock")
    return [verb for verb in VERBS if verb not in (*pausing, *blocking)]


def requests(it: Harness, verb: str) -> int:
    """Return how many requests a verb makes."""
    if verb not in it.requests:
        work, gate = VERBS[verb](it), CountingGate()
        it.ask(work.do, gate=gate)
        wait_for(work.done)
        it.requests[verb] = gate.passed
    return it.requests[verb]
