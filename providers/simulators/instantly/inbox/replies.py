"""Answering by hand."""

import html
import json

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities, messages
from providers.simulators.instantly.inbox.emails import find
from providers.simulators.instantly.leads import leads
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.kit.store import Object, Row

routes = Routes()

_PAGE = (
    '<!DOCTYPE html>\n<html>\n  <head>\n    <meta charset="UTF-8">\n    <title>{title}</title>\n'
    "  </head>\n  <body>{text}</body>\n</html>"
)
BODY = validation.obj({"html": validation.text(), "text": validation.text()})
COMMON: validation.Fields = {
    "eaccount": validation.Required(validation.text()),
    "reply_to_uuid": validation.Required(validation.text()),
    "subject": validation.Required(validation.text()),
    "cc_address_email_list": validation.text(),
    "bcc_address_email_list": validation.text(),
    "assigned_to": validation.text("uuid"),
}


def _mailbox(call: Call) -> str:
    found = entities.find(call.store, call.workspace, "account", call.body["eaccount"].strip().lower())
    if found is None:
        raise RefusedError(404, "Email account not found")
    return found["email"]


def send(call: Call, to: Row, recipients: str, body: Object) -> Response:
    """Keep a message that was written by hand, and answer with it."""
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
        **COMMON,
        "body": validation.Required(BODY),
        "additional_recipients": validation.array(validation.text("email")),
        "reminder_ts": validation.text("date-time"),
    },
)
def reply(call: Call) -> Response:
    """Answer a message; to its author, be it one's own mailbox."""
    to = find(call, call.body["reply_to_uuid"])
    body: Object = call.body["body"]
    if not body.get("html") and not body.get("text"):
        raise RefusedError(400, "body/body must have required property 'html'")
    if not body.get("html"):
        words = html.escape(" ".join(body["text"].split()), quote=False)
        page = _PAGE.format(title=html.escape(call.body["subject"]), text=words)
        body = {"text": body["text"], "html": page}
    recipients = ",".join([_from_of(to), *call.body.get("additional_recipients", [])])
    return send(call, to, recipients, body)
