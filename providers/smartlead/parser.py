"""Reads Smartlead's webhook bodies: the flat one that is really sent, and the documentation's other envelopes.

There is no delivery id, so a fact is named by what it is about: `stats_id` is one sent email, a reply has its own
message id, an unsubscribe happens once per person and campaign. Where a dialect leaves `stats_id` out, it is read from
the message id `<stats_id@domain>`, else campaign, address and step stand in.
"""

import re
from datetime import datetime
from typing import Any

from providers.answers import judged
from providers.bounces import bounce_data
from providers.deliveries import (
    EMAIL,
    LONGEST_ADDRESS,
    LONGEST_TEXT,
    Body,
    bodies_of,
    bounded_key,
    moment_of,
    text_of,
)
from providers.labels import Label, facts_of, label_of
from providers.models import Fact, ProviderEvent, UnreadableWebhookError
from providers.reading import as_list, as_mapping
from providers.texts import plain

KINDS = {
    "EMAIL_SENT": Fact.SENT, "FIRST_EMAIL_SENT": Fact.SENT, "SENT": Fact.SENT,
    "EMAIL_OPEN": Fact.OPENED, "EMAIL_OPENED": Fact.OPENED, "LEAD_OPENED": Fact.OPENED, "OPENED": Fact.OPENED,
    "EMAIL_LINK_CLICK": Fact.CLICKED, "EMAIL_CLICKED": Fact.CLICKED, "LEAD_CLICKED": Fact.CLICKED,
    "CLICKED": Fact.CLICKED,
    "EMAIL_REPLY": Fact.REPLIED, "EMAIL_REPLIED": Fact.REPLIED, "LEAD_REPLIED": Fact.REPLIED, "REPLIED": Fact.REPLIED,
    "EMAIL_BOUNCE": Fact.BOUNCED, "EMAIL_BOUNCED": Fact.BOUNCED, "LEAD_BOUNCED": Fact.BOUNCED, "BOUNCED": Fact.BOUNCED,
    "LEAD_UNSUBSCRIBED": Fact.UNSUBSCRIBED, "EMAIL_UNSUBSCRIBED": Fact.UNSUBSCRIBED, "UNSUBSCRIBED": Fact.UNSUBSCRIBED,
    "LEAD_CATEGORY_UPDATED": Fact.LABELLED,
}  # fmt: skip
UNUSED = frozenset({
    "CAMPAIGN_STATUS_CHANGED", "UNTRACKED_REPLIES", "MANUAL_STEP_REACHED", "EMAIL_ACCOUNT_DISCONNECTED",
    "LINKEDIN_DISCONNECTED", "EMAIL.ACCOUNT.DISCONNECTED",
})  # fmt: skip
TIMES = (
    "event_timestamp",
    "time_replied",
    "time_clicked",
    "time_opened",
    "time_sent",
    "timestamp",
    "created_at",
)
STATS_ID = re.compile(r"<?([0-9a-fA-F-]{36})@")
BY_STEP = frozenset({Fact.SENT, Fact.OPENED, Fact.CLICKED, Fact.BOUNCED})
CATEGORIES = {
    "1": "Interested",
    "2": "Meeting Request",
    "3": "Not Interested",
    "4": "Do Not Contact",
    "5": "Information Request",
    "6": "Out Of Office",
    "7": "Wrong Person",
}  # that every account begins with


def parse(raw: bytes) -> list[ProviderEvent]:
    """Return the facts of one delivery; some senders wrap several bodies in an array."""
    return [event for body in bodies_of(raw) for event in _events(body)]


def _events(body: Body) -> list[ProviderEvent]:
    kind = str(_first(body, "event_type", "event", "type") or "").upper()
    if kind in UNUSED:
        return []
    fact = KINDS.get(kind)
    if fact is None:
        raise UnreadableWebhookError("unknown_event_type")
    if fact is not Fact.LABELLED:
        return [_event(fact, body)]
    label = _label(body)
    return [_event(each, body) for each in facts_of(label)] if label else []


def _event(fact: Fact, body: Body) -> ProviderEvent:
    campaign = text_of(body.get("campaign_id") or body.get("email_campaign_id") or _inside(body, "campaign", "id"))
    if not campaign:
        raise UnreadableWebhookError("no_campaign")
    email = _email(body)
    lead_id = text_of(_first(body, "sl_email_lead_id", "lead_id") or _inside(body, "lead", "id")) or None
    if email is None and lead_id is None:
        raise UnreadableWebhookError("no_lead")
    person = email or f"#{lead_id}"
    event = ProviderEvent(
        fact=fact,
        key=_key(fact, body, campaign, person),
        alias=_alias(fact, body, campaign, person) if fact in BY_STEP and _step(body) else None,
        external_campaign_id=campaign,
        email=email,
        external_lead_id=lead_id,
        occurred_at=_occurred_at(body),
        data=_data(fact, body),
    )
    subject = text_of(_first(body, "subject", "custom_subject"))
    return judged(event, _said(body), subject=subject, label=_label_of_reply(body))


def _key(fact: Fact, body: Body, campaign: str, person: str) -> str:
    """Name the fact. Two deliveries of one fact give one key, whatever else in them differs."""
    stats_id = _stats_id(body)
    if fact is Fact.REPLIED and (message := _reply(body, "message_id") or text_of(body.get("message_id"))):
        return bounded_key(f"{fact}:{message.strip('<>')}")
    if fact is Fact.LABELLED:
        return bounded_key(f"{fact}:{campaign}:{person}:{_label(body)}:{_occurred_at(body)}")
    if fact in (Fact.UNSUBSCRIBED, Fact.INTERESTED):
        return bounded_key(f"{fact}:{campaign}:{person}")
    return bounded_key(f"{fact}:{stats_id}") if stats_id else _alias(fact, body, campaign, person)


def _alias(fact: Fact, body: Body, campaign: str, person: str) -> str:
    """Name the fact by person and step: all that bodies without a `stats_id` say of it."""
    return bounded_key(f"{fact}:{campaign}:{person}:{_step(body) or 0}")


def _stats_id(body: Body) -> str | None:
    if body.get("stats_id"):
        return text_of(body["stats_id"]).lower()
    for message in (_inside(body, "sent_message", "message_id"), body.get("message_id")):
        if match := STATS_ID.match(text_of(message)):
            return match[1].lower()
    return None


def _data(fact: Fact, body: Body) -> dict[str, object]:
    """Return what may be shown of the fact. Nothing that names the provider, its ids or its addresses."""
    data: dict[str, object] = {"step": _step(body)}
    if fact in (Fact.SENT, Fact.REPLIED, Fact.BOUNCED):
        data["subject"] = text_of(_first(body, "subject", "custom_subject"))[:LONGEST_TEXT] or None
    if fact is Fact.LABELLED:
        data = {"label": _label(body)}
    elif fact is Fact.SENT:
        data["from"] = text_of(body.get("from_email")) or None
    elif fact is Fact.CLICKED:
        data["url"] = _link(body)
    elif fact is Fact.REPLIED:
        data["text"] = _said(body)[:LONGEST_TEXT] or None
        data["from"] = text_of(_inside(body, "leadCorrespondence", "replyReceivedFrom")) or None
    elif fact is Fact.BOUNCED:
        notice = text_of(body.get("bounce_reply_email_preview"))
        data |= bounce_data(notice, sender_refused=body.get("is_sender_originated_bounce"))
    return data


def _said(body: Body) -> str:
    """Return what was answered, without the quote: by its HTML first, since the text may be in one line with the quote.
    The preview is the beginning only, and stands in at last."""
    forms = [_reply(body, "html"), text_of(body.get("reply_body")), _reply(body, "body"), _reply(body, "text")]
    forms.append(text_of(body.get("preview_text")))
    return next((text for form in forms if (text := plain(form))), "")


def _reply(body: Body, name: str) -> str:
    return text_of(_inside(body, "reply_message", name) or _inside(body, "reply", name))


def _link(body: Body) -> str | None:
    links = body.get("link_clicked")
    first = (as_list(links) or [links])[0]
    return text_of(_first(as_mapping(first), "url", "link") or first)[:LONGEST_TEXT] or None


def _email(body: Body) -> str | None:
    """Resolve the lead: on a reply `to_email` has been seen to be our own mailbox, so it comes late."""
    candidates = (
        body.get("sl_lead_email"),
        _inside(body, "leadCorrespondence", "targetLeadEmail"),
        body.get("lead_email"),
        _inside(body, "lead_data", "email"),
        _inside(body, "lead", "email"),
        body.get("to_email"),
        body.get("to"),
        body.get("description"),
    )
    for candidate in candidates:
        if match := EMAIL.search(text_of(candidate)[:LONGEST_ADDRESS]):
            return match[0].strip(".,;").lower()
    return None


def _label(body: Body) -> Label | None:
    name = text_of(_inside(body, "lead_category", "new_name") or body.get("category"))
    return label_of(name, sentiment=text_of(_inside(as_mapping(body.get("lead_data")), "category", "sentiment_type")))


def _label_of_reply(body: Body) -> Label | None:
    """Return the category that a reply comes with, by its name or as the account's number of it."""
    given = text_of(body.get("reply_category")).strip()
    return label_of(CATEGORIES.get(given, given))


def _step(body: Body) -> int | None:
    value = text_of(_first(body, "sequence_number", "current_sequence", "current_sequence_number"))
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 6 else None


def _occurred_at(body: Body) -> datetime | None:
    return next((moment for name in TIMES if (moment := moment_of(body.get(name))) is not None), None)


def _first(body: Body, *names: str) -> Any:
    return next((body[name] for name in names if body.get(name)), None)


def _inside(body: Body, outer: str, inner: str) -> Any:
    return as_mapping(body.get(outer)).get(inner)
