"""Email accounts, which are the mailboxes that campaigns send from."""

import base64
import json

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.requests import Call, Routes, answer
from providers.simulators.smartlead.validation import boolean, choice, page, text, text_or_number

routes = Routes()

BORN = "2025-10-20T08:37:45.853Z"


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
        "warmup_created_at": BORN,
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
