"""The verbs about messages, webhooks' health and lists of blocked people, each as one piece of work."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from providers.contract import ProviderClient
from providers.texts import same_words
from tests.providers.conformance import URL, Harness, Work

LATELY = timedelta(minutes=5)
_numbers = count(1)


def _reading(do: Callable[[ProviderClient, str, str, str], Awaitable[object]]) -> Callable[[Harness], Work]:
    def work(it: Harness) -> Work:
        campaign, lead, person = it.conversation
        return Work(
            lambda client: do(client, campaign, lead, person),
            lambda: [it.state(campaign), it.by_hand(campaign, person), it.blocked()],
        )

    return work


def _reply(it: Harness) -> Work:
    campaign, lead, person = it.conversation
    text = f"Answer {next(_numbers)} & more."

    async def right(client: ProviderClient) -> None:
        thread = await client.inbox.read_thread(campaign, lead, person)
        if not any(same_words(message.body, text) for message in thread if not message.incoming):
            await client.inbox.reply(campaign, lead, person, text)

    def done() -> bool:
        return len([1 for body in it.by_hand(campaign, person) if same_words(body, text)]) == 1

    return Work(
        lambda client: client.inbox.reply(campaign, lead, person, text),
        lambda: it.by_hand(campaign, person),
        done,
        right,
    )


def _pause(it: Harness) -> Work:
    campaign, pair = it.sending, it.fresh(2)
    it.ask(lambda client: client.leads.add(campaign, it.people(pair)))
    lead = it.ask(lambda client: client.leads.find(campaign, pair[0]))
    assert lead is not None
    return Work(
        lambda client: client.leads.pause(campaign, lead),
        lambda: it.state(campaign),
        lambda: it.stopped(campaign, pair, False) == {pair[0]},
    )


def _resume(it: Harness) -> Work:
    campaign, pair = it.sending, it.fresh(2)
    it.ask(lambda client: client.leads.add(campaign, it.people(pair)))
    first, second = (it.ask(lambda client, one=one: client.leads.find(campaign, one)) for one in pair)
    assert first is not None and second is not None
    for lead in (first, second):
        it.ask(lambda client, lead=lead: client.leads.pause(campaign, lead))
    return Work(
        lambda client: client.leads.resume(campaign, first),
        lambda: it.state(campaign),
        lambda: it.stopped(campaign, pair, False) == {pair[1]},
    )


def _unhook(it: Harness) -> Work:
    it.forget_hooks()
    campaign = it.ask(lambda client: client.campaigns.create("Hooks", f"obx-{uuid4().hex}", it.senders()))
    it.ask(lambda client: client.webhooks.put(campaign, URL))
    return Work(
        lambda client: client.webhooks.delete(campaign, URL),
        lambda: it.state(campaign),
        lambda: it.hooks(campaign) == [],
    )


def _block(it: Harness) -> Work:
    mark = uuid4().hex[:8]
    entries = [f"ana.{mark}@client.example", f"{mark}.example"]
    return Work(lambda client: client.block_list.add(entries), it.blocked, lambda: set(entries) <= set(it.blocked()))


def _unblock(it: Harness) -> Work:
    domain = f"{uuid4().hex[:8]}.example"
    others, gone = {f"ana@{domain}", f"mail.{domain}"}, [domain, f"an@{domain}"]
    it.ask(lambda client: client.block_list.add(sorted(others | {*gone})))
    return Work(
        lambda client: client.block_list.remove(gone),
        it.blocked,
        lambda: {entry for entry in it.blocked() if domain in entry} == others,
    )


def lately() -> datetime:
    """Return the moment since which facts are read."""
    return datetime.now(UTC) - LATELY


MESSAGES: dict[str, Callable[[Harness], Work]] = {
    "check_webhook": _reading(lambda client, campaign, *_: client.webhooks.check(campaign, URL)),
    "read_figures": _reading(lambda client, campaign, *_: client.inbox.read_figures(campaign)),
    "read_facts": _reading(
        lambda client, campaign, *_: client.inbox.read_facts([campaign], datetime.now(UTC) - LATELY)
    ),
    "read_thread": _reading(lambda client, *address: client.inbox.read_thread(*address)),
    "reply": _reply,
    "pause_lead": _pause,
    "resume_lead": _resume,
    "delete_webhook": _unhook,
    "list_blocked": _reading(lambda client, *_: client.block_list.entries()),
    "block": _block,
    "unblock": _unblock,
}
