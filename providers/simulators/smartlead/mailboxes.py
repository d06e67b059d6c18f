"""Email accounts: every simulator account starts with three, under a domain of its own."""

import base64
import hashlib
import json
import uuid

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row, Store
from providers.simulators.smartlead.exchange import (
    Account,
    Call,
    RefusedError,
    Routes,
    answer,
)
from providers.simulators.smartlead.validation import (
    anything,
    boolean,
    choice,
    nullable,
    number,
    page,
    text,
    text_or_number,
)

routes = Routes()

_BORN = "2025-10-20T08:37:45.853Z"
_PEOPLE = (("SMTP", "Ana", "Silva"), ("GMAIL", "Ben", "Okoro"), ("OUTLOOK", "Chloe", "Martin"))
_UUID = 36


def open_account(store: Store, api_key: str) -> Account:
    """Return the account of this key, with its mailboxes, creating both if it is new."""
    row = store.one("select * from accounts where api_key = ?", api_key)
    if row is None:
        _create(store, api_key)
        row = store.one("select * from accounts where api_key = ?", api_key)
    if row is None:
        raise LookupError(api_key)
    return Account(row["id"], row["secret_key"], row["name"], row["email"])


def _create(store: Store, api_key: str) -> None:
    mark = hashlib.sha256(api_key.encode()).hexdigest()[:6]
    domain = f"mail-{mark}.example"
    account = {
        "api_key": api_key,
        "secret_key": _secret(api_key),
        "name": f"Owner {mark}",
        "email": f"owner@{domain}",
        "created_at": _BORN,
    }
    account_id = store.insert("accounts", account)
    for number_, (kind, first, last) in enumerate(_PEOPLE):
        address = f"{first.lower()}.{last.lower()}@{domain}"
        row = {"account_id": account_id, "from_email": address, "created_at": _BORN, "updated_at": _BORN}
        fields = fresh_fields(kind, f"{first} {last}", address, number_)
        store.insert("email_accounts", {**row, "fields": json.dumps(fields)})


def _secret(api_key: str) -> str:
    # The live service signs nothing, but repeats the uuid part of the key in every webhook.
    try:
        return str(uuid.UUID(api_key[:_UUID]))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, api_key))


def fresh_fields(kind: str, name: str, address: str, number_: int) -> Object:
    """Return the fields of a new mailbox; the third in a row is not warmed up."""
    host = {"GMAIL": "gmail.com", "OUTLOOK": "office365.com"}.get(kind, address.split("@")[1])
    return {
        "from_name": name,
        "username": address,
        "password": "c2ltdWxhdGVk",
        "smtp_host": f"smtp.{host}",
        "smtp_port": 465,
        "smtp_port_type": "SSL",
        "message_per_day": 50 - 10 * number_,
        "minTimeToWaitInMins": 10,
        "different_reply_to_address": "",
        "is_different_imap_account": False,
        "imap_username": address,
        "imap_password": "c2ltdWxhdGVk",
        "imap_host": f"imap.{host}",
        "imap_port": 993,
        "imap_port_type": "SSL",
        "signature": None,
        "custom_tracking_domain": "",
        "bcc_email": None,
        "is_smtp_success": True,
        "is_imap_success": True,
        "smtp_failure_error": None,
        "imap_failure_error": None,
        "type": kind,
        "daily_sent_count": 0,
        "client_id": None,
        "is_suspended": False,
        "tags": [],
        "warmup_details": warmup(number_),
    }


def warmup(number_: int) -> Object | None:
    """Return the warm-up of a mailbox as lists show it, or None where it has none."""
    if number_ == 2:
        return None
    return {
        "status": "ACTIVE",
        "total_sent_count": 120 + number_,
        "total_spam_count": number_,
        "warmup_reputation": f"{99 - number_}%",
        "warmup_key_id": "apple-keys",
        "warmup_created_at": _BORN,
        "reply_rate": 30,
        "blocked_reason": None,
    }


def shown(call: Call, row: Row, *, with_campaigns: bool = False) -> Object:
    """Return a mailbox as the provider shows it."""
    joined = call.store.all("select campaign_id from campaign_email_accounts where email_account_id = ?", row["id"])
    campaigns = [link["campaign_id"] for link in joined]
    return {
        "id": row["id"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "user_id": row["account_id"],
        "from_email": row["from_email"],
        **json.loads(row["fields"]),
        "campaign_count": len(campaigns),
        **({"campaign_ids": campaigns} if with_campaigns else {}),
    }


def in_clear(mailbox: Object) -> Object:
    """Show the passwords as they are, which only the account's list hides in base64."""
    names = ("password", "imap_password")
    return {**mailbox, **{name: base64.b64decode(mailbox[name]).decode() for name in names}}


@routes.on(
    "GET",
    "/email-accounts",
    query={
        **page(100),
        "isInUse": boolean,
        "emailWarmupStatus": choice("ACTIVE", "INACTIVE"),
        "isSmtpSuccess": boolean,
        "isWarmupBlocked": boolean,
        "esp": choice("GMAIL", "OUTLOOK", "SMTP"),
        "username": text(),
        "client_id": text_or_number,
        "fetch_campaigns": boolean,
    },
)
def list_all(call: Call) -> Response:
    """List mailboxes, page by page, without a total."""
    query = call.query
    rows = call.store.all("select * from email_accounts where account_id = ? order by id", call.account.id)
    mailboxes = [shown(call, row, with_campaigns=bool(query.get("fetch_campaigns"))) for row in rows]
    chosen = [mailbox for mailbox in mailboxes if _matches(mailbox, query)]
    start = query.get("offset", 0)
    return answer(chosen[start : start + query.get("limit", 100)])


def _matches(mailbox: Object, query: Object) -> bool:
    details: Object = mailbox["warmup_details"] or {}
    state = details.get("status", "INACTIVE")
    facts: Object = {
        "isInUse": mailbox["campaign_count"] > 0,
        "emailWarmupStatus": state,
        "isSmtpSuccess": mailbox["is_smtp_success"],
        "isWarmupBlocked": False,
        "esp": mailbox["type"],
        "client_id": str(mailbox["client_id"]),
    }
    named = query.get("username", "").lower() in mailbox["username"]
    return named and all(query[key] == fact for key, fact in facts.items() if key in query)


def find(call: Call) -> Row:
    """Return the account's mailbox named in the path, or refuse with the provider's 404."""
    return owned(call, call.params["email_account_id"])


def owned(call: Call, mailbox_id: int) -> Row:
    """Return the account's mailbox of this id, or refuse."""
    found = call.store.one("select * from email_accounts where id = ? and account_id = ?", mailbox_id, call.account.id)
    if found is None:
        missing = {"ok": False, "message": "Email account not found!", "errorCode": "ACCOUNT_NOT_FOUND"}
        raise RefusedError(404, {**missing, "emailAccountId": mailbox_id})
    return found


def write(call: Call, row: Row, changes: Object) -> None:
    """Write these fields over a mailbox's."""
    fields = {**json.loads(row["fields"]), **changes}
    call.store.run(
        "update email_accounts set fields = ?, updated_at = ? where id = ?",
        json.dumps(fields),
        call.now,
        row["id"],
    )


@routes.on("GET", "/email-accounts/{email_account_id}", query={"fetch_campaigns": boolean})
def read(call: Call) -> Response:
    """Read one mailbox, its password included."""
    mailbox = in_clear(shown(call, find(call), with_campaigns=bool(call.query.get("fetch_campaigns"))))
    if mailbox["warmup_details"]:
        more = {"id": mailbox["id"], "created_at": _BORN, "warmup_max_count": 35, "warmup_min_count": 5}
        more.update({"is_warmup_blocked": False, "max_email_per_day": mailbox["message_per_day"]})
        mailbox["warmup_details"] = {**mailbox["warmup_details"], **more}
    return answer(mailbox)


WRITTEN_AS = {
    "max_email_per_day": "message_per_day",
    "time_to_wait_in_mins": "minTimeToWaitInMins",
    "custom_tracking_url": "custom_tracking_domain",
    "bcc": "bcc_email",
}


@routes.on(
    "POST",
    "/email-accounts/{email_account_id}",
    body={
        "max_email_per_day": nullable(number(least=0)),
        "from_name": text(),
        "custom_tracking_url": nullable(text()),
        "bcc": nullable(text()),
        "signature": nullable(text()),
        "client_id": nullable(number()),
        "time_to_wait_in_mins": nullable(number(least=0)),
        "is_suspended": boolean,
        "different_reply_to_address": anything,
    },
)
def update(call: Call) -> Response:
    """Change a mailbox; most fields are read under another name."""
    row = find(call)
    changes = {WRITTEN_AS.get(name, name): value for name, value in call.body.items()}
    write(call, row, changes)
    message = "Email account details updated successfully!"
    return answer({"ok": True, "message": message, "emailAccountId": row["id"]})
