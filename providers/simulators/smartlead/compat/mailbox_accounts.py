"""Connecting a mailbox, warming it up, suspending it and taking it away."""

import base64
import json

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.compat.mailboxes import WRITTEN_AS, find, owned, write
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer, done
from providers.simulators.smartlead.senders.mailboxes import fresh_fields, warmup
from providers.simulators.smartlead.validation import Fields, Required, boolean, choice, nullable, number, text

routes = Routes()

_WARMED = 0
_UNWARMED = 2
_SAVE: Fields = {
    "id": nullable(number()),
    **dict.fromkeys(("from_name", "from_email", "user_name", "password"), Required(text(empty=False))),
    "smtp_host": Required(text(empty=False)),
    "smtp_port": Required(number()),
    "smtp_port_type": text(),
    "imap_host": Required(text(empty=False)),
    "imap_port": Required(number()),
    "imap_port_type": text(),
    "warmup_enabled": Required(boolean),
    "max_email_per_day": nullable(number(least=0)),
    "time_to_wait_in_mins": nullable(number(least=0)),
    "custom_tracking_url": nullable(text()),
    "bcc": nullable(text()),
    "signature": nullable(text()),
    "total_warmup_per_day": nullable(number()),
    "daily_rampup": nullable(number()),
    "reply_rate_percentage": nullable(number()),
    "client_id": nullable(number()),
    "imap_user_name": nullable(text()),
    "imap_password": nullable(text()),
    "type": choice("SMTP", "GMAIL", "ZOHO", "OUTLOOK"),
    "different_reply_to_address": nullable(text()),
}
_KEPT = (
    *("from_name", "smtp_host", "smtp_port", "smtp_port_type", "imap_host", "imap_port", "imap_port_type"),
    *("max_email_per_day", "time_to_wait_in_mins", "custom_tracking_url", "bcc", "signature", "client_id"),
    *("type", "different_reply_to_address"),
)


@routes.on("POST", "/email-accounts/save", body=_SAVE)
def save(call: Call) -> Response:
    """Connect a mailbox by SMTP, or with an id change one that is connected."""
    address = call.body["from_email"].strip().lower()
    given = call.body.get("id")
    other = call.store.value(
        "select id from email_accounts where account_id = ? and from_email = ?", call.account.id, address
    )
    if other is not None and other != given:
        taken = {"ok": False, "message": "Email account already exist!", "errorCode": "ACCOUNT_ALREADY_EXIST"}
        raise RefusedError(400, {**taken, "emailAccountId": other})
    mailbox_id = _connect(call, address) if given is None else given
    row = owned(call, mailbox_id)
    call.store.run("update email_accounts set from_email = ? where id = ?", address, mailbox_id)
    write(call, row, _changes(call.body, row))
    message = "Email account added/updated successfully!"
    return answer({"ok": True, "message": message, "emailAccountId": mailbox_id, "warmupKey": "apple-keys"})


def _connect(call: Call, address: str) -> int:
    fields = fresh_fields("SMTP", call.body["from_name"], address, _UNWARMED)
    stamps = {"created_at": call.now, "updated_at": call.now}
    row = {"account_id": call.account.id, "from_email": address, "fields": json.dumps(fields), **stamps}
    return call.store.insert("email_accounts", row)


def _changes(body: Object, row: Row) -> Object:
    given = {WRITTEN_AS.get(name, name): body[name] for name in _KEPT if body.get(name) is not None}
    return {
        **given,
        "username": body["user_name"],
        "password": _hidden(body["password"]),
        "imap_username": body.get("imap_user_name") or body["user_name"],
        "imap_password": _hidden(body.get("imap_password") or body["password"]),
        "warmup_details": _warming(row, on=body["warmup_enabled"], reply_rate=body.get("reply_rate_percentage")),
    }


def _hidden(password: str) -> str:
    return base64.b64encode(password.encode()).decode()


def _warming(row: Row, *, on: bool, reply_rate: int | None) -> Object | None:
    before = json.loads(row["fields"])["warmup_details"]
    if before is None and not on:
        return None
    details: Object = before or {
        **(warmup(_WARMED) or {}),
        "total_sent_count": 0,
        "warmup_created_at": row["created_at"],
    }
    details["status"] = "ACTIVE" if on else "INACTIVE"
    return details if reply_rate is None else {**details, "reply_rate": reply_rate}


@routes.on(
    "POST",
    "/email-accounts/{email_account_id}/warmup",
    body={
        "warmup_enabled": Required(boolean),
        "total_warmup_per_day": nullable(number(least=1, most=50)),
        "daily_rampup": nullable(number(least=1, most=20)),
        "reply_rate_percentage": nullable(number(least=20, most=100)),
        "warmup_key_id": nullable(text()),
        "auto_adjust_warmup": boolean,
        "is_rampup_enabled": boolean,
    },
)
def set_warmup(call: Call) -> Response:
    """Switch a mailbox's warm-up on or off."""
    row = find(call)
    details = _warming(row, on=call.body["warmup_enabled"], reply_rate=call.body.get("reply_rate_percentage"))
    if details is not None and call.body.get("warmup_key_id"):
        details["warmup_key_id"] = call.body["warmup_key_id"]
    write(call, row, {"warmup_details": details})
    return answer({"ok": True, "message": "Email warmup details updated successfully!", "emailAccountId": row["id"]})


@routes.on("PUT", "/email-accounts/suspend/{email_account_id}")
def suspend(call: Call) -> Response:
    """Let a mailbox send nothing for now."""
    write(call, find(call), {"is_suspended": True})
    return done()


@routes.on("DELETE", "/email-accounts/unsuspend/{email_account_id}")
def unsuspend(call: Call) -> Response:
    """Let a mailbox send again."""
    write(call, find(call), {"is_suspended": False})
    return done()


@routes.on("POST", "/email-accounts/reconnect-failed-email-accounts")
def reconnect(call: Call) -> Response:
    """Answer that no mailbox is out of reach, as none here ever is."""
    del call
    raise RefusedError(404, {"ok": True, "message": "No failed email account found!"})


@routes.on("DELETE", "/email-accounts/{email_account_id}")
def delete(call: Call) -> Response:
    """Take a mailbox away, from its campaigns too."""
    mailbox_id = find(call)["id"]
    call.store.run("delete from campaign_email_accounts where email_account_id = ?", mailbox_id)
    call.store.run("update campaign_leads set email_account_id = null where email_account_id = ?", mailbox_id)
    call.store.run("delete from email_accounts where id = ?", mailbox_id)
    return done()
