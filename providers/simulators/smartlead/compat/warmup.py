"""How the warm-up of a mailbox goes."""

from datetime import date, timedelta

from starlette.responses import Response

from providers.simulators.kit.store import Object
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer

routes = Routes()


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
