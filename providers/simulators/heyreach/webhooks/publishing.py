"""Webhook bodies, and which webhooks hear of what; unlike everything else they are in snake case."""

import json
import uuid
from typing import Any

from providers.simulators.heyreach import enrolment
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.enrolment import Enrolment
from providers.simulators.heyreach.inbox import threads
from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.senders import seats
from providers.simulators.heyreach.state import options
from providers.simulators.kit import outbox
from providers.simulators.kit.outbox import Letter
from providers.simulators.kit.store import Object, Row, Store

# These two belong to no campaign: they are sent whatever campaigns the webhook names.
_WHOLE_WORKSPACE = ("EVERY_MESSAGE_REPLY_RECEIVED", "LEAD_TAG_UPDATED")
_ZERO = "00000000-0000-0000-0000-000000000000"


def publish(who: Enrolment, event_type: str, extra: Object | None = None) -> Object:
    """Tell every webhook that hears of the event, and return the first body."""
    chosen = options(who.store)
    campaign = _campaign(who, chosen, event_type)
    body = {**(extra or {}), "campaign": campaign, "sender": _sender(who.seat), "lead": _lead(who)}
    if campaign is None:
        del body["campaign"]
    body["timestamp"] = times.whole_seconds(who.now)
    body["event_type"] = event_type if chosen["event_case"] == "upper" else event_type.lower()
    hooks = _listeners(who, event_type) if _imported(chosen, event_type) else []
    shared = _ZERO if chosen["correlation"] == "zero" else str(uuid.uuid4())
    for hook in hooks:
        body["correlation_id"] = str(uuid.uuid4()) if chosen["correlation"] == "delivery" else shared
        _send(who.store, chosen, hook, body, who.person["url"])
    return {**body, "correlation_id": shared}


def _imported(chosen: Object, event_type: str) -> bool:
    return event_type not in _WHOLE_WORKSPACE or bool(chosen["imports_all_conversations"])


def _listeners(who: Enrolment, event_type: str) -> list[Row]:
    hooks = who.store.all(
        "select * from webhooks where workspace_id = ? and event_type = ? and is_active order by id",
        who.workspace_id,
        event_type,
    )
    if event_type in _WHOLE_WORKSPACE:
        return hooks
    if who.campaign is None:
        return []
    concerned = who.campaign["id"]
    return [hook for hook in hooks if concerned in (json.loads(hook["campaign_ids"]) or [concerned])]


def _send(store: Store, chosen: Object, hook: Row, body: Object, url: str) -> None:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    outbox.post(store, chosen, Letter(hook["id"], hook["url"], hook["event_type"], url, text))


def _campaign(who: Enrolment, chosen: Object, event_type: str) -> Object | None:
    hidden = event_type == "EVERY_MESSAGE_REPLY_RECEIVED" and not chosen["campaign_in_replies"]
    if who.campaign is None or hidden:
        return None
    return {name: who.campaign[name] for name in ("name", "id", "status")}


def _sender(seat: Row) -> Object:
    return {
        "id": seat["id"],
        "first_name": seat["first_name"],
        "last_name": seat["last_name"],
        "full_name": seats.full_name(seat),
        "email_address": seat["email"],
        "profile_url": seat["profile_url"],
    }


def _lead(who: Enrolment) -> Object:
    person = who.person
    return {
        "id": person["linkedin_id"],
        "profile_url": person["url"],
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "full_name": profiles.full_name(person),
        "location": person["location"],
        "summary": person["summary"],
        "company_url": None,
        "company_name": person["company_name"],
        "position": person["position"],
        "about": person["about"],
        "email_address": person["email"],
        "enriched_email": None,
        "custom_email": None,
        "tags": profiles.tags(who.store, person["id"]),
        "lists": enrolment.lists(who.store, person["id"]),
    }


def thread(who: Enrolment, conversation: Row, *, is_inmail: bool) -> Object:
    """Return what message events say of the conversation."""
    # The provider that tells of a message has seen it, whatever its lists still lack.
    said = threads.messages_of(who.store, conversation["id"], "9")
    if who.option("recent_messages") == "latest":
        said = said[-1:]
    return {
        "is_inmail": is_inmail,
        "recent_messages": [_recent(message) for message in said],
        "conversation_id": conversation["public_id"],
    }


def _recent(message: Row) -> Object:
    recent: Object = {
        "creation_time": times.milliseconds(message["created_at"]),
        "message": message["body"],
        "is_reply": message["sender"] == "CORRESPONDENT",
    }
    return {**recent, "message_type": "Attachment"} if message["kind"] != "TEXT" else recent


def tell_tags(store: Store, workspace_id: int, profile_id: int) -> None:
    """Tell that a person's tags have changed; the body carries all of them, not the change."""
    link = store.value("select id from campaign_leads where profile_id = ? order by id desc", profile_id)
    who = enrolment.enrolment(store, link) if link else None
    who = who or stranger(store, workspace_id, profile_id, None)
    if who is not None:
        publish(who, "LEAD_TAG_UPDATED")


def stranger(store: Store, workspace_id: int, profile_id: int, account_id: Any) -> Enrolment | None:
    """Return a person outside of all campaigns, with the given sender or the workspace's first."""
    seat = store.one(
        "select * from li_accounts where workspace_id = ? and (? is null or id = ?) order by id",
        workspace_id,
        account_id,
        account_id,
    )
    person = store.one("select * from profiles where id = ?", profile_id)
    return None if seat is None or person is None else Enrolment(store, workspace_id, seat, person)


def test_event(store: Store, hook: Row) -> Object:
    """Send a webhook the body of the provider's own test button, which is about no lead."""
    chosen = options(store)
    names = {"first_name": "John", "last_name": "Doe", "full_name": "John Doe", "email_address": "johndoe@test.com"}
    person = {**names, "profile_url": "https://www.linkedin.com/in/johndoe"}
    event_type = hook["event_type"]
    body = {
        **({"connection_message": "Test Message"} if "CONNECTION" in event_type else {}),
        "campaign": {"name": "Test Campaign", "id": 123, "status": None},
        "sender": {"id": 123, **person},
        "lead": {**_TEST_LEAD, **person},
        "timestamp": times.whole_seconds(times.stamp(store.clock.now())),
        "event_type": event_type if chosen["event_case"] == "upper" else event_type.lower(),
        "correlation_id": _ZERO,
    }
    _send(store, chosen, hook, body, person["profile_url"])
    return body


_TEST_LEAD: Object = {
    "id": "TestId",
    "location": "Miami, Florida, US",
    "summary": "Test Summary",
    "company_url": "https://example.com/",
    "company_name": "Test Company Name",
    "position": "CEO at Test",
    "about": "Test About",
    "enriched_email": None,
    "custom_email": None,
    "tags": ["TagTest"],
    "lists": [{"name": "My List 1", "id": 123, "custom_fields": {"Favorite_cookie": "Chocolate chip"}}],
}
