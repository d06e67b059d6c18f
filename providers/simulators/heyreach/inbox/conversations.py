"""Conversations: lists of them by offset and by cursor, one of them, and writing into one."""

import base64
import json
from pathlib import Path
from typing import Any

from starlette.responses import Response

from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.inbox import threads
from providers.simulators.heyreach.leads import profiles
from providers.simulators.heyreach.requests import Call, Routes, answer, empty, refusal
from providers.simulators.heyreach.senders import seats
from providers.simulators.heyreach.validation import (
    Default,
    Fields,
    Required,
    array,
    flag,
    model,
    moment,
    page,
    text,
    whole,
)
from providers.simulators.kit.store import Object, Row

routes = Routes()

_FILTERS: Fields = {
    "linkedInAccountIds": array(whole("System.Int32")),
    "campaignIds": array(whole()),
    "searchString": text(),
    "leadLinkedInId": text(),
    "leadProfileUrl": text(),
    "tags": array(text()),
    "seen": flag,
}
BODY: Fields = {"filters": model(_FILTERS, "Inbox.ConversationFilters"), **page()}
_CURSOR_BODY: Fields = {
    "filters": model({**_FILTERS, "latestAutoTagNames": array(text())}, "Inbox.ConversationFilters"),
    "limit": Default(whole("System.Int32", 1, 100), 10),
    "cursor": text(),
    "from": moment,
    "to": moment,
}
_SQL = Path(__file__).with_name("conversations.sql").read_text(encoding="utf-8")


def _find(call: Call, **more: Any) -> list[Row]:
    filters: Object = call.body.get("filters") or {}
    _check(call, filters)
    values: Object = {
        "now": call.now,
        "workspace": call.workspace.id,
        "accounts": filters.get("linkedInAccountIds") or [],
        "campaigns": filters.get("campaignIds") or [],
        "tags": filters.get("tags") or [],
        "url": profiles.normalised(filters.get("leadProfileUrl")),
        "member": filters.get("leadLinkedInId") or None,
        "seen": filters.get("seen"),
        "word": (filters.get("searchString") or "").lower(),
        **dict.fromkeys(("first", "last", "after_at", "after_id")),
        **more,
    }
    return call.store.all(_SQL, json.dumps(values))


def _check(call: Call, filters: Object) -> None:
    campaign_ids: list[int] = filters.get("campaignIds") or []
    for campaign_id in campaign_ids:
        if call.find_campaign(campaign_id) is None:
            raise refusal(f"Campaign with id {campaign_id} does not exist.")
    url = filters.get("leadProfileUrl")
    if url and profiles.find(call.store, call.workspace.id, url=url) is None:
        raise refusal("The lead with the provided profile URL does not exist.")


def _shown(call: Call, row: Row, *, preview: int = 0) -> Object:
    person = call.store.one("select * from profiles where id = ?", row["profile_id"])
    seat = call.seat(row["account_id"])
    if person is None or seat is None:
        raise LookupError(row["id"])
    said = threads.messages_of(call.store, row["id"], call.now)
    last = said[-1]
    fields = profiles.custom_fields(call.store, person["id"]) if call.options["custom_fields_in_inbox"] else []
    known = profiles.basic(person)
    email = known.pop("emailAddress")
    shown: Object = {
        "id": row["public_id"],
        "read": bool(row["read"]),
        **dict.fromkeys(("groupChat", "blockedByMe", "blockedByParticipant"), False),
        "lastMessageAt": times.milliseconds(last["created_at"]),
        "lastMessageText": last["body"],
        "lastMessageType": last["kind"],
        "lastMessageSender": last["sender"],
        "totalMessages": len(said),
        "linkedInAccountId": seat["id"],
        "correspondentProfile": {
            **known,
            "tags": profiles.tags(call.store, person["id"]),
            "emailAddress": email,
            "enrichedEmailAddress": None,
            "customEmailAddress": None,
            "customFields": fields,
        },
        "linkedInAccount": seats.brief(seat),
        "messages": [_message(message) for message in said[-preview:]],
    }
    if call.options["campaign_in_inbox"]:
        shown["campaignId"] = next((one["campaign_id"] for one in reversed(said) if one["campaign_id"]), None)
    return shown


def _message(row: Row) -> Object:
    return {
        "createdAt": times.milliseconds(row["created_at"]),
        "body": row["body"],
        "subject": row["subject"],
        "postLink": None,
        "isInMail": bool(row["is_inmail"]),
        "sender": row["sender"],
    }


def listed(call: Call) -> Response:
    """Answer with the requested page of conversations."""
    rows = _find(call)
    first, preview = call.body["offset"], int(call.options["preview_messages"])
    items = [_shown(call, row, preview=preview) for row in rows[first : first + call.body["limit"]]]
    return answer({"totalCount": len(rows), "items": items})


@routes.on("POST", "/inbox/GetConversationsV2", body=BODY)
def list_v2(call: Call) -> Response:
    """List conversations, the one with the latest message first."""
    return listed(call)


@routes.on("POST", "/inbox/GetConversationsV3", body=_CURSOR_BODY)
def list_v3(call: Call) -> Response:
    """List conversations by cursor, between two moments of their last messages."""
    body = call.body
    size: int = body["limit"]
    after = _cursor(body["cursor"])
    rows = _find(call, first=body["from"], last=body["to"], after_at=after[0], after_id=after[1])
    preview = int(call.options["preview_messages"])
    more = len(rows) > size
    following = _opaque(rows[size - 1]) if more else None
    items = [_shown(call, row, preview=preview) for row in rows[:size]]
    return answer({"items": items, "nextCursor": following, "hasNextPage": more})


def _opaque(row: Row) -> str:
    return base64.urlsafe_b64encode(json.dumps([row["last_at"], row["id"]]).encode()).decode()


def _cursor(given: str | None) -> tuple[Any, Any]:
    if not given:
        return None, None
    try:
        at, row_id = json.loads(base64.urlsafe_b64decode(given))
    except (TypeError, ValueError):
        raise refusal("The cursor is invalid.") from None
    return at, row_id


def find_one(call: Call, account_id: Any, public_id: Any) -> Row:
    """Return the workspace's conversation of these ids, or refuse."""
    found = call.store.one(
        "select * from conversations where workspace_id = ? and account_id = ? and public_id = ?",
        call.workspace.id,
        account_id,
        public_id,
    )
    stale = found is None or not threads.messages_of(call.store, found["id"], call.now)
    if found is None or stale or "stale_conversation" in call.struck:
        raise refusal("The conversation does not exist.", 404)
    return found


@routes.on("GET", "/inbox/GetChatroom/{accountId}/{conversationId}", quirks=("stale_conversation",))
def read(call: Call) -> Response:
    """Read one conversation with all its messages; that marks nothing as seen."""
    return answer(_shown(call, find_one(call, call.params["accountId"], call.params["conversationId"])))


@routes.on(
    "POST",
    "/inbox/SendMessage",
    body={
        "message": Required(text(most=8000)),
        "subject": text(),
        "conversationId": Required(text()),
        "linkedInAccountId": Required(whole("System.Int32")),
    },
    quirks=("stale_conversation", "message_lost"),
)
def send(call: Call) -> Response:
    """Queue a message: it is seen a while later, and a repeated ask sends it again."""
    body = call.body
    row = find_one(call, body["linkedInAccountId"], body["conversationId"])
    if not seats.seat_of(call, row["account_id"])["auth_is_valid"]:
        raise refusal("The LinkedIn account is not authenticated.")
    if "message_lost" not in call.struck:
        lag = float(call.options["inbox_lag_s"])
        said = {"body": body["message"], "subject": body["subject"] or None}
        threads.write(call.store, row["id"], said, at=call.now, lag=lag)
    return empty()
