"""A campaign's leads with their messages."""

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead import enrolment
from providers.simulators.smartlead.inbox.history import shown_message
from providers.simulators.smartlead.requests import Call, Routes, answer
from providers.simulators.smartlead.validation import moment, page

routes = Routes()


@routes.on("GET", "/campaigns/{campaign_id}/leads-statistics", query={**page(100), "event_time_gt": moment})
def leads_statistics(call: Call) -> Response:
    """List each lead of a campaign with its messages; asks `offset`, answers `skip`."""
    call.campaign()
    offset, limit = call.query.get("offset", 0), call.query.get("limit", 100)
    rows = call.store.all(
        "select c.*, l.email from campaign_leads c join leads l on l.id = c.lead_id"
        " where c.campaign_id = ? and c.last_activity_at > ? order by c.id limit ? offset ?",
        call.campaign_id,
        call.query.get("event_time_gt", ""),
        limit + 1,
        offset,
    )
    data = [_lead_statistic(call, row) for row in rows[:limit]]
    return answer({"hasMore": len(rows) > limit, "data": data, "skip": offset, "limit": limit})


def _lead_statistic(call: Call, row: Row) -> Object:
    who = enrolment.enrolment(call.store, row["id"])
    return {
        "lead_id": str(row["lead_id"]),
        "email_lead_map_id": str(row["id"]),
        "from": who.sender if who else None,
        "to": row["email"],
        "status": row["status"],
        "created_at": row["created_at"],
        "last_seq_num": row["last_seq"],
        "history": [shown_message(message) for message in enrolment.history(call.store, row["id"])],
    }
