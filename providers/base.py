"""The contract that every provider fulfils. Verbs raise ProviderError; nothing here retries."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from providers.models import (
    Features,
    Figures,
    HookState,
    LeadResult,
    LeadToAdd,
    Message,
    ProviderEvent,
    Schedule,
    SenderSeen,
    Step,
)


class Gate(Protocol):
    """Awaited before each request; it returns when the request may be sent."""

    async def __call__(self, spacing: float = 0.0) -> None:
        """`spacing` is how many seconds at least must lie between this request and the one before it."""


class ProviderClient(Protocol):
    """One account at one provider. Ids are the provider's, as text."""

    async def verify(self) -> None:
        """Return when the key works; CredentialRefused when it does not."""

    async def list_senders(self) -> list[SenderSeen]:
        """Return every mailbox or seat of the account."""
        ...

    async def find_campaign(self, marker: str) -> str | None:
        """Return the campaign that carries `marker`: the question to ask before creating again."""

    async def create_campaign(self, name: str, marker: str, senders: Sequence[str]) -> str:
        """Create a campaign and return its id. Not repeatable: on Uncertain, use `find_campaign` first."""
        ...

    async def has_begun(self, campaign: str) -> bool:
        """Say whether a campaign that somebody made there has been started before. Refused where there is none."""
        ...

    async def put_name(self, campaign: str, name: str, marker: str) -> None:
        """Set the name."""

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Make the sequence exactly these steps, keeping the ids of those that stay."""

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set when the campaign may send."""

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Make the campaign's senders exactly these."""

    async def put_webhook(self, campaign: str, url: str) -> None:
        """Have the campaign's events sent to `url`, once each."""

    async def set_active(self, campaign: str, active: bool) -> None:
        """Start or pause sending."""

    async def add_leads(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add at most `features.leads_per_request` leads and say what became of each. Uncertain: ask, never repeat."""
        ...

    async def find_leads(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:
        """Return the ids of those of `addresses` in the campaign; only ones added after `since` need be found."""
        ...

    async def stop_lead(self, campaign: str, lead: str, *, for_good: bool) -> bool:
        """Send this person nothing more in this campaign. Repeatable. False: it is not seen yet to hold."""
        ...

    async def find_lead(self, campaign: str, address: str) -> str | None:
        """Return the id of one person in a campaign."""

    async def pause_lead(self, campaign: str, lead: str) -> None:
        """Send this person nothing for now. Repeatable; Refused where `features.pauses_leads` says no."""

    async def resume_lead(self, campaign: str, lead: str) -> None:
        """Go on with a person who was paused. Repeatable; Refused likewise."""

    async def check_webhook(self, campaign: str, url: str) -> HookState:
        """Say whether the campaign's events are still sent to `url`; `put_webhook` mends what is not so."""
        ...

    async def delete_webhook(self, campaign: str, url: str) -> None:
        """Have nothing sent to `url` any more. Repeatable."""

    async def read_figures(self, campaign: str) -> Figures:
        """Return what the provider counts of a campaign: cheap to ask, and it moves when something has happened."""
        ...

    async def read_facts(self, campaigns: Sequence[str], since: datetime) -> list[ProviderEvent]:
        """Return what has happened in these campaigns since then, a little more rather than less, under the keys that
        webhooks give the same facts. Only what decides something: sent, replied, bounced, unsubscribed, invitations."""
        ...

    async def read_thread(
        self, campaign: str, lead: str | None, address: str, *, senders: Sequence[str] | None = None
    ) -> list[Message]:
        """Return what has been written between a campaign's senders and one person, the oldest first. Where a person's
        conversations belong to no campaign, only those with `senders` are read: an account may serve several companies.
        """
        ...

    async def reply(
        self, campaign: str, lead: str | None, address: str, text: str, *, senders: Sequence[str] | None = None
    ) -> None:
        """Answer the person's latest message, to one of `senders`. Not repeatable: on Uncertain, look for it with
        `read_thread`."""

    async def list_blocked(self) -> list[str]:
        """Return the addresses and domains that the account sends nothing to."""
        ...

    async def block(self, values: Sequence[str]) -> None:
        """Have the whole account send nothing to these addresses and domains. Repeatable. Never on a shared account."""

    async def unblock(self, value: str) -> None:
        """Take one address or domain off that list. Repeatable."""

    async def aclose(self) -> None:
        """Close connections."""


class Provider(Protocol):
    """What is known of a provider without an account."""

    features: Features

    def client(self, api_key: str, *, base_url: str, timeout: float, gate: Gate) -> ProviderClient:
        """Return a client. `gate` is awaited before each request: it keeps the budget and forbids open transactions."""
        ...

    def parse_webhook(self, body: bytes) -> list[ProviderEvent]:
        """Return the facts of one webhook body; none for kinds we do not use. UnreadableWebhookError for the rest."""
        ...
