"""How a campaign's webhooks were delivered."""

import time

from starlette.responses import Response

from providers.simulators.smartlead.requests import Call, Routes, answer, done
from providers.simulators.smartlead.validation import Required, moment

routes = Routes()


@routes.on(
    "GET",
    "/campaigns/{campaign_id}/webhooks/summary",
    query={"fromTime": Required(moment), "toTime": Required(moment)},
)
def read(call: Call) -> Response:
    """Count the deliveries of each event, and how many of them failed."""
    call.campaign()
    since, until = call.query["fromTime"], call.query["toTime"]
    rows = call.store.all(
        "select d.event_type, sum(d.status between 200 and 299) as success,"
        " sum(d.status is null or d.status not between 200 and 299) as failed"
        " from deliveries d join webhooks w on w.id = d.webhook_id"
        " where w.campaign_id = ? and d.at between ? and ? group by d.event_type order by d.event_type",
        call.campaign_id,
        since,
        until,
    )
    summary = [
        {
            "event_type": row["event_type"],
            "success_count": row["success"] or 0,
            "failed_count": row["failed"] or 0,
            "scheduled_retry_count": 0,
            "retro_failed_count": 0,
        }
        for row in rows
    ]
    return answer({"ok": True, "data": {"summary": summary, "timeRange": {"from": since, "to": until}}})


@routes.on(
    "POST",
    "/campaigns/{campaign_id}/webhooks/retrigger-failed-events",
    body={"fromTime": Required(moment), "toTime": Required(moment)},
)
def retrigger(call: Call) -> Response:
    """Try again what was given up; the rest is tried again by itself."""
    call.campaign()
    call.store.run(
        "update outbox set state = 'waiting', attempt = 0, due_at = ? where state = 'given_up'"
        " and webhook_id in (select id from webhooks where campaign_id = ?)",
        time.time(),
        call.campaign_id,
    )
    return done()
