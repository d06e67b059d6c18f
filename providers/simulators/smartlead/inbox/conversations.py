"""The master inbox: conversations newest first, at most twenty at a time."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead import enrolment
from providers.simulators.smartlead.inbox.history import shown_message
from providers.simulators.smartlead.requests import Call, Routes, answer
from providers.simulators.smartlead.validation import (
    Fields,
    array,
    boolean,
    choice,
    moment,
    nullable,
    number,
    obj,
    page,
    text,
)

routes = Routes()

MOST = 20
# Words of our own, never taken from a request.
_EMAIL_STATES = {
    "Opened": "c.is_opened = 1",
    "Clicked": "c.is_clicked = 1",
    "Replied": "c.is_replied = 1",
    "Unsubscribed": "c.is_unsubscribed = 1",
    "Bounced": "c.is_bounced = 1",
    "Accepted": "0",
    "Not Replied": "c.is_replied = 0",
}
_ids = array(number(), most=10)
BODY: Fields = {
    **page(MOST),
    "sortBy": choice("REPLY_TIME_DESC", "SENT_TIME_DESC"),
    "filters": nullable(
        obj(
            {
                "search": text(most=30),
                "emailStatus": choice(*_EMAIL_STATES),
                "campaignId": array(number(), most=5),
                "emailAccountId": array(number(), most=20),
                "campaignTeamMemberId": _ids,
                "campaignTagId": _ids,
                "campaignClientId": _ids,
                "leadCategories": obj(
                    {
                        "unassigned": boolean,
                        "isAssigned": boolean,
                        "categoryIdsNotIn": _ids,
                        "categoryIdsIn": _ids,
                    }
                ),
                "replyTimeBetween": array(moment, most=2),
            }
        )
    ),
}
QUERY: Fields = {"fetch_message_history": boolean}


@routes.on("POST", "/master-inbox/inbox-replies", query=QUERY, body=BODY)
def list_replies(call: Call) -> Response:
    """List conversations with a reply."""
    return listed(call, "c.last_reply_at")


CONVERSATIONS = (
    "select c.*, l.email, l.first_name, l.last_name, p.name as campaign_name, p.client_id, p.fields,"
    " coalesce(k.is_read, 0) as is_read, coalesce(k.revenue, 0) as revenue, k.team_member_id"
    " from campaign_leads c join leads l on l.id = c.lead_id join campaigns p on p.id = c.campaign_id"
    " left join inbox_marks k on k.map_id = c.id where c.account_id = ? and p.deleted_at is null"
)


def listed(call: Call, time_column: str, only: str = "") -> Response:
    """Answer with a page of the conversations that have this time, newest first."""
    offset, limit = call.body.get("offset", 0), call.body.get("limit", MOST)
    where, values = _filters(call.body.get("filters") or {})
    order = "c.last_sent_at" if call.body.get("sortBy") == "SENT_TIME_DESC" else time_column
    rows = call.store.all(
        f"{CONVERSATIONS} and {time_column} is not null {only}{where}"
        f" order by {order} desc, c.id desc limit ? offset ?",
        call.account.id,
        *values,
        limit,
        offset,
    )
    with_history = bool(call.query.get("fetch_message_history"))
    data = [shown(call, row, with_history=with_history) for row in rows]
    return answer({"ok": True, "data": data, "offset": offset, "limit": limit})


def _filters(filters: Object) -> tuple[str, list[Any]]:
    where, values = "", list[Any]()
    categories: Object = filters.get("leadCategories") or {}
    lists: Object = {
        "c.campaign_id": filters.get("campaignId"),
        "c.email_account_id": filters.get("emailAccountId"),
        "p.client_id": filters.get("campaignClientId"),
        "c.category_id": categories.get("categoryIdsIn"),
    }
    for column, ids in lists.items():
        if ids:
            where += f" and {column} in (select value from json_each(?))"  # noqa: S608 - names are our own
            values.append(json.dumps(ids))
    if "emailStatus" in filters:
        where += f" and {_EMAIL_STATES[filters['emailStatus']]}"
    if filters.get("search"):
        where += " and instr(l.email || ' ' || coalesce(l.first_name, '') || ' ' || coalesce(l.last_name, ''), ?)"
        values.append(filters["search"].lower())
    if len(filters.get("replyTimeBetween") or []) == 2:
        where += " and c.last_reply_at between ? and ?"
        values.extend(filters["replyTimeBetween"])
    return where + _category_filters(categories, values), values


def _category_filters(filters: Object, values: list[Any]) -> str:
    where = ""
    if filters.get("unassigned"):
        where += " and c.category_id is null"
    if filters.get("isAssigned"):
        where += " and c.category_id is not null"
    if filters.get("categoryIdsNotIn"):
        where += " and coalesce(c.category_id, 0) not in (select value from json_each(?))"
        values.append(json.dumps(filters["categoryIdsNotIn"]))
    return where


def shown(call: Call, row: Row, *, with_history: bool) -> Object:
    """Return a conversation as the provider shows it."""
    steps = call.store.all(
        "select id, seq_number from sequences where campaign_id = ? order by seq_number", row["campaign_id"]
    )
    known = {
        "lead_category_id": row["category_id"],
        "last_sent_time": row["last_sent_at"],
        "last_reply_time": row["last_reply_at"],
        "has_new_unread_email": bool(row["is_replied"] and not row["is_read"]),
        "email_account_id": row["email_account_id"],
        "revenue": f"{row['revenue']:.2f}",
        "team_member_id": row["team_member_id"],
        "lead_first_name": row["first_name"],
        "lead_last_name": row["last_name"],
        "lead_email": row["email"],
        "email_lead_id": str(row["lead_id"]),
        "email_lead_map_id": str(row["id"]),
        "lead_status": row["status"],
        "current_sequence_number": row["last_seq"],
        "email_campaign_seq_id": next((step["id"] for step in steps if step["seq_number"] == row["last_seq"]), None),
        "email_campaign_id": row["campaign_id"],
        "email_campaign_name": row["campaign_name"],
        "client_id": row["client_id"],
        "campaign_sending_schedule": json.loads(row["fields"])["scheduler_cron_value"],
        "sequence_count": str(len(steps)),
        **_NEVER,
    }
    return {**known, "email_history": _history(call, row["id"])} if with_history else known


# What the simulator has no notion of.
_NEVER: Object = {
    "is_pushed_to_sub_sequence": False,
    "sub_sequence_id": None,
    "old_replaced_lead_data": None,
    "lead_next_timestamp_to_send": None,
    "is_important": False,
    "is_archived": False,
    "is_snoozed": False,
    "is_ooo_automated_push_lead": None,
    "belongs_to_sub_sequence": False,
}


def _history(call: Call, map_id: int) -> list[Object]:
    rows = enrolment.history(call.store, map_id)
    return [{**shown_message(row), "from": row["sender"], "to": row["recipient"]} for row in rows]
