"""The messages between a sender and a person, in the one conversation the two have."""

import base64
import uuid

from providers.simulators.heyreach.common import times
from providers.simulators.kit.store import Object, Row, Store


def conversation(store: Store, workspace_id: int, account_id: int, profile_id: int) -> Row:
    """Return the conversation of a sender and a person, begun now if need be."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{account_id}/{profile_id}")
    public_id = "2-" + base64.b64encode(f"{name}_100".encode()).decode()
    sql = "select * from conversations where account_id = ? and profile_id = ?"
    found = store.one(sql, account_id, profile_id)
    if found is None:
        key = {"workspace_id": workspace_id, "account_id": account_id, "profile_id": profile_id}
        store.insert("conversations", {**key, "public_id": public_id})
        found = store.one(sql, account_id, profile_id)
    if found is None:
        raise LookupError(public_id)
    return found


def write(store: Store, conversation_id: int, message: Object, *, at: str, lag: float) -> None:
    """Put a message into a conversation; it is dated now, and can be seen a while later."""
    visible = times.later(at, lag)
    usual = {"sender": "ME", "kind": "TEXT", "body": "", "created_at": at, "visible_at": visible}
    store.insert("messages", {**usual, **message, "conversation_id": conversation_id})
    if message.get("sender") == "CORRESPONDENT":
        store.run("update conversations set read = 0 where id = ?", conversation_id)


def messages_of(store: Store, conversation_id: int, now: str) -> list[Row]:
    """Return the messages of a conversation that can be seen, oldest first."""
    return store.all(
        "select * from messages where conversation_id = ? and visible_at <= ? order by created_at, id",
        conversation_id,
        now,
    )
