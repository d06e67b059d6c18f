"""The webhook bodies of what happens to an email, as the live service and as its documentation write them.

Which fields an event lacks is deliberate: a bounce names no lead ids, an open no message id of its own.
"""

import re
from typing import Any

from providers.simulators.kit import machines
from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.common import times
from providers.simulators.smartlead.enrolment import Enrolment, plain
from providers.simulators.smartlead.webhooks.facts import Fact, about, ids, inbox_link, parties


def _campaign(who: Enrolment, message: Row) -> Object:
    return {
        "campaign_name": who.campaign["name"],
        "campaign_id": who.campaign["id"],
        "sequence_number": message["seq_number"],
    }


def _envelope(message: Row, time: str) -> Object:
    body = message["body"]
    return {"message_id": message["message_id"], "html": body, "text": plain(body), "time": time}


def _timed(field: str, time: str) -> Object:
    return {field: time, "event_timestamp": time}


def _minimal(who: Enrolment, message: Row, **extra: Any) -> Object:
    return {**parties(who), **_campaign(who, message), **extra}


def sent(who: Enrolment, message: Row, event_type: str = "EMAIL_SENT") -> Fact:
    """Return the fact that a step was sent."""
    time = times.with_offset(message["time"])
    subject, body = message["subject"], message["body"]
    live = {
        **ids(who),
        **about(who),
        "stats_id": message["stats_id"],
        **parties(who),
        **_timed("time_sent", time),
        **_campaign(who, message),
        "custom_subject": subject,
        "custom_email_message": body,
        "sent_message_body": body,
        "sent_message": _envelope(message, time),
        "subject": subject,
        "message_id": message["message_id"],
    }
    minimal = _minimal(
        who,
        message,
        time_sent=time,
        custom_subject=subject,
        custom_email_message=body,
        message_id=message["message_id"],
    )
    said = f"Email {message['seq_number']} sent to {who.email} for campaign - {who.campaign['name']}"
    return Fact(event_type, who.email, live, minimal, inbox_link(who.link["id"]), said)


def _watched(who: Enrolment, message: Row, field: str, at: str, extra: Object) -> Object:
    return {
        **ids(who),
        **about(who),
        "stats_id": message["stats_id"],
        **parties(who),
        **_timed(field, times.with_offset(at)),
        **extra,
        **_campaign(who, message),
        "subject": message["subject"],
        "sent_message_body": message["body"],
        "sent_message": _envelope(message, times.with_offset(message["time"])),
    }


def opened(who: Enrolment, message: Row, at: str) -> Fact:
    """Return the fact that an email was opened."""
    live = _watched(who, message, "time_opened", at, {})
    time = times.with_offset(at)
    minimal = _minimal(who, message, time_opened=time, custom_subject=message["subject"])
    said = f"{who.email} opened Email {message['seq_number']} for campaign - {who.campaign['name']}"
    return Fact("EMAIL_OPEN", who.email, live, minimal, inbox_link(who.link["id"]), said)


def clicked(who: Enrolment, message: Row, at: str) -> Fact:
    """Return the fact that a link was clicked."""
    found = re.search(r'href="(https?://[^"]+)"', message["body"])
    link = found[1] if found else f"https://{who.sender.split('@')[1]}/"
    live = _watched(who, message, "time_clicked", at, {"link_clicked": [link], "link_details": []})
    time = times.with_offset(at)
    minimal = _minimal(who, message, time_clicked=time, custom_subject=message["subject"], link_clicked=link)
    said = f"{who.email} clicked a link in Email {message['seq_number']} for campaign - {who.campaign['name']}"
    return Fact("EMAIL_LINK_CLICK", who.email, live, minimal, inbox_link(who.link["id"]), said)


def replied(who: Enrolment, message: Row, reply: Row, *, inverted: bool) -> Fact:
    """Return the fact that a reply came in; `inverted` swaps the two addresses, as one integrator saw."""
    time = times.whole_seconds(reply["time"])
    ends = (reply["sender"], who.sender) if inverted else (who.sender, who.email)
    live: Object = {
        "campaign_status": who.campaign["status"],
        "stats_id": message["stats_id"],
        "reply_source": "CAMPAIGN",
        **ids(who),
        "sl_lead_email": who.email,
        "from_email": ends[0],
        "cc_emails": [],
        "subject": message["subject"],
        "sent_message_body": message["body"],
        "sent_message": _envelope(message, times.with_offset(message["time"])),
        "to_email": ends[1],
        "to_name": who.full_name,
        **_timed("time_replied", time),
        "reply_message": _envelope(reply, time),
        "reply_body": reply["body"],
        "message_id": reply["message_id"],
        "preview_text": plain(reply["body"]) + "\n",
        **_campaign(who, message),
        "client_id": who.campaign["client_id"],
        "leadCorrespondence": _correspondence(who.email, reply["sender"]),
    }
    minimal = {
        **_minimal(who, message, time_replied=time, reply_body=reply["body"], message_id=reply["message_id"]),
        "from_email": ends[0],
        "to_email": ends[1],
    }
    # The trailing space is the provider's.
    said = f"{reply['sender']} replied to Email {message['seq_number']} for campaign - {who.campaign['name']} "
    return Fact("EMAIL_REPLY", who.email, live, minimal, inbox_link(who.link["id"]), said)


def _correspondence(lead: str, responder: str) -> Object:
    same = lead.rpartition("@")[2] == responder.rpartition("@")[2]
    return {
        "targetLeadEmail": lead,
        "replyReceivedFrom": responder,
        "repliedCompanyDomain": "SameCompany" if same else "DifferentCompany",
    }


def bounced(who: Enrolment, message: Row, at: str, meaning: str) -> Fact:
    """Return the fact that an email bounced, and the mail server's report; the live body has no lead ids."""
    notice, notice_id = (
        f"<pre>{machines.report(meaning, who.email)}</pre>",
        f"<{message['stats_id'][:8]}.bounce@mx.example>",
    )
    bounce = {
        "is_bounced": True,
        "is_sender_originated_bounce": meaning == "sender_refused",
        "bounce_reply_message_id": notice_id,
        "bounce_reply_email": notice,
        "bounce_reply_email_preview": plain(notice),
        "bounce_message": {"message_id": notice_id, "html": notice, "text": plain(notice), "time": at},
    }
    base = sent(who, message)
    kept = {key: value for key, value in base.live.items() if not key.startswith("sl_")}
    live = {**kept, "event_timestamp": times.with_offset(at), **bounce}
    said = f"Email {message['seq_number']} sent to {who.email} got bounced for campaign - {who.campaign['name']}"
    return Fact("EMAIL_BOUNCE", who.email, live, base.minimal, inbox_link(who.link["id"]), said)
