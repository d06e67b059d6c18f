"""Forwarding by hand, and sending a test."""

import html
import json
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.inbox.emails import find
from providers.simulators.instantly.inbox.replies import BODY, COMMON, send
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer
from providers.simulators.kit.store import Object

routes = Routes()


@routes.on(
    "POST",
    "/emails/forward",
    "emails:create",
    body={
        **COMMON,
        "to_address_email_list": validation.Required(validation.text()),
        "body": BODY,
        "include_original_body": validation.boolean(),
        "reply_to": validation.text(),
        "forwarded_attachments": validation.text(),
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
    plain = {"text": body["text"]} if body.get("text") else {}
    return send(call, to, call.body["to_address_email_list"], {**plain, "html": whole})


@routes.on(
    "POST",
    "/emails/test",
    "emails:create",
    body={
        "eaccount": validation.Required(validation.text()),
        "to_address_email_list": validation.Required(validation.text()),
        "subject": validation.Required(validation.text()),
        "body": validation.Required(validation.obj({"html": validation.Required(validation.text())})),
    },
)
def send_test(call: Call) -> Response:
    """Send a test, of which nothing is kept; a failure is a 200 too."""
    found = entities.find(call.store, call.workspace, "account", call.body["eaccount"].strip().lower())
    if found is None:
        return answer({"error": "ACC_NOT_FOUND"})
    return answer({"status": "success"} if found["status"] > 0 else {"error": "ACC_AUTH_ERROR"})
