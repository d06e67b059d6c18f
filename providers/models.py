"""The neutral words in which `api` and the providers talk to each other. Plain data, no behaviour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Literal
from uuid import UUID


class Fact(StrEnum):
    """The kinds of events that every provider's webhooks come down to."""

    SENT = "message.sent"
    OPENED = "message.opened"
    CLICKED = "message.clicked"
    REPLIED = "message.replied"
    AUTO_REPLIED = "message.auto_replied"
    BOUNCED = "message.bounced"
    UNSUBSCRIBED = "lead.unsubscribed"
    INTERESTED = "lead.interested"
    LABELLED = "lead.labelled"
    REQUEST_SENT = "connection_request.sent"
    REQUEST_ACCEPTED = "connection_request.accepted"


@dataclass(frozen=True)
class Features:
    """What can be done through a provider, in words that name no provider: exactly this is shown to companies.

    `step_types` are the steps its campaigns can have, `events` what becomes known. `lead_pause`: one person can be
    paused and go on. `reply`: a person can be answered. `warmup`: senders say how warm they are. `track_opens` to
    `stop_domain_on_reply` are settings of a campaign that have effect; `unsubscribe_header` says whose address stands
    in the header by which mail programs unsubscribe; `lead_fields` how many values are kept of a person.
    """

    step_types: tuple[str, ...]
    events: tuple[Fact, ...]
    lead_pause: bool = False
    variants: bool = False
    inmail: bool = False
    reply: bool = True
    unsubscribe: bool = True
    warmup: bool = False
    track_opens: bool = False
    track_clicks: bool = False
    plain_text: bool = False
    stop_domain_on_reply: bool = False
    unsubscribe_header: Literal["ours", "theirs", "none"] = "none"
    lead_fields: int | None = None


@dataclass(frozen=True)
class Settings:
    """How a campaign's mails go out; what a provider does not have is passed over."""

    track_opens: bool = False
    track_clicks: bool = False
    plain_text: bool = False
    unsubscribe_header: bool = True
    stop_domain_on_reply: bool = False


@dataclass(frozen=True)
class Traits:
    """How a provider behaves, as far as the order of work depends on it.

    `starts_before_leads`: a campaign takes people only once it has been started. `edits_at_rest`: nothing of a campaign
    can be changed while it sends. `absence_proves`: a person who is not found a while after being added is not there.
    `read_every`: not everything moves a campaign's figures, so its facts are read in every so many polls of it although
    they have not moved; 0 is never. `block_list`: the account has a list of addresses and domains that it takes no lead
    from, which can be read and written.
    """

    starts_before_leads: bool = False
    edits_at_rest: bool = False
    absence_proves: bool = True
    read_every: int = 0
    block_list: bool = False


@dataclass(frozen=True)
class Limits:
    """What one account takes: leads in one request, and requests in a minute, in a burst of so many seconds, and in any
    hour. 0 requests in a burst or an hour is no limit."""

    leads_per_request: int
    requests_per_minute: int
    requests_per_burst: int = 10
    burst_seconds: float = 1.0
    requests_per_hour: int = 0


@dataclass(frozen=True)
class Health:
    """How a mailbox or seat is, as far as its provider says. `problem` is a neutral code; `warmup_score` is 0 to 100;
    `limits` are a day's, by what is done."""

    problem: str | None = None
    warmup_score: int | None = None
    sent_today: int | None = None
    limits: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class SenderSeen:
    """A mailbox or seat as a provider lists it."""

    external_id: str
    address: str
    display_name: str | None
    active: bool
    daily_limit: int | None
    warmup_status: str
    health: Health = field(default_factory=Health)


@dataclass(frozen=True)
class Step:
    """One step of a sequence. `body` is HTML in an email and plain text elsewhere, and empty where nothing is said; at
    a provider each variable is the name of a field in double braces. `delay_days` is the wait after the step before."""

    position: int
    delay_days: int
    subject: str
    body: str
    type: str = "email"


@dataclass(frozen=True)
class Schedule:
    """When a campaign may send. Days are ISO: 1 is Monday."""

    timezone: str
    days: Sequence[int]
    start: time
    end: time
    minutes_between_sends: int
    max_new_leads_per_day: int


@dataclass(frozen=True)
class LeadToAdd:
    """A person to be put into a campaign; `key` is ours. `address` is what people are known by there: a normalised
    email address or, on LinkedIn, a profile as `linkedin.com/in/…`. `email` is given besides where it is known.
    `fields` are what the steps' variables stand for, the most needed first: a provider keeps so many of them."""

    key: UUID
    address: str
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    email: str | None = None


class Outcome(StrEnum):
    """What became of one lead of a batch."""

    PUSHED = "pushed"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class LeadResult:
    """What became of one lead, with the provider's id where it gave one, or a neutral reason where it failed."""

    key: UUID
    outcome: Outcome
    external_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class ProviderEvent:
    """One fact read from a webhook. `key` names the fact, not the delivery; `data` is neutral and may be shown.
    Whose fact it is, `email` or `linkedin_url` says, in any spelling, or the provider's own id.

    Where facts come by sender and person rather than by campaign, `sender` is the provider's id of the sender.

    Where a provider's bodies say more or less of the same fact, `alias` is the name that all of them can give it; it
    equals `key` where there is no better one. Where what is seen could have come about otherwise, it is a fact only if
    `after` has happened to the same person in the campaign.
    """

    fact: Fact
    key: str
    alias: str | None
    external_campaign_id: str
    email: str | None
    external_lead_id: str | None
    occurred_at: datetime | None
    data: Mapping[str, object]
    linkedin_url: str | None = None
    after: Fact | None = None
    sender: str | None = None


@dataclass(frozen=True)
class Message:
    """One message between a sender of ours and a person. `key` is the provider's name of it; `body` is as the provider
    has it: a mail with what it quotes, HTML or not, or plain text that is no mail."""

    key: str
    incoming: bool
    sent_at: datetime | None
    subject: str | None
    body: str
    is_mail: bool = True
    address: str | None = None  # of the person who wrote it, where that is given


@dataclass(frozen=True)
class Figures:
    """What a provider counts of a campaign; None is what it does not count."""

    sent: int | None = None
    opened: int | None = None
    clicked: int | None = None
    replied: int | None = None
    bounced: int | None = None
    unsubscribed: int | None = None
    accepted: int | None = None


class HookState(StrEnum):
    """How a webhook stands."""

    WORKING = "working"
    MISSING = "missing"
    DISABLED = "disabled"


class UnreadableWebhookError(Exception):
    """The body cannot be understood; the text is a neutral code for the quarantine."""
