"""Reading leads: by campaign and by address."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.requests import Call, Routes, answer, invalid
from providers.simulators.smartlead.validation import choice, moment, number, page, text

routes = Routes()

STATES = ("STARTED", "INPROGRESS", "COMPLETED", "PAUSED", "STOPPED", "BLOCKED")
# Words of our own, never taken from a request.
EMAIL_STATES = {
    "is_opened": "is_opened = 1",
    "is_clicked": "is_clicked = 1",
    "is_bounced": "is_bounced = 1",
    "is_replied": "is_replied = 1",
    "is_unsubscribed": "is_unsubscribed = 1",
    "is_spam": "0",
    "is_accepted": "0",
    "not_replied": "is_replied = 0",
    "is_sender_bounced": "0",
}


def shown(lead: Row) -> Object:
    """Return a lead's own fields, without its id."""
    names = ("first_name", "last_name", "email", "phone_number", "company_name", "website", "location")
    return {
        **{name: lead[name] for name in names},
        "custom_fields": json.loads(lead["custom_fields"]),
        "linkedin_profile": lead["linkedin_profile"],
        "company_url": lead["company_url"],
        "is_unsubscribed": bool(lead["is_unsubscribed"]),
        "unsubscribed_client_id_map": {},
    }


@routes.on(
    "GET",
    "/campaigns/{campaign_id}/leads",
    query={
        **page(100),
        "status": choice(*STATES),
        "lead_category_id": number(),
        "emailStatus": choice(*EMAIL_STATES),
        "created_at_gt": moment,
        "last_sent_time_gt": moment,
        "event_time_gt": moment,
    },
)
def list_of_campaign(call: Call) -> Response:
    """List a campaign's leads, page by page; the total is a string."""
    call.campaign()
    offset, limit = call.query.get("offset", 0), call.query.get("limit", 100)
    where, values = _filters(call)
    rows = call.store.all(
        f"select * from campaign_leads where {where} order by id limit ? offset ?",  # noqa: S608 - built above
        *values,
        limit,
        offset,
    )
    data = [_joined(call, row) for row in rows]
    total = str(_total(call, where, values))
    return answer({"total_leads": total, "data": data, "offset": offset, "limit": limit})


def _filters(call: Call) -> tuple[str, list[Any]]:
    where, values = ["campaign_id = ?"], [call.campaign_id]
    columns = {
        "status": "status = ?",
        "lead_category_id": "category_id = ?",
        "created_at_gt": "created_at > ?",
        "last_sent_time_gt": "last_sent_at > ?",
        "event_time_gt": "last_activity_at > ?",
    }
    for name, condition in columns.items():
        if name in call.query:
            where.append(condition)
            values.append(call.query[name])
    if "emailStatus" in call.query:
        where.append(EMAIL_STATES[call.query["emailStatus"]])
    return " and ".join(where), values


def _total(call: Call, where: str, values: list[Any]) -> int:
    if len(values) == 1 and "emailStatus" not in call.query:
        counted = "select coalesce(sum(n), 0) from lead_counts where campaign_id = ?"
        return call.store.value(counted, call.campaign_id)
    return call.store.value(
        f"select count(*) from campaign_leads where {where}",  # noqa: S608 - built above
        *values,
    )


def _joined(call: Call, link: Row) -> Object:
    lead = call.store.one("select * from leads where id = ?", link["lead_id"])
    return {
        "campaign_lead_map_id": str(link["id"]),
        "lead_category_id": link["category_id"],
        "status": link["status"],
        "created_at": link["created_at"],
        "lead": {"id": link["lead_id"], **(shown(lead) if lead else {})},
    }


@routes.on("GET", "/leads", query={"email": text()})
def read_by_email(call: Call) -> Response:
    """Find a lead by its address; an unknown one is `{}`."""
    email = call.query.get("email", "").strip().lower()
    if "@" not in email:
        raise invalid(f"Invalid email - {call.query.get('email', '')}")
    lead = call.store.one("select * from leads where account_id = ? and email = ?", call.account.id, email)
    if lead is None:
        return answer({})
    places = [_place(row) for row in campaigns_of(call, lead["id"])]
    own = {"id": str(lead["id"]), **shown(lead), "created_at": lead["created_at"]}
    return answer({**own, "lead_campaign_data": places})


def campaigns_of(call: Call, lead_id: int) -> list[Row]:
    """Return the rows of a lead in the campaigns it is in."""
    return call.store.all(
        "select l.*, c.name as campaign_name, c.status as campaign_status, c.client_id"
        " from campaign_leads l join campaigns c on c.id = l.campaign_id"
        " where l.lead_id = ? and c.account_id = ? and c.deleted_at is null order by l.id",
        lead_id,
        call.account.id,
    )


def _place(row: Row) -> Object:
    return {
        "lead_category_id": row["category_id"],
        "campaign_lead_map_id": row["id"],
        "campaign_id": row["campaign_id"],
        "campaign_name": row["campaign_name"],
        "client_id": row["client_id"],
        "client_email": None,
        "last_sent_at": row["last_sent_at"],
        "last_reply_at": row["last_reply_at"],
        "last_activity_at": row["last_activity_at"],
    }
