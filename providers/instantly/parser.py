"""Reads Instantly's webhook bodies: one flat object per event, over which the lead's own fields are spread.

There is no id of an event or a delivery. A received mail has an id in the newer bodies only; an older one names a reply
by person and moment, which a repeated delivery keeps. Of a sent mail all bodies know person and step, and so does a
poll: that names what happened to it. A label of the customer's own comes as an event of that name, whatever it is.
"""

import re

from providers.deliveries import (
    EMAIL,
    LONGEST_ADDRESS,
    LONGEST_TEXT,
    Body,
    asks_to_stop,
    bodies_of,
    bounded_key,
    digest,
    moment_of,
    text_of,
)
from providers.models import Fact, ProviderEvent, UnreadableWebhookError

KINDS = {
    "email_sent": Fact.SENT,
    "email_opened": Fact.OPENED,
    "link_clicked": Fact.CLICKED, "email_link_clicked": Fact.CLICKED,
    "reply_received": Fact.REPLIED,
    "email_bounced": Fact.BOUNCED,
    "lead_unsubscribed": Fact.UNSUBSCRIBED,
    "lead_interested": Fact.INTERESTED, "lead_meeting_booked": Fact.INTERESTED,
    "lead_meeting_completed": Fact.INTERESTED, "lead_closed": Fact.INTERESTED,
    "custom_label_any_positive": Fact.INTERESTED,
}  # fmt: skip
UNUSED = frozenset({
    "auto_reply_received", "campaign_completed", "account_error", "lead_neutral", "lead_not_interested",
    "lead_out_of_office", "lead_wrong_person", "lead_no_show", "custom_label_any_negative",
    "supersearch_enrichment_completed",
})  # fmt: skip
UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STEP = re.compile(
    r"(?:step-)?([0-9]{1,5})(?:\.0)?|[0-9]+_([0-9]{1,5})_[0-9]+"
)  # counted from one, or from zero in a triple
BY_STEP = frozenset({Fact.SENT, Fact.OPENED, Fact.CLICKED, Fact.BOUNCED})
OWN_NAME = re.compile(r"(?i)([a-z0-9-]+\.)*\binstantly[.\s_-]?ai\b")  # the bare word is English, and people's


def parse(raw: bytes) -> list[ProviderEvent]:
    """Return the facts of one delivery, which should be one object; several in an array do no harm."""
    return [event for body in bodies_of(raw) if (event := _event(body)) is not None]


def _event(body: Body) -> ProviderEvent | None:
    kind = text_of(body.get("event_type")).strip()
    fact = KINDS.get(kind.lower())
    if kind.lower() in UNUSED:
        return None
    campaign, email = _campaign(body), _email(body)
    if fact is None:
        if not (kind and campaign and email):
            raise UnreadableWebhookError("unknown_event_type")
        if not asks_to_stop(kind):
            return None  # a customer's label
        fact = Fact.UNSUBSCRIBED
    if not campaign:
        raise UnreadableWebhookError("no_campaign")
    if email is None:
        raise UnreadableWebhookError("no_lead")
    about = f"{fact}:{campaign}:{email}"
    key, alias = _names(fact, body, about)
    return ProviderEvent(
        fact=fact,
        key=bounded_key(key),
        alias=bounded_key(alias) if alias else None,
        external_campaign_id=campaign,
        email=email,
        external_lead_id=None,
        occurred_at=moment_of(body.get("timestamp")),
        data=_data(fact, body),
    )


def _names(fact: Fact, body: Body, about: str) -> tuple[str, str | None]:
    """Return the name of the fact, and its alias. Two deliveries of one fact give one key."""
    if fact is Fact.REPLIED:
        by_moment = f"{about}:{text_of(body.get('timestamp')) or digest(_reply(body))}"
        message = text_of(body.get("email_id")).strip().lower()
        return (f"{fact}:{message}", by_moment) if message else (by_moment, None)
    if fact in BY_STEP:
        step = step_of(body)
        return f"{about}:{step or 0}", f"{about}:{step}" if step else None
    return about, None


def _campaign(body: Body) -> str:
    """Resolve the campaign: `campaign_id` is the provider's field, and a lead's field of that name replaces it."""
    candidates = [text_of(body.get(name)).strip() for name in ("campaign", "campaign_id")]
    named = next((text.lower() for text in candidates if UUID.fullmatch(text)), None)
    return named or candidates[1][:LONGEST_ADDRESS]


def _email(body: Body) -> str | None:
    for name in ("lead_email", "email"):
        if match := EMAIL.search(text_of(body.get(name))[:LONGEST_ADDRESS]):
            return match[0].strip(".,;").lower()
    return None


def _data(fact: Fact, body: Body) -> dict[str, object]:
    """Return what may be shown of the fact. Nothing that names the provider, its ids or its addresses."""
    data: dict[str, object] = {"step": step_of(body)}
    if fact in (Fact.SENT, Fact.REPLIED, Fact.BOUNCED):
        name = "reply_subject" if fact is Fact.REPLIED else "email_subject"
        data["subject"] = text_of(body.get(name))[:LONGEST_TEXT] or None
    if fact is Fact.SENT:
        data["from"] = text_of(body.get("email_account"))[:LONGEST_ADDRESS] or None
    elif fact is Fact.CLICKED:
        data["url"] = None  # which link it was is not given
    elif fact is Fact.REPLIED:
        data["text"] = _reply(body)[:LONGEST_TEXT] or None
        data["from"] = None  # nor who of the lead's side answered
    elif fact is Fact.BOUNCED:
        data["reason"] = None
        data["sender_refused"] = False
    return {name: OWN_NAME.sub("…", value) if isinstance(value, str) else value for name, value in data.items()}


def _reply(body: Body) -> str:
    """Return what was answered: the snippet is without the quoted mail, and at times empty."""
    texts = (text_of(body.get(name)).strip() for name in ("reply_text_snippet", "reply_text", "reply_html"))
    return next((text for text in texts if text), "")


def step_of(body: Body) -> int | None:
    """Return the step that a body or a mail is of, counted from one; None where it does not say."""
    match = STEP.fullmatch(text_of(body.get("step")).strip())
    if match is None:
        return None
    return int(match[1]) if match[1] else int(match[2]) + 1
