"""Answering and forwarding by hand, and sending a test."""

import html
import json
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import ajv, entities, leads, messages
from providers.simulators.instantly.emails import find
from providers.simulators.instantly.exchange import Call, RefusedError, Routes, answer
from providers.simulators.kit.store import Object, Row

routes = Routes()

_PAGE = (
    '<!DOCTYPE html>\n<html>\n  <head>\n    <meta charset="UTF-8">\n    <title>{title}</title>\n'
    "  </head>\n  <body>{text}</body>\n</html>"
)
_BODY = ajv.obj({"html": ajv.text(), "text": ajv.text()})
_COMMON: ajv.Fields = {
    "eaccount": ajv.Required(ajv.text()),
    "reply_to_uuid": ajv.Required(ajv.text()),
    "subject": ajv.Required(ajv.text()),
    "cc_address_email_list": ajv.text(),
    "bcc_address_email_list": ajv.text(),
    "assigned_to": ajv.text("uuid"),
}


def _mailbox(call: Call) -> str:
    found = entities.find(call.store, call.workspace, "account", call.body["eaccount"].strip().lower())
    if found is None:
        raise RefusedError(404, "Email account not found")
    return found["email"]


def _send(call: Call, to: Row, recipients: str, body: Object) -> Response:
    mailbox = _mailbox(call)
    lead = call.store.one("select * from leads where id = ?", to["lead_id"])
    carbon = {name: call.body.get(name, "") for name in ("cc_address_email_list", "bcc_address_email_list")}
    draft = messages.Draft(
        workspace=call.workspace,
        lead=lead,
        eaccount=mailbox,
        ue_type=messages.MANUAL,
        subject=call.body["subject"],
        body=body,
        sender=mailbox,
        recipients=recipients,
        thread_id=to["thread_id"],
        more={**carbon, "content_preview": _preview(body), "reminder_ts": call.body.get("reminder_ts")},
    )
    row = messages.keep(call.store, draft)
    if lead:
        kept = {"timestamp_last_touch": row["created_at"], "last_contacted_from": mailbox}
        leads.put(call.store, lead, kept, contacted_at=row["created_at"])
    return answer(messages.shown(call.store, row, exact=True))


def _preview(body: Object) -> str:
    return str(body.get("text") or body.get("html") or "")[:100]


def _from_of(row: Row) -> str:
    return str(json.loads(row["fields"])["from_address_email"])


@routes.on(
    "POST",
    "/emails/reply",
    "emails:create",
    body={
        **_COMMON,
        "body": ajv.Required(_BODY),
        "additional_recipients": ajv.array(ajv.text("email")),
        "reminder_ts": ajv.text("date-time"),
    },
)
def reply(call: Call) -> Response:
    """Answer a message; to whoever wrote it, be it one's own mailbox."""
    to = find(call, call.body["reply_to_uuid"])
    body: Object = call.body["body"]
    if not body.get("html") and not body.get("text"):
        raise RefusedError(400, "body/body must have required property 'html'")
    if not body.get("html"):
        words = html.escape(" ".join(body["text"].split()), quote=False)
        page = _PAGE.format(title=html.escape(call.body["subject"]), text=words)
        body = {"text": body["text"], "html": page}
    recipients = ",".join([_from_of(to), *call.body.get("additional_recipients", [])])
    return _send(call, to, recipients, body)


@routes.on(
    "POST",
    "/emails/forward",
    "emails:create",
    body={
        **_COMMON,
        "to_address_email_list": ajv.Required(ajv.text()),
        "body": _BODY,
        "include_original_body": ajv.boolean(),
        "reply_to": ajv.text(),
        "forwarded_attachments": ajv.text(),
    },
)
def forward(call: Call) -> Response:
    """Forward a message."""
    to = find(call, call.body["reply_to_uuid"])
    body: Object = call.body.get("body") or {}
    if not any(body.values()) and not call.body.get("include_original_body"):
        raise RefusedError(400, "body must have required property 'body'")
    words = body.get("html") or html.escape(body.get("text", ""), quote=False).replace("\n", "<br />")
    original: Any = json.loads(to["fields"])["body"] if call.body.get("include_original_body") else {}
    whole = words + str(original.get("html") or original.get("text") or "")
    told = {"text": body["text"]} if body.get("text") else {}
    return _send(call, to, call.body["to_address_email_list"], {**told, "html": whole})


@routes.on(
    "POST",
    "/emails/test",
    "emails:create",
    body={
        "eaccount": ajv.Required(ajv.text()),
        "to_address_email_list": ajv.Required(ajv.text()),
        "subject": ajv.Required(ajv.text()),
        "body": ajv.Required(ajv.obj({"html": ajv.Required(ajv.text())})),
    },
)
def send_test(call: Call) -> Response:
    """Send a test, of which nothing is kept; a failure is a 200 too."""
    found = entities.find(call.store, call.workspace, "account", call.body["eaccount"].strip().lower())
    if found is None:
        return answer({"error": "ACC_NOT_FOUND"})
    return answer({"status": "success"} if found["status"] > 0 else {"error": "ACC_AUTH_ERROR"})
