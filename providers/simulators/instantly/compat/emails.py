"""Reading and marking messages of the unibox."""

import json

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import messages
from providers.simulators.instantly.inbox.emails import find
from providers.simulators.instantly.requests import Call, Routes, answer
from providers.simulators.kit.store import Object

routes = Routes()


@routes.on("GET", "/emails/unread/count", "emails:read")
def count_unread(call: Call) -> Response:
    """Count the unread replies."""
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
    body={"is_unread": validation.number(null=True), "reminder_ts": validation.text("date-time", null=True)},
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
