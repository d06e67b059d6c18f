"""Pure reading of Instantly's mails and people into facts, under the keys that its webhooks have."""

from collections.abc import Mapping
from typing import Any

from providers.answers import judged
from providers.bounces import bounce_data
from providers.deliveries import LONGEST_TEXT, bounded_key, moment_of, text_of
from providers.instantly.mapping import number
from providers.instantly.parser import step_of
from providers.models import Fact, Figures, Message, ProviderEvent
from providers.reading import as_mapping
from providers.texts import plain

Row = Mapping[str, Any]
CAMPAIGN, RECEIVED = 1, 2  # kinds of a mail; by hand or through the API is 3
COUNTERS = {
    "sent": "emails_sent_count", "opened": "open_count", "clicked": "link_click_count", "replied": "reply_count",
    "bounced": "bounced_count", "unsubscribed": "unsubscribed_count",
}  # fmt: skip


def figures(row: Row) -> Figures:
    """Read the counters of a campaign; one where nothing has happened is not listed."""
    return Figures(**{ours: number(row.get(theirs)) or 0 for ours, theirs in COUNTERS.items()})


def of_mail(row: Row) -> ProviderEvent | None:
    """Read a mail of a campaign, sent or received. What belongs to no lead, or comes from a follow-up sequence,
    whose steps count for themselves, is no fact of ours."""
    campaign, email = text_of(row.get("campaign_id")).lower(), text_of(row.get("lead")).strip().lower()
    kind = number(row.get("ue_type"))
    if not campaign or not email or row.get("subsequence_id") or kind not in (CAMPAIGN, RECEIVED):
        return None
    step = step_of(row)
    data: dict[str, object] = {"step": step, "subject": _shown(row.get("subject"))}
    moment = moment_of(row.get("timestamp_email")) or moment_of(row.get("timestamp_created"))
    if kind == CAMPAIGN:
        if step is None:
            return None
        data["from"] = text_of(row.get("eaccount")) or None
        key = bounded_key(f"{Fact.SENT}:{campaign}:{email}:{step}")
        return ProviderEvent(Fact.SENT, key, key, campaign, email, None, moment, data)
    preview = text_of(row.get("content_preview"))  # the beginning only, so it stands in where there is no HTML
    words = plain(text_of(as_mapping(row.get("body")).get("html"))) or plain(preview or _body(row))
    data |= {"text": _shown(words), "from": text_of(row.get("from_address_email")) or None}
    key = bounded_key(f"{Fact.REPLIED}:{text_of(row.get('id')).lower()}")
    event = ProviderEvent(Fact.REPLIED, key, None, campaign, email, None, moment, data)
    is_automatic = number(row.get("is_auto_reply")) == 1
    return judged(event, words, subject=text_of(row.get("subject")) or None, is_automatic=is_automatic)


def of_person(fact: Fact, campaign: str, row: Row) -> ProviderEvent | None:
    """Read a person who unsubscribed or whose mail came back. When is not given, nor surely of which step."""
    email = text_of(row.get("email")).strip().lower()
    if not email:
        return None
    about = f"{fact}:{campaign.lower()}:{email}"
    data: dict[str, object] = {"step": None}
    if fact is Fact.BOUNCED:
        data |= {"subject": None, **bounce_data(None)}
        about += ":0"
    return ProviderEvent(fact, bounded_key(about), None, campaign, email, text_of(row.get("id")) or None, None, data)


def message(row: Row) -> Message:
    """Read one mail of a thread."""
    return Message(
        key=text_of(row.get("id")).lower(),
        incoming=number(row.get("ue_type")) == RECEIVED,
        sent_at=moment_of(row.get("timestamp_email")) or moment_of(row.get("timestamp_created")),
        subject=_shown(row.get("subject")),
        body=_body(row),
        address=text_of(row.get("from_address_email")) or None,
    )


def answer_subject(row: Row) -> str:
    """Return the subject of an answer; it is not filled in there."""
    subject = text_of(row.get("subject")).strip()
    return subject if subject.lower().startswith("re:") else f"Re: {subject}".strip()


def _body(row: Row) -> str:
    body = as_mapping(row.get("body"))
    return text_of(body.get("html")) or text_of(body.get("text"))


def _shown(value: object) -> str | None:
    return text_of(value)[:LONGEST_TEXT] or None
