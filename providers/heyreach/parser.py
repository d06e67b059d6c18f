"""Reads HeyReach's webhook bodies, which are in snake case, unlike the rest of the API.

There is no id of a message or a delivery. A message is known by its conversation and its moment, which the body of a
first reply and that of every reply have alike; a request by campaign and person. A body shows the conversation, or its
latest part: the message it is about is the last one of the side that wrote.
"""

from datetime import datetime

from providers.answers import judged
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
from providers.heyreach import mapping
from providers.identity import shown
from providers.labels import Label, facts_of, label_of
from providers.models import Fact, ProviderEvent, UnreadableWebhookError
from providers.reading import as_list, as_mapping, as_rows

KINDS = {
    "connection_request_sent": Fact.REQUEST_SENT,
    "connection_request_accepted": Fact.REQUEST_ACCEPTED,
    "message_sent": Fact.SENT, "inmail_sent": Fact.SENT,
    "message_reply_received": Fact.REPLIED, "inmail_reply_received": Fact.REPLIED,
    "every_message_reply_received": Fact.REPLIED,
}  # fmt: skip
UNUSED = frozenset({"follow_sent", "liked_post", "viewed_profile", "campaign_completed"})
TAGGED = "lead_tag_updated"
MOST_TAGS = 100
TEST_LEAD = "TestId"  # the lead of the provider's test button


def parse(raw: bytes) -> list[ProviderEvent]:
    """Return the facts of one delivery, which should be one object; several in an array do no harm."""
    return [event for body in bodies_of(raw) for event in _events(body)]


def _events(body: Body) -> list[ProviderEvent]:
    kind, lead = text_of(body.get("event_type")).strip().lower(), as_mapping(body.get("lead"))
    if kind in UNUSED or lead.get("id") == TEST_LEAD:
        return []
    campaign = text_of(as_mapping(body.get("campaign")).get("id")).strip()[:LONGEST_ADDRESS]
    if kind == TAGGED:  # in no campaign, a person is none of ours
        return labels(campaign, lead, moment_of(body.get("timestamp"))) if campaign else []
    fact = KINDS.get(kind)
    if fact is None:
        raise UnreadableWebhookError("unknown_event_type")
    if not campaign:
        raise UnreadableWebhookError("no_campaign")
    return [_event(fact, kind, campaign, body)]


def _event(fact: Fact, kind: str, campaign: str, body: Body) -> ProviderEvent:
    lead = as_mapping(body.get("lead"))
    url = text_of(lead.get("profile_url")).strip()[:LONGEST_ADDRESS]
    profile, email = mapping.profile(url), _email(lead)
    person = profile or email
    if person is None:
        raise UnreadableWebhookError("no_lead")
    message = _message(fact, body)
    moment = moment_of(message.get("creation_time")) or moment_of(body.get("timestamp"))
    key = _key(fact, body, f"{campaign}:{person}", moment)
    event = ProviderEvent(
        fact=fact,
        key=key,
        alias=key,
        external_campaign_id=campaign,
        email=email,
        external_lead_id=mapping.profile_url(url),
        occurred_at=moment,
        data=_data(fact, kind, body),
        linkedin_url=url if profile else None,
        sender=text_of(as_mapping(body.get("sender")).get("id")).strip()[:LONGEST_ADDRESS] or None,
    )
    return judged(event, text_of(message.get("message")))


def labels(campaign: str, person: Body, moment: datetime | None) -> list[ProviderEvent]:
    """Read a person's tags, all that there are now, and those that the provider has set by itself. Which of them is
    new is not given: each label is a fact once."""
    url = text_of(person.get("profile_url") or person.get("profileUrl")).strip()[:LONGEST_ADDRESS]
    profile = mapping.profile(url)
    if profile is None:
        return []
    tags = [*as_list(person.get("tags")), *(row.get("name") for row in as_rows(person.get("autoTags")))][:MOST_TAGS]
    found: dict[Label, None] = {label: None for tag in tags if (label := label_of(text_of(tag)))}
    keys = {
        bounded_key(f"{fact}:{campaign}:{profile}:{label if fact is Fact.LABELLED else ''}"): (fact, label)
        for label in found
        for fact in facts_of(label)
    }
    return [
        ProviderEvent(
            fact, key, None, campaign, None, mapping.profile_url(url), moment,
            {"label": label} if fact is Fact.LABELLED else {"step": None, "channel": "linkedin"}, url,
        )
        for key, (fact, label) in keys.items()
    ]  # fmt: skip


def _key(fact: Fact, body: Body, about: str, moment: datetime | None) -> str:
    """Name the fact. Two deliveries of one fact give one key, whichever webhook they come from."""
    if fact in (Fact.REQUEST_SENT, Fact.REQUEST_ACCEPTED):
        return bounded_key(f"{fact}:{about}")
    where = text_of(body.get("conversation_id")) or about
    return message_key(fact, where, moment, text_of(_message(fact, body).get("message")))


def message_key(fact: Fact, where: str, moment: datetime | None, text: str) -> str:
    """Name a message by its conversation and its moment, which is exact to the millisecond at most."""
    when = moment.replace(microsecond=moment.microsecond // 1000 * 1000).isoformat() if moment else digest(text)
    return bounded_key(f"{fact}:{where}:{when}")


def _message(fact: Fact, body: Body) -> Body:
    """Return the message that the body is about."""
    if fact not in (Fact.SENT, Fact.REPLIED):
        return {}
    said = [
        row for row in as_rows(body.get("recent_messages")) if (row.get("is_reply") is True) is (fact is Fact.REPLIED)
    ]
    return said[-1] if said else {}


def _email(lead: Body) -> str | None:
    for name in ("email_address", "enriched_email", "custom_email"):
        if match := EMAIL.search(text_of(lead.get(name))[:LONGEST_ADDRESS]):
            return match[0].strip(".,;").lower()
    return None


def _data(fact: Fact, kind: str, body: Body) -> dict[str, object]:
    """Return what may be shown of the fact. No provider's name and no ids; which step it was is not given."""
    data: dict[str, object] = {"step": None, "channel": "linkedin"}
    if fact in (Fact.SENT, Fact.REPLIED):
        data["kind"] = "inmail" if kind.startswith("inmail") or body.get("is_inmail") is True else "message"
        data["subject"] = None
        data["text"] = text_of(_message(fact, body).get("message")).strip()[:LONGEST_TEXT] or None
    elif fact is Fact.REQUEST_SENT:
        data["text"] = text_of(body.get("connection_message")).strip()[:LONGEST_TEXT] or None
    person = as_mapping(body.get("lead" if fact in (Fact.REPLIED, Fact.REQUEST_ACCEPTED) else "sender"))
    profile = mapping.profile(text_of(person.get("profile_url"))[:LONGEST_ADDRESS])
    data["from"] = shown(profile) if profile else _email(person)
    return data
