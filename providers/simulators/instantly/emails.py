"""The unibox: listing, reading and marking messages."""

import json
from typing import Any

from starlette.responses import Response

from providers.simulators.instantly import ajv, messages
from providers.simulators.instantly.exchange import PAGE, Call, RefusedError, Routes, answer
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
        **dict.fromkeys(("search", "eaccount", "assigned_to", "lead", "company_domain"), ajv.text()),
        "campaign_id": ajv.text("uuid"),
        "list_id": ajv.text("uuid"),
        "i_status": ajv.number(),
        **dict.fromkeys(("is_unread", "has_reminder", "preview_only", "scheduled_only"), ajv.boolean()),
        **dict.fromkeys(("marked_as_done", "latest_of_thread"), ajv.boolean()),
        "mode": ajv.text(among=("emode_focused", "emode_others", "emode_all")),
        "sort_order": ajv.text(among=("asc", "desc")),
        "email_type": ajv.text(among=tuple(_TYPES)),
        "min_timestamp_created": ajv.text(),
        "max_timestamp_created": ajv.text(),
    },
)
def list_all(call: Call) -> Response:
    """List messages, the newest first unless asked otherwise."""
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


@routes.on("GET", "/emails/unread/count", "emails:read")
def count_unread(call: Call) -> Response:
    """Count the replies nobody has read."""
    count = call.store.value(
        "select count(*) from emails where workspace = ? and ue_type = 2 and is_unread = 1", call.workspace
    )
    return answer({"count": count})


@routes.on("POST", "/emails/threads/{thread_id}/mark-as-read", "emails:update")
def mark_thread(call: Call) -> Response:
    """Mark a conversation as read; an unknown one too."""
    call.store.run(
        "update emails set is_unread = 0 where thread_id = ? and workspace = ?",
        call.params["thread_id"],
        call.workspace,
    )
    return answer({"success": True})


@routes.on("GET", "/emails/{id}", "emails:read")
def read(call: Call) -> Response:
    """Read one message."""
    return answer(messages.shown(call.store, find(call, call.params["id"])))


@routes.on(
    "PATCH",
    "/emails/{id}",
    "emails:update",
    body={"is_unread": ajv.number(null=True), "reminder_ts": ajv.text("date-time", null=True)},
)
def change(call: Call) -> Response:
    """Mark a message as read or unread, or set a reminder."""
    row = find(call, call.params["id"])
    unread = row["is_unread"] if "is_unread" not in call.body else int(bool(call.body["is_unread"]))
    fields: Object = json.loads(row["fields"])
    if "reminder_ts" in call.body:
        fields["reminder_ts"] = call.body["reminder_ts"]
    call.store.run("update emails set is_unread = ?, fields = ? where id = ?", unread, json.dumps(fields), row["id"])
    return answer(messages.shown(call.store, find(call, row["id"])))


@routes.on("DELETE", "/emails/{id}", "emails:delete")
def delete(call: Call) -> Response:
    """Delete a message."""
    row = find(call, call.params["id"])
    call.store.run("delete from emails where id = ?", row["id"])
    return answer(messages.shown(call.store, row))
