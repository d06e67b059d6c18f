"""The contract that every provider fulfils: one declaration, and a client of six parts.

Verbs raise ProviderError (`providers/errors.py`) by what is known of their effect; nothing here retries. Ids are the
provider's, as text.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import httpx

from providers.errors import Refused
from providers.models import (
    Features,
    Figures,
    HookState,
    LeadResult,
    LeadToAdd,
    Limits,
    Message,
    ProviderEvent,
    Schedule,
    SenderSeen,
    Settings,
    Step,
    Traits,
)

Senders = Mapping[str, datetime | None]
"""A company's senders, each with the moment when it came from another company, where it may have."""


class Gate(Protocol):
    """Awaited before each request; it returns when the request may be sent."""

    async def __call__(self, spacing: float = 0.0) -> None:
        """`spacing` is how many seconds at least must lie between this request and the one before it."""


@dataclass(frozen=True)
class Access:
    """How one account is reached.

    `http` is the process's client for this provider and is not closed with the account; `timeout` is in seconds, and
    `read_timeout` that of requests that change nothing, where it is shorter. `gate` keeps the account's budget and
    forbids open transactions; inside `outside` nothing but the answer is waited for.
    """

    api_key: str = field(repr=False)
    base_url: str
    timeout: float
    gate: Gate
    http: httpx.AsyncClient
    read_timeout: float = math.inf
    outside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext


class Account(Protocol):
    """What belongs to the account itself."""

    async def verify(self) -> None:
        """Return when the key works. Raises CredentialRefused when it does not."""

    async def list_senders(self) -> list[SenderSeen]:
        """Return every mailbox or seat of the account."""
        ...


class Campaigns(Protocol):
    """The account's campaigns. A verb on a campaign that is not there raises Refused with status 404."""

    async def find(self, marker: str) -> str | None:
        """Return the campaign that carries `marker`: the question to ask before creating again."""

    async def create(self, name: str, marker: str, senders: Sequence[str]) -> str:
        """Create a campaign and return its id. Not repeatable: on Uncertain, use `find` first."""
        ...

    async def has_begun(self, campaign: str) -> bool:
        """Say whether a campaign that was made there by hand has been started before."""
        ...

    async def put_name(self, campaign: str, name: str, marker: str) -> None:
        """Set the name."""

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Make the sequence exactly these steps, keeping the ids of those that stay."""

    async def put_settings(self, campaign: str, settings: Settings) -> None:
        """Set how its mails go out, as far as there is such a thing."""

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set when the campaign may send."""

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Make the campaign's senders exactly these."""

    async def set_active(self, campaign: str, active: bool) -> None:
        """Start or pause sending."""


class Leads(Protocol):
    """The people in the account's campaigns."""

    async def add(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add at most `limits.leads_per_request` leads and say what became of each. Uncertain: ask, never repeat."""
        ...

    async def find_all(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:
        """Return the ids of those of `addresses` in the campaign; only ones added after `since` need be found."""
        ...

    async def find(self, campaign: str, address: str) -> str | None:
        """Return the id of one person in a campaign."""

    async def stop(self, campaign: str, lead: str, *, for_good: bool) -> bool:
        """Send this person nothing more in this campaign. Repeatable. False: it is not seen yet to have stopped."""
        ...

    async def pause(self, campaign: str, lead: str) -> None:
        """Send this person nothing for now. Repeatable; not called where `features.lead_pause` says no."""

    async def resume(self, campaign: str, lead: str) -> None:
        """Go on with a person who was paused. Repeatable; not called likewise."""


class Progress(Protocol):
    """How far the lists were read from which facts come, so that reading goes on where it ended.

    A place is a JSON list that only the client which kept it understands; one that begins with null says that the list
    is read as far as this time needs it, and is forgotten when all lists are. A client passes over one that it does not
    understand, which an earlier version may have kept.
    """

    def place(self, name: str) -> Any:
        """Return where to go on in a list, or None for its beginning."""

    async def keep(self, name: str, facts: Sequence[ProviderEvent], place: Any) -> None:
        """Keep a page's facts, and the place behind it."""


class Forgetful:
    """Progress of which nothing is kept: each list is read from its beginning, and the facts are returned alone."""

    def place(self, name: str) -> Any:  # noqa: ARG002
        """Return None: the beginning."""
        return None

    async def keep(self, name: str, facts: Sequence[ProviderEvent], place: Any) -> None:
        """Keep nothing."""


FORGETFUL = Forgetful()


class Inbox(Protocol):
    """What was sent, what came back, and answers to it."""

    async def read_figures(self, campaign: str) -> Figures:
        """Return what the provider counts of a campaign: cheap to ask, and it moves when something has happened."""
        ...

    async def read_facts(
        self, campaigns: Sequence[str], since: datetime, *, progress: Progress = FORGETFUL
    ) -> list[ProviderEvent]:
        """Return what has happened in these campaigns since then, a little more rather than less, under the keys that
        webhooks give the same facts. Only what decides something: sent, replied, bounced, unsubscribed, invitations.
        What was read is given to `progress` page by page; an interrupted reading goes on there."""
        ...

    async def read_thread(
        self, campaign: str, lead: str | None, address: str, *, senders: Senders | None = None
    ) -> list[Message]:
        """Return what has been written between a campaign's senders and one person, the oldest first. Where a person's
        conversations belong to no campaign, only those with `senders` are read: an account may serve several companies.
        Of a sender that came from another one, what was before is left out.
        """
        ...

    async def reply(
        self, campaign: str, lead: str | None, address: str, text: str, *, senders: Senders | None = None
    ) -> None:
        """Answer the person's latest message, to one of `senders`, in a thread that no other company began. Not
        repeatable: on Uncertain, look for it with `read_thread`."""


class Webhooks(Protocol):
    """Where the provider sends a campaign's events."""

    async def put(self, campaign: str, url: str) -> None:
        """Have the campaign's events sent to `url`, once each."""

    async def check(self, campaign: str, url: str) -> HookState:
        """Say whether the campaign's events are still sent to `url`; `put` mends what is not so."""
        ...

    async def delete(self, campaign: str, url: str) -> None:
        """Have nothing sent to `url` any more. Repeatable."""


class BlockList(Protocol):
    """The account's own list of addresses and domains that it takes no lead from.

    It holds for the whole account and all companies that use it, so nothing of one company belongs on a shared one's.
    An entry is an address or a domain, in ASCII and lower case. All of it is repeatable. Where `traits.block_list` says
    no, nothing of it is called, and all of it raises Refused.
    """

    async def add(self, entries: Sequence[str]) -> None:
        """Put these on the list, in batches of what the provider takes; what is there already stays.

        What the provider takes for neither an address nor a domain is left out without a word: `entries` shows it.
        """

    async def remove(self, entries: Sequence[str]) -> None:
        """Take exactly these off the list; what is not there is passed over."""

    async def entries(self) -> set[str]:
        """Return all that is on the list, however it came there: it may have been written by hand or after a bounce."""
        ...


class NoBlockList:
    """What an account has instead whose provider keeps no such list."""

    async def add(self, entries: Sequence[str]) -> None:  # noqa: ARG002
        """Raises Refused: there is none to put an entry on."""
        raise Refused("there is no block list there")

    async def remove(self, entries: Sequence[str]) -> None:  # noqa: ARG002
        """Raises Refused: there is none to take it off."""
        raise Refused("there is no block list there")

    async def entries(self) -> set[str]:
        """Raises Refused: there is none to read."""
        raise Refused("there is no block list there")


@dataclass(frozen=True)
class ProviderClient:
    """One account at one provider, by what is spoken of."""

    account: Account
    campaigns: Campaigns
    leads: Leads
    inbox: Inbox
    webhooks: Webhooks
    block_list: BlockList = field(default_factory=NoBlockList)


@dataclass(frozen=True)
class Provider:
    """Everything that is known of a provider without an account.

    `key` is how partners name it, `title` how it writes itself. `capability` is what a company buys. `url` is where its
    API answers; it and `limits` can be set otherwise (`OUTBOUND_PROVIDERS__<KEY>__…`). `parse_webhook` returns the
    facts of one webhook body, none for kinds that are not used; UnreadableWebhookError for what is no webhook.
    `timezones` are the only ones that schedules can be in; None is all.
    """

    key: str
    title: str
    capability: str
    url: str
    limits: Limits
    features: Features
    traits: Traits
    connect: Callable[[Access], ProviderClient]
    parse_webhook: Callable[[bytes], list[ProviderEvent]]
    timezones: tuple[str, ...] | None = None
