"""Which mailboxes a campaign sends from."""

import json

from starlette.responses import Response

from providers.simulators.kit.store import Object
from providers.simulators.smartlead.requests import Call, Routes, answer, invalid
from providers.simulators.smartlead.senders.mailboxes import in_clear, shown
from providers.simulators.smartlead.validation import Required, array, boolean, number

routes = Routes()


@routes.on("GET", "/campaigns/{campaign_id}/email-accounts", query={"include_tags": boolean})
def list_of_campaign(call: Call) -> Response:
    """List the mailboxes a campaign sends from."""
    call.campaign()
    rows = call.store.all(
        "select a.* from campaign_email_accounts c join email_accounts a on a.id = c.email_account_id"
        " where c.campaign_id = ? order by a.id",
        call.campaign_id,
    )
    return answer([in_clear(shown(call, row)) for row in rows])


_IDS = {"email_account_ids": Required(array(number(), filled=True))}


@routes.on("POST", "/campaigns/{campaign_id}/email-accounts", body=_IDS)
def attach(call: Call) -> Response:
    """Let the campaign send from these mailboxes as well."""
    call.campaign()
    wanted: list[int] = call.body["email_account_ids"]
    for mailbox_id in wanted:
        owner = call.store.value("select account_id from email_accounts where id = ?", mailbox_id)
        if owner != call.account.id:
            raise invalid(f"Email account id - {mailbox_id} not allowed. Permission Error.")
    call.store.many(
        "insert or ignore into campaign_email_accounts (campaign_id, email_account_id) values (?, ?)",
        [(call.campaign_id, mailbox_id) for mailbox_id in wanted],
    )
    rows = call.store.all(
        "select * from campaign_email_accounts where campaign_id = ?"
        " and email_account_id in (select value from json_each(?)) order by id",
        call.campaign_id,
        json.dumps(wanted),
    )
    return answer({"ok": True, "result": [_link(dict(row)) for row in rows]})


def _link(row: Object) -> Object:
    return {
        "id": row["id"],
        "email_campaign_id": row["campaign_id"],
        "email_account_id": row["email_account_id"],
    }


@routes.on("DELETE", "/campaigns/{campaign_id}/email-accounts", body=_IDS)
def detach(call: Call) -> Response:
    """Stop the campaign from sending from these mailboxes."""
    call.campaign()
    removed = call.store.run(
        "delete from campaign_email_accounts where campaign_id = ?"
        " and email_account_id in (select value from json_each(?))",
        call.campaign_id,
        json.dumps(call.body["email_account_ids"]),
    )
    return answer({"ok": True, "result": removed})
