"""Pure reading of Smartlead's statistics and threads into facts, under the keys that its webhooks have."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from providers.answers import judged
from providers.bounces import bounce_data
from providers.deliveries import LONGEST_TEXT, bounded_key, moment_of, text_of
from providers.models import Fact, Figures, Message, ProviderEvent
from providers.reading import as_integer, as_mapping, as_rows
from providers.texts import as_html, plain

Row = Mapping[str, Any]
COUNTERS = {
    "sent": "sent_count", "opened": "open_count", "clicked": "click_count", "replied": "reply_count",
    "bounced": "bounce_count", "unsubscribed": "unsubscribed_count",
}  # fmt: skip


def figures(body: Row) -> Figures:
    """Read the counters of a campaign; a campaign that is not there has none."""
    return Figures(**{ours: as_integer(body.get(theirs)) for ours, theirs in COUNTERS.items()})


def sent(campaign: str, row: Row, since: datetime) -> ProviderEvent | None:
    """Read a mail that was sent since then; filters by time have been seen to be ignored."""
    moment = moment_of(row.get("sent_time"))
    if moment is None or moment < since:
        return None
    subject = text_of(row.get("email_subject"))[:LONGEST_TEXT] or None
    return _of_mail(Fact.SENT, campaign, row, moment, {"subject": subject, "from": None})


def bounced(campaign: str, row: Row) -> ProviderEvent | None:
    """Read a mail that came back. When it did is not given."""
    if row.get("is_bounced") is False:
        return None
    subject = text_of(row.get("email_subject"))[:LONGEST_TEXT] or None
    data: dict[str, object] = {"subject": subject, **bounce_data(None)}
    return _of_mail(Fact.BOUNCED, campaign, row, None, data)


def _of_mail(
    fact: Fact, campaign: str, row: Row, moment: datetime | None, data: dict[str, object]
) -> ProviderEvent | None:
    stats_id, email = text_of(row.get("stats_id")).lower(), text_of(row.get("lead_email")).strip().lower()
    step = as_integer(row.get("sequence_number"))
    if not stats_id or not email:
        return None
    alias = bounded_key(f"{fact}:{campaign}:{email}:{step}") if step else None
    return ProviderEvent(
        fact, bounded_key(f"{fact}:{stats_id}"), alias, campaign, email, None, moment, {"step": step, **data}
    )


def unsubscribed(campaign: str, row: Row) -> ProviderEvent | None:
    """Read a person of a campaign's list of those who unsubscribed."""
    lead = as_mapping(row.get("lead")) or row
    email = text_of(lead.get("email")).strip().lower()
    if not email:
        return None
    key = bounded_key(f"{Fact.UNSUBSCRIBED}:{campaign}:{email}")
    lead_id = text_of(lead.get("id")) or None
    return ProviderEvent(Fact.UNSUBSCRIBED, key, None, campaign, email, lead_id, None, {"step": None})


def replies(conversation: Row, since: datetime) -> list[ProviderEvent]:
    """Read the replies since then of one conversation with its history."""
    campaign = text_of(conversation.get("email_campaign_id"))
    email = text_of(conversation.get("lead_email")).strip().lower()
    lead_id = text_of(conversation.get("email_lead_id")) or None
    history = as_rows(conversation.get("email_history"))
    steps = {text_of(row.get("stats_id")).lower(): row for row in history if not is_reply(row)}
    found: list[ProviderEvent] = []
    for row in history:
        moment, name = moment_of(row.get("time")), text_of(row.get("message_id")).strip("<>")
        if not is_reply(row) or not name or not email or moment is None or moment < since:
            continue
        answered = steps.get(text_of(row.get("stats_id")).lower(), {})
        data: dict[str, object] = {
            "step": as_integer(answered.get("email_seq_number")),
            "subject": text_of(answered.get("subject"))[:LONGEST_TEXT] or None,
            "text": plain(text_of(row.get("email_body")))[:LONGEST_TEXT] or None,
            "from": text_of(row.get("from")) or None,
        }
        key = bounded_key(f"{Fact.REPLIED}:{name}")
        event = ProviderEvent(Fact.REPLIED, key, None, campaign, email, lead_id, moment, data)
        found.append(judged(event, str(data["text"] or ""), subject=text_of(row.get("subject")) or None))
    return found


def is_reply(row: Row) -> bool:
    """Tell whether a message came from the person."""
    return text_of(row.get("type")).upper() == "REPLY"


def message(row: Row) -> Message:
    """Read one message of a thread."""
    return Message(
        key=text_of(row.get("message_id")).strip("<>") or text_of(row.get("stats_id")),
        incoming=is_reply(row),
        sent_at=moment_of(row.get("time")),
        subject=text_of(row.get("subject")) or None,
        body=text_of(row.get("email_body")),
        address=text_of(row.get("from")) or None,
    )


def answer(received: Row, text: str) -> dict[str, Any]:
    """Return the form of an answer to a received mail."""
    body: dict[str, Any] = {
        "email_stats_id": received.get("stats_id"),
        "email_body": as_html(text),
        "reply_message_id": received.get("message_id"),
        "reply_email_time": received.get("time"),
        "reply_email_body": received.get("email_body"),
    }
    if received.get("from"):
        body["to_email"] = received["from"]  # a colleague may have answered
    return body
