"""Reads Instantly's webhook bodies: one flat object per event, over which the lead's own fields are spread.

There is no id of an event or a delivery. A received mail has an id in the newer bodies only; an older one names a reply
by person and moment, which a repeated delivery keeps. Of a sent mail all bodies know person and step, and so does a
poll: that names what happened to it. A label of the customer's own comes as an event of that name, whatever it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from providers.models import Fact, ProviderEvent, UnreadableWebhookError
from providers.reading import as_list, as_mapping

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
EMAIL = re.compile(r"[^\s<>]+@[^\s<>]+\.[^\s<>]+")
UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STEP = re.compile(
    r"(?:step-)?([0-9]{1,5})(?:\.0)?|[0-9]+_([0-9]{1,5})_[0-9]+"
)  # counted from one, or from zero in a triple
BY_STEP = frozenset({Fact.SENT, Fact.OPENED, Fact.CLICKED, Fact.BOUNCED})
LONGEST_TEXT = 2000
LONGEST_ADDRESS = 500
LONGEST_KEY = 300
OWN_NAME = re.compile(r"(?i)([a-z0-9-]+\.)*\binstantly[.\s_-]?ai\b")  # the bare word is English, and people's

Body = Mapping[str, Any]


def parse(raw: bytes) -> list[ProviderEvent]:
    """Return the facts of one delivery, which should be one object; several in an array do no harm."""
    try:
        document: object = json.loads(raw)
    except (ValueError, RecursionError):
        raise UnreadableWebhookError("not_json") from None
    bodies = [as_mapping(item) for item in as_list(document) or [document]]
    if not all(bodies):
        raise UnreadableWebhookError("not_an_object")
    return [event for body in bodies if (event := _event(body)) is not None]


def _event(body: Body) -> ProviderEvent | None:
    kind = _text(body.get("event_type")).strip()
    fact = KINDS.get(kind.lower())
    if kind.lower() in UNUSED:
        return None
    campaign, email = _campaign(body), _email(body)
    if fact is None:
        if kind and campaign and email:
            return None  # a customer's label
        raise UnreadableWebhookError("unknown_event_type")
    if not campaign:
        raise UnreadableWebhookError("no_campaign")
    if email is None:
        raise UnreadableWebhookError("no_lead")
    about = f"{fact}:{campaign}:{email}"
    key, alias = _names(fact, body, about)
    return ProviderEvent(
        fact=fact,
        key=_short(key),
        alias=_short(alias) if alias else None,
        external_campaign_id=campaign,
        email=email,
        external_lead_id=None,
        occurred_at=_occurred_at(body),
        data=_data(fact, body),
    )


def _names(fact: Fact, body: Body, about: str) -> tuple[str, str | None]:
    """Return the name of the fact, and its alias. Two deliveries of one fact give one key."""
    if fact is Fact.REPLIED:
        by_moment = f"{about}:{_text(body.get('timestamp')) or _digest(_reply(body))}"
        message = _text(body.get("email_id")).strip().lower()
        return (f"{fact}:{message}", by_moment) if message else (by_moment, None)
    if fact in BY_STEP:
        step = _step(body)
        return f"{about}:{step or 0}", f"{about}:{step}" if step else None
    return about, None


def _short(key: str) -> str:
    """Return the key as it is, or its hash where it would not fit an index."""
    return key if len(key) <= LONGEST_KEY else f"sha256:{_digest(key)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _campaign(body: Body) -> str:
    """Resolve the campaign: `campaign_id` is the provider's field, and a lead's field of that name replaces it."""
    candidates = [_text(body.get(name)).strip() for name in ("campaign", "campaign_id")]
    named = next((text.lower() for text in candidates if UUID.fullmatch(text)), None)
    return named or candidates[1][:LONGEST_ADDRESS]


def _email(body: Body) -> str | None:
    for name in ("lead_email", "email"):
        if match := EMAIL.search(_text(body.get(name))[:LONGEST_ADDRESS]):
            return match[0].strip(".,;").lower()
    return None


def _data(fact: Fact, body: Body) -> dict[str, object]:
    """Return what may be shown of the fact. Nothing that names the provider, its ids or its addresses."""
    data: dict[str, object] = {"step": _step(body)}
    if fact in (Fact.SENT, Fact.REPLIED, Fact.BOUNCED):
        name = "reply_subject" if fact is Fact.REPLIED else "email_subject"
        data["subject"] = _text(body.get(name))[:LONGEST_TEXT] or None
    if fact is Fact.SENT:
        data["from"] = _text(body.get("email_account"))[:LONGEST_ADDRESS] or None
    elif fact is Fact.CLICKED:
        data["url"] = None  # which link it was is not told
    elif fact is Fact.REPLIED:
        data["text"] = _reply(body)[:LONGEST_TEXT] or None
        data["from"] = None  # nor who of the lead's side answered
    elif fact is Fact.BOUNCED:
        data["reason"] = None
        data["sender_refused"] = False
    return {name: OWN_NAME.sub("…", value) if isinstance(value, str) else value for name, value in data.items()}


def _reply(body: Body) -> str:
    """Return what was answered: the snippet is without the quoted mail, and at times empty."""
    texts = (_text(body.get(name)).strip() for name in ("reply_text_snippet", "reply_text", "reply_html"))
    return next((text for text in texts if text), "")


def _step(body: Body) -> int | None:
    match = STEP.fullmatch(_text(body.get("step")).strip())
    if match is None:
        return None
    return int(match[1]) if match[1] else int(match[2]) + 1


def _occurred_at(body: Body) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(body.get("timestamp")))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: Any) -> str:
    """Return text without NUL, which Postgres cannot hold, and without lone surrogates, which UTF-8 cannot."""
    if value is None or isinstance(value, dict | list | bool):
        return ""
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()
