"""Pure reading of HeyReach's people and conversations into facts, under the keys that its webhooks have."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from providers.answers import judged
from providers.deliveries import LONGEST_ADDRESS, LONGEST_TEXT, bounded_key, moment_of, text_of
from providers.heyreach import mapping
from providers.heyreach.parser import message_key
from providers.identity import shown
from providers.models import Fact, Figures, Message, ProviderEvent
from providers.reading import as_integer, as_mapping

Row = Mapping[str, Any]
PERSON = "CORRESPONDENT"  # the side that is not ours


def figures(body: Row) -> Figures:
    """Read what a campaign has done; opens, clicks and bounces are no such thing."""
    given = as_mapping(body.get("overallStats"))
    return Figures(
        sent=_sum(given, "messagesSent", "inmailMessagesSent", "connectionsSent"),
        replied=_sum(given, "totalMessageReplies", "totalInmailReplies"),
        accepted=_sum(given, "connectionsAccepted"),
    )


def _sum(given: Row, *names: str) -> int:
    return sum(as_integer(given.get(name)) or 0 for name in names)


def invitation(campaign: str, row: Row) -> ProviderEvent | None:
    """Read that a person was invited, or accepted. One who was connected before looks the same as one who accepted:
    that is a fact only where an invitation is known."""
    profile = _profile(row.get("linkedInUserProfile"))
    state = row.get("leadConnectionStatus")
    fact = {"ConnectionSent": Fact.REQUEST_SENT, "ConnectionAccepted": Fact.REQUEST_ACCEPTED}.get(str(state))
    if profile is None or fact is None:
        return None
    data: dict[str, object] = {"step": None, "channel": "linkedin", "from": None}
    if fact is Fact.REQUEST_SENT:
        data["text"] = None
    return ProviderEvent(
        fact, bounded_key(f"{fact}:{campaign}:{profile}"), None, campaign, None, mapping.profile_url(profile),
        moment_of(row.get("lastActionTime")), data, profile,
        after=Fact.REQUEST_SENT if fact is Fact.REQUEST_ACCEPTED else None,
    )  # fmt: skip


def person_of(conversation: Row) -> str | None:
    """Return the profile of the person in a conversation."""
    return _profile(conversation.get("correspondentProfile"))


def _profile(person: object) -> str | None:
    return mapping.profile(text_of(as_mapping(person).get("profileUrl"))[:LONGEST_ADDRESS])


def replies(campaign: str, conversation: Row, messages: list[Row], since: datetime) -> list[ProviderEvent]:
    """Read what the person wrote since then. Our side's messages may be of any sender and are no facts."""
    profile = person_of(conversation)
    found: list[ProviderEvent] = []
    for row in messages:
        moment, text = moment_of(row.get("createdAt")), text_of(row.get("body"))
        if row.get("sender") != PERSON or moment is None or moment < since or profile is None:
            continue
        key = message_key(Fact.REPLIED, text_of(conversation.get("id")), moment, text)
        data: dict[str, object] = {
            "step": None, "channel": "linkedin", "kind": "inmail" if row.get("isInMail") is True else "message",
            "subject": None, "text": text.strip()[:LONGEST_TEXT] or None, "from": shown(profile),
        }  # fmt: skip
        event = ProviderEvent(
            Fact.REPLIED, key, key, campaign, None, mapping.profile_url(profile), moment, data, profile,
            sender=text_of(conversation.get("linkedInAccountId")) or None,
        )  # fmt: skip
        found.append(judged(event, text))
    return found


def since(moment: datetime | None, messages: list[Row]) -> list[Row]:
    """Return the messages that are not from before a seat came from another company."""
    if moment is None:
        return messages
    return [row for row in messages if (at := moment_of(row.get("createdAt"))) is None or at >= moment]


def is_anothers(moment: datetime | None, messages: list[Row]) -> bool:
    """Tell whether the company that had the seat before began a conversation, and nothing was written in it since."""
    later = since(moment, messages)
    return len(later) < len(messages) and all(row.get("sender") == PERSON for row in later)


def message(conversation: Row, row: Row) -> Message:
    """Read one message. It has no name but its conversation, its side and its moment."""
    incoming, moment = row.get("sender") == PERSON, moment_of(row.get("createdAt"))
    text = text_of(row.get("body"))
    return Message(
        key=message_key(Fact.REPLIED if incoming else Fact.SENT, text_of(conversation.get("id")), moment, text),
        incoming=incoming,
        sent_at=moment,
        subject=text_of(row.get("subject")) or None,
        body=text,
        is_mail=False,
        address=person_of(conversation) if incoming else None,
    )
