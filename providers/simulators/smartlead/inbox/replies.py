"""Answering a lead in its thread."""

import json
import uuid

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.requests import Call, Routes, done, invalid
from providers.simulators.smartlead.validation import (
    Fields,
    Required,
    anything,
    array,
    boolean,
    mapping,
    nullable,
    text,
)

routes = Routes()

_BODY: Fields = {
    "email_stats_id": Required(text(empty=False)),
    "email_body": Required(text(empty=False)),
    **dict.fromkeys(
        ("reply_message_id", "reply_email_time", "reply_email_body", "cc", "bcc", "to_email"),
        nullable(text()),
    ),
    **dict.fromkeys(("to_first_name", "to_last_name", "scheduled_time", "schedule_condition"), nullable(text())),
    "add_signature": nullable(boolean),
    "seq_type": anything,
    "attachments": nullable(array(mapping())),
}


@routes.on("POST", "/campaigns/{campaign_id}/reply-email-thread", body=_BODY)
def reply(call: Call) -> Response:
    """Send a message by hand in the thread of a sent email."""
    call.campaign()
    stats_id = call.body["email_stats_id"]
    thread = call.store.one(
        "select * from messages where stats_id = ? and campaign_id = ? and kind = 'SENT'",
        stats_id,
        call.campaign_id,
    )
    if thread is None:
        raise invalid(f"Invalid email_stats_id - {stats_id}")
    call.store.insert("messages", _message(call, thread))
    call.store.run(
        "update campaign_leads set last_sent_at = ?, last_activity_at = ? where id = ?",
        call.now,
        call.now,
        thread["map_id"],
    )
    return done()


def _message(call: Call, thread: Row) -> Object:
    copied = ("account_id", "campaign_id", "map_id", "stats_id", "sequence_id", "seq_number", "sender")
    domain = thread["sender"].split("@")[1]
    carbon = [address.strip() for address in (call.body.get("cc") or "").split(",") if address.strip()]
    return {
        **{name: thread[name] for name in copied},
        "kind": "MANUAL",
        "message_id": f"<{uuid.uuid4()}@{domain}>",
        "recipient": call.body.get("to_email") or thread["recipient"],
        "subject": f"Re: {thread['subject']}",
        "body": call.body["email_body"],
        "cc": json.dumps(carbon),
        "time": call.now,
    }
