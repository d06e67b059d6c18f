"""Reading and changing one mailbox."""

import json

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer
from providers.simulators.smartlead.senders.mailboxes import BORN, in_clear, shown
from providers.simulators.smartlead.validation import anything, boolean, nullable, number, text

routes = Routes()


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
        more = {"id": mailbox["id"], "created_at": BORN, "warmup_max_count": 35, "warmup_min_count": 5}
        more.update({"is_warmup_blocked": False, "max_email_per_day": mailbox["message_per_day"]})
        # Lists show the same figure as a text with a percent sign.
        more["warmup_reputation"] = int(mailbox["warmup_details"]["warmup_reputation"].removesuffix("%"))
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
