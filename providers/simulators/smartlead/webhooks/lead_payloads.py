"""The webhook bodies of what happens to a lead or a campaign; an unsubscribe names not even the message."""

import json

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.enrolment import Enrolment
from providers.simulators.smartlead.webhooks.facts import APP, Fact, about, inbox_link, parties


def unsubscribed(who: Enrolment, at: str) -> Fact:
    """Return the fact that a lead unsubscribed; it names the lead by its address only."""
    names = {"lead_name": who.full_name, "to_name": who.full_name}
    place = {"campaign_name": who.campaign["name"], "campaign_id": who.campaign["id"]}
    addresses = {"lead_email": who.email, "to_email": who.email, "from_email": ""}
    live = {
        **about(who),
        "event_timestamp": at,
        **addresses,
        **names,
        "campaign_name": who.campaign["name"],
        "sent_message": {"message_id": None, "text": ""},
        "campaign_id": who.campaign["id"],
        "unsubscribed_client_id_map": {},
    }
    said = f"Lead - {who.email} unsubscribed from the campaign - {who.campaign['name']}"
    return Fact("LEAD_UNSUBSCRIBED", who.email, live, {**addresses, **names, **place}, inbox_link(""), said)


def _shown(message: Row) -> Object:
    shown = {
        "stats_id": message["stats_id"],
        "type": "REPLY" if message["kind"] == "REPLY" else "SENT",
        "message_id": message["message_id"],
        "time": message["time"],
        "email_body": message["body"],
    }
    return {
        **shown,
        **({} if message["kind"] == "REPLY" else {"subject": message["subject"]}),
        "cc_emails": [],
    }


def _lead_data(who: Enrolment) -> Object:
    names = ("email", "first_name", "last_name", "phone_number", "company_name", "website", "location")
    return {
        **{name: who.lead[name] for name in names},
        "custom_fields": json.loads(who.lead["custom_fields"]),
        "linkedin_profile": who.lead["linkedin_profile"],
        "company_url": who.lead["company_url"],
    }


def categorised(who: Enrolment, messages: list[Row], *, old: Object | None, new: Object | None, at: str) -> Fact:
    """Return the fact that a lead's category changed."""
    history = [_shown(message) for message in messages]
    last_reply = next((row for row in reversed(history) if row["type"] == "REPLY"), None)
    was, now = old or {"id": None, "name": None}, new or {"id": None, "name": None, "sentiment_type": None}
    category = {"name": now["name"], "sentiment_type": now["sentiment_type"]}
    short = {
        "lead_email": who.email,
        "lead_name": who.full_name,
        "category": now["name"],
        "campaign_name": who.campaign["name"],
        "campaign_id": who.campaign["id"],
    }
    live = {
        **about(who),
        "lead_id": who.lead["id"],
        **short,
        "lead_data": {**_lead_data(who), "category": category},
        "lead_category_id": now["id"],
        "event_timestamp": at,
        "lead_category": {
            "old_id": was["id"],
            "old_name": was["name"],
            "new_id": now["id"],
            "new_name": now["name"],
        },
        "current_sequence": who.link["last_seq"],
        "from": who.sender,
        "to": who.email,
        **parties(who),
        "history": history,
        "lastReply": last_reply,
        "last_reply": last_reply,
    }
    said = f"Lead category updated to {now['name']} for {who.email} in campaign - {who.campaign['name']}"
    return Fact("LEAD_CATEGORY_UPDATED", who.email, live, short, inbox_link(who.link["id"]), said)


def moved(campaign: Row, status: str) -> Fact:
    """Return the fact that a campaign changed its status; it has no time of its own."""
    live = {
        "previous_status": campaign["status"],
        "current_status": status,
        "campaign_status": status,
        "client_id": campaign["client_id"],
        "campaign_name": campaign["name"],
        "campaign_id": campaign["id"],
    }
    said = f"Email Campaign status changed {campaign['status']} to {status} for campaign - {campaign['name']}"
    # The doubled /app is the provider's.
    link = f"{APP}/app/email-campaign/{campaign['id']}/analytics"
    return Fact("CAMPAIGN_STATUS_CHANGED", "", live, live, link, said)
