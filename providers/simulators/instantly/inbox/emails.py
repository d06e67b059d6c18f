"""Listing the messages of the unibox."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import messages
from providers.simulators.instantly.requests import PAGE, Call, RefusedError, Routes, answer
from providers.simulators.kit import clock
from providers.simulators.kit.store import Object, Row

routes = Routes()

_TYPES = {"received": messages.RECEIVED, "sent": messages.FROM_CAMPAIGN, "manual": messages.MANUAL}


@routes.on(
    "GET",
    "/emails",
    "emails:read",
    query={
        **PAGE,
        **dict.fromkeys(("search", "eaccount", "assigned_to", "lead", "company_domain"), validation.text()),
        "campaign_id": validation.text("uuid"),
        "list_id": validation.text("uuid"),
        "i_status": validation.number(),
        **dict.fromkeys(("is_unread", "has_reminder", "preview_only", "scheduled_only"), validation.boolean()),
        **dict.fromkeys(("marked_as_done", "latest_of_thread"), validation.boolean()),
        "mode": validation.text(among=("emode_focused", "emode_others", "emode_all")),
        "sort_order": validation.text(among=("asc", "desc")),
        "email_type": validation.text(among=tuple(_TYPES)),
        "min_timestamp_created": validation.text(),
        "max_timestamp_created": validation.text(),
    },
)
def list_all(call: Call) -> Response:
    """List messages, the newest first by default."""
    parts, values = _conditions(call)
    rising = call.query.get("sort_order") == "asc"
    after = call.query.get("starting_after")
    if after:
        parts.append("id > ?" if rising else "id < ?")
        values.append(after)
    sql = (
        f"select * from emails where {' and '.join(parts)}"  # noqa: S608 - names are our own
        f" order by id {'asc' if rising else 'desc'} limit ?"
    )
    rows = call.store.all(sql, *values, call.limit())
    cursor = {"next_starting_after": rows[-1]["id"]} if rows else {}
    preview = bool(call.query.get("preview_only"))
    return answer({"items": [messages.shown(call.store, row, preview=preview) for row in rows], **cursor})


def _conditions(call: Call) -> tuple[list[str], list[Any]]:
    query = call.query
    facts: Object = {
        "campaign = ?": query.get("campaign_id"),
        "list_id = ?": query.get("list_id"),
        "i_status = ?": query.get("i_status"),
        "lead = ?": query["lead"].strip().lower() if "lead" in query else None,
        "lead like ?": f"%@{query['company_domain'].lower()}" if "company_domain" in query else None,
        "is_unread = ?": int(query["is_unread"]) if "is_unread" in query else None,
        "ue_type = ?": _TYPES.get(query.get("email_type", "")),
    }
    parts, values = ["workspace = ?"], [call.workspace]
    for text, value in facts.items():
        if value is not None:
            parts.append(text)
            values.append(value)
    _narrow(call, parts, values)
    return parts, values


def _narrow(call: Call, parts: list[str], values: list[Any]) -> None:
    query = call.query
    search = query.get("search", "").strip()
    if search:
        thread = search.startswith("thread:")
        parts.append("thread_id = ?" if thread else "lead = ?")
        values.append(search.removeprefix("thread:") if thread else search.lower())
    if query.get("eaccount"):
        parts.append("eaccount in (select value from json_each(?))")
        values.append(json.dumps([one.strip().lower() for one in query["eaccount"].split(",")]))
    if query.get("has_reminder"):
        parts.append("json_extract(fields, '$.reminder_ts') is not null")
    if query.get("scheduled_only") or query.get("marked_as_done") or query.get("mode") == "emode_others":
        parts.append("0")
    for name, sign in (("min_timestamp_created", ">="), ("max_timestamp_created", "<=")):
        moment = clock.parse(query[name]) if name in query else None
        if name in query and moment is None:
            raise RefusedError(400, f"querystring/{name} must be a date")
        if moment:
            parts.append(f"created_at {sign} ?")
            values.append(clock.zulu(moment))
    if query.get("latest_of_thread"):
        parts.append("id = (select max(e.id) from emails e where e.thread_id = emails.thread_id)")


def find(call: Call, identity: str) -> Row:
    """Return a message of the workspace, or refuse with a 404."""
    row = call.store.one("select * from emails where id = ? and workspace = ?", identity, call.workspace)
    if row is None:
        raise RefusedError(404, "Resource not found")
    return row
