"""The first list of conversations, and marking one as seen."""

from starlette.responses import Response

from providers.simulators.heyreach.inbox.conversations import BODY, find_one, listed
from providers.simulators.heyreach.requests import Call, Routes, empty
from providers.simulators.heyreach.validation import Required, flag, text, whole

routes = Routes()


@routes.on("POST", "/inbox/GetConversations", body=BODY)
def list_v1(call: Call) -> Response:
    """List conversations, the one with the latest message first."""
    return listed(call)


@routes.on(
    "POST",
    "/inbox/SetSeenStatus",
    body={
        "conversationId": Required(text()),
        "linkedInAccountId": Required(whole("System.Int32")),
        "seen": Required(flag),
    },
    quirks=("stale_conversation",),
)
def set_seen(call: Call) -> Response:
    """Mark a conversation as seen or not."""
    row = find_one(call, call.body["linkedInAccountId"], call.body["conversationId"])
    call.store.run("update conversations set read = ? where id = ?", call.body["seen"], row["id"])
    return empty()
