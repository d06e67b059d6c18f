"""Reads Instantly's webhook bodies: one flat object per event, over which the lead's own fields are spread.

There is no id of an event or a delivery. A received mail has an id in the newer bodies only; an older one names a reply
by person and moment, which a repeated delivery keeps. Of a sent mail all bodies know person and step, and so does a
poll: that names what happened to it. A label of the customer's own comes as an event of that name, whatever it is.
"""

import re

from providers.answers import judged
from providers.bounces import bounce_data
from providers.deliveries import (
    EMAIL,
    LONGEST_ADDRESS,
    LONGEST_TEXT,
    Body,
    bodies_of,
    bounded_key,
    digest,
    moment_of,
    text_of,
)
from providers.labels import Label, facts_of, label_of
from providers.models import Fact, ProviderEvent, UnreadableWebhookError
from providers.texts import plain

KINDS = {
    "email_sent": Fact.SENT,
    "email_opened": Fact.OPENED,
    "link_clicked": Fact.CLICKED, "email_link_clicked": Fact.CLICKED,
    "reply_received": Fact.REPLIED,
    "email_bounced": Fact.BOUNCED,
    "lead_unsubscribed": Fact.UNSUBSCRIBED,
    "auto_reply_received": Fact.REPLIED,
}  # fmt: skip
LABELS: dict[str, Label] = {
    "lead_interested": "interested", "lead_meeting_booked": "meeting", "lead_meeting_completed": "meeting",
    "lead_closed": "interested", "custom_label_any_positive": "interested", "lead_not_interested": "not_interested",
    "custom_label_any_negative": "not_interested", "lead_out_of_office": "out_of_office",
    "lead_wrong_person": "wrong_person", "lead_neutral": "other", "lead_no_show": "other",
}  # fmt: skip
UNUSED = frozenset({"campaign_completed", "account_error", "supersearch_enrichment_completed"})
UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STEP = re.compile(
    r"(?:step-)?([0-9]{1,5})(?:\.0)?|[0-9]+_([0-9]{1,5})_[0-9]+"
)  # counted from one, or from zero in a triple
BY_STEP = frozenset({Fact.SENT, Fact.OPENED, Fact.CLICKED, Fact.BOUNCED})


def parse(raw: bytes) -> list[ProviderEvent]:
    """Return the facts of one delivery, which should be one object; several in an array do no harm."""
    return [event for body in bodies_of(raw) for event in _events(body)]


def _events(body: Body) -> list[ProviderEvent]:
    kind = _kind(body)
    if kind.lower() in UNUSED:
        return []
    fact = KINDS.get(kind.lower())
    if fact is not None:
        return [_event(fact, body)]
    label = _label(body)
    if label is None or (kind.lower() not in LABELS and not (_campaign(body) and _email(body))):
        raise UnreadableWebhookError("unknown_event_type")
    return [_event(each, body) for each in facts_of(label)]


def _kind(body: Body) -> str:
    return text_of(body.get("event_type")).strip()


def _label(body: Body) -> Label | None:
    """Return the label that an event is: one of the provider's own, or one of the customer's, by its name."""
    return LABELS.get(_kind(body).lower()) or label_of(_kind(body))


def _event(fact: Fact, body: Body) -> ProviderEvent:
    campaign, email = _campaign(body), _email(body)
    if not campaign:
        raise UnreadableWebhookError("no_campaign")
    if email is None:
        raise UnreadableWebhookError("no_lead")
    about = f"{fact}:{campaign}:{email}"
    key, alias = _names(fact, body, about)
    event = ProviderEvent(
        fact=fact,
        key=bounded_key(key),
        alias=bounded_key(alias) if alias else None,
        external_campaign_id=campaign,
        email=email,
        external_lead_id=None,
        occurred_at=moment_of(body.get("timestamp")),
        data=_data(fact, body),
    )
    is_automatic = _kind(body).lower() == "auto_reply_received"
    return judged(event, _reply(body), subject=text_of(body.get("reply_subject")) or None, is_automatic=is_automatic)


def _names(fact: Fact, body: Body, about: str) -> tuple[str, str | None]:
    """Return the name of the fact, and its alias. Two deliveries of one fact give one key."""
    if fact is Fact.REPLIED:
        by_moment = f"{about}:{text_of(body.get('timestamp')) or digest(_reply(body))}"
        message = text_of(body.get("email_id")).strip().lower()
        return (f"{fact}:{message}", by_moment) if message else (by_moment, None)
    if fact is Fact.LABELLED:
        return f"{about}:{_label(body)}:{moment_of(body.get('timestamp'))}", None
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
    if fact is Fact.LABELLED:
        data = {"label": _label(body)}
    elif fact is Fact.SENT:
        data["from"] = text_of(body.get("email_account"))[:LONGEST_ADDRESS] or None
    elif fact is Fact.CLICKED:
        data["url"] = None  # which link it was is not given
    elif fact is Fact.REPLIED:
        data["text"] = _reply(body)[:LONGEST_TEXT] or None
        data["from"] = None  # nor who of the lead's side answered
    elif fact is Fact.BOUNCED:
        data |= bounce_data(None)
    return data


def _reply(body: Body) -> str:
    """Return what was answered, without the quote: the snippet has none, and is empty at times."""
    forms = (text_of(body.get(name)) for name in ("reply_text_snippet", "reply_text", "reply_html"))
    return next((text for form in forms if (text := plain(form))), "")


def step_of(body: Body) -> int | None:
    """Return the step that a body or a mail is of, counted from one; None where it does not say."""
    match = STEP.fullmatch(text_of(body.get("step")).strip())
    if match is None:
        return None
    return int(match[1]) if match[1] else int(match[2]) + 1
