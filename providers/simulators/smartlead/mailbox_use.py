"""Which mailboxes a campaign sends from, and how their warm-up goes."""

import json
from datetime import date, timedelta

from starlette.responses import Response

from providers.simulators.kit.store import Object
from providers.simulators.smartlead.exchange import Call, RefusedError, Routes, answer, invalid
from providers.simulators.smartlead.mailboxes import in_clear, shown
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


@routes.on("GET", "/email-accounts/{email_account_id}/warmup-stats")
def warmup_stats(call: Call) -> Response:
    """Return the last seven days of warm-up: totals as strings, days as numbers."""
    mailbox_id = call.params["email_account_id"]
    owner = call.store.value("select account_id from email_accounts where id = ?", mailbox_id)
    if owner != call.account.id:
        raise RefusedError(404, {"error": "Email account not found!"})
    today = call.store.clock.now().date()
    days = [_day(today, mailbox_id, number_) for number_ in range(7)]
    totals = {
        "sent_count": sum(day["sent_count"] for day in days),
        "spam_count": 0,
        "inbox_count": sum(day["sent_count"] for day in days),
        "warmup_email_received_count": sum(day["reply_count"] for day in days),
    }
    texts = {name: str(total) for name, total in totals.items()}
    return answer({"id": mailbox_id, **texts, "stats_by_date": days})


def _day(today: date, mailbox_id: int, number_: int) -> Object:
    day = today - timedelta(days=6 - number_)
    sent = (mailbox_id + number_) % 9
    counts = {"sent_count": sent, "reply_count": sent // 3, "save_from_spam_count": 0}
    return {"id": number_ + 1, "date": day.isoformat(), **counts}
