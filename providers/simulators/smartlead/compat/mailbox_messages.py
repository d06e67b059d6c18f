"""The messages that lie in a mailbox, in its two folders."""

from collections import Counter
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from starlette.responses import Response

from providers.simulators.kit import clock
from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead import enrolment, validation
from providers.simulators.smartlead.compat.mailboxes import find
from providers.simulators.smartlead.requests import Call, Routes, Terms, answer
from providers.simulators.smartlead.validation import Fields, Required, array, boolean, moment, nullable, number, text

routes = Routes()

_SNIPPET = 100
_RECENT = timedelta(days=1)
_WANTED: Fields = {
    "limit": nullable(number(least=1, most=500)),
    "folder": nullable(text()),
    "includeBody": nullable(boolean),
    "from": nullable(moment),
    "to": nullable(moment),
}
_EACH = array(validation.obj({"account_id": Required(number()), **_WANTED}), most=10, filled=True)


def _several(value: Any, path: validation.Path) -> Object:
    return {"accounts": _EACH(value, path)}


@routes.on("POST", "/email-accounts/{email_account_id}/fetch-messages", body=_WANTED)
def fetch(call: Call) -> Response:
    """Return the messages of a mailbox, newest first; of the last day unless a time is given."""
    mailbox = find(call)
    return answer({"success": True, "accountId": str(mailbox["id"]), "data": _messages(call, mailbox, call.body)})


@routes.add(
    "POST",
    "/email-accounts/multi/fetch-messages",
    Terms(validation.obj({"api_key": validation.anything}), _several),
)
def fetch_several(call: Call) -> Response:
    """Return the messages of several mailboxes; the body is a list, and one that is unknown spoils no other."""
    results = [_result(call, wanted) for wanted in call.body["accounts"]]
    counts = Counter(result["status"] for result in results)
    summary = {"total": len(results), "success": counts["success"], "error": counts["error"]}
    return answer({"results": results, "summary": summary})


def _result(call: Call, wanted: Object) -> Object:
    mailbox_id = wanted["account_id"]
    found = "select * from email_accounts where id = ? and account_id = ?"
    mailbox = call.store.one(found, mailbox_id, call.account.id)
    if mailbox is None:
        return {"account_id": mailbox_id, "status": "error", "error": "Account not found"}
    return {"account_id": mailbox_id, "status": "success", "data": _messages(call, mailbox, wanted)}


def _messages(call: Call, mailbox: Row, wanted: Object) -> Object:
    rows = call.store.all(
        "select * from messages where account_id = ? and iif(kind = 'REPLY', recipient, sender) = ?"
        " and time between ? and ? and ? in ('', iif(kind = 'REPLY', 'INBOX', 'SENT')) order by time desc, id desc",
        call.account.id,
        mailbox["from_email"],
        wanted.get("from") or clock.zulu(call.store.clock.now() - _RECENT),
        wanted.get("to") or call.now,
        (wanted.get("folder") or "").upper(),
    )
    chosen = rows[: wanted.get("limit") or 100]
    counts = Counter(_folder(row) for row in chosen)
    return {
        "messages": [_shown(row, with_body=bool(wanted.get("includeBody"))) for row in chosen],
        "totalCount": len(rows),
        "processedCount": len(chosen),
        "folders": [{"name": name, "count": count} for name, count in sorted(counts.items())],
    }


def _folder(row: Row) -> str:
    return "INBOX" if row["kind"] == "REPLY" else "SENT"


def _shown(row: Row, *, with_body: bool) -> Object:
    words, sent, folder = enrolment.plain(row["body"]), clock.parse(row["time"]), _folder(row)
    return {
        "messageId": row["message_id"],
        "threadId": str(row["map_id"]),
        "subject": row["subject"],
        "from": row["sender"],
        "to": row["recipient"],
        "timestamp": row["time"],
        "date": format_datetime(sent) if sent else None,
        "folders": [{"id": folder, "name": folder}],
        "labelIds": [folder],
        "snippet": words[:_SNIPPET],
        "sizeEstimate": len(row["body"].encode()),
        **({"body": {"text": words, "html": row["body"]}} if with_body else {}),
    }
