"""Sends answers, each at most once, before whatever else an account has to do; and reads the threads they belong to.

As with people who are handed over, an answer is marked `sending` and committed before the provider is told. No provider
takes idempotency keys for answers, so one without an answer of its own becomes `uncertain`; it is looked for in the
thread, and never sent again.
"""

import json
from collections.abc import Sequence
from uuid import uuid4

from api.db import Row
from api.jobs.lanes import Lane, step
from api.queries import beside
from providers.errors import CredentialRefused, Passing, Refused, Uncertain
from providers.models import Message
from providers.texts import same_words

SQL = beside(__file__, "jobs.sql")
UNCONFIRMED = "unconfirmed"  # it was looked for as long as makes sense, and not found


@step(4, urgent=True)
async def doubt_leftovers(lane: Lane) -> float | None:
    """Begin by doubting what the lane was sending when it last ended."""
    async with lane.transaction() as tx:
        await tx.run(SQL.doubt_leftovers, {"account_id": lane.account_id, "ask_after": _ask_after(lane)})
    return None


@step(8, urgent=True)
async def send_replies(lane: Lane) -> float | None:
    """Send what people have written by hand, the oldest first: a person waits for it."""
    while True:
        params = {"account_id": lane.account_id, "attempt_id": uuid4()}
        async with lane.transaction() as tx:
            message = await tx.one(SQL.claim_reply, params)
        if message is None:
            return None
        await _send(lane, message)
        if lane.out_of_time:
            return 0.0


async def _send(lane: Lane, message: Row) -> None:
    """Tell the provider once, and write down what is known of it."""
    try:
        await lane.client.reply(message["campaign"], message["lead"], message["address"], message["body"])
    except Uncertain:
        await _record(lane, message, "uncertain", ask_after=_ask_after(lane))
    except (Passing, CredentialRefused):
        await _record(lane, message, "queued")
        raise
    except Refused:
        await _record(lane, message, "failed", reason="not_accepted")
    else:
        await _record(lane, message, "sent")


@step(41)
async def settle_replies(lane: Lane) -> float | None:
    """Look in the thread for answers that may have been sent. Twice as long is waited each time, for a day."""
    async with lane.transaction() as tx:
        due = await tx.many(SQL.uncertain_replies, {"account_id": lane.account_id})
    for message in due:
        thread = await _thread(lane, message)
        if thread is not None:
            found = next((said for said in thread if _is_it(message, said)), None)
            outcome = "sent" if found else "failed" if message["given_up"] else "uncertain"
            reason = UNCONFIRMED if outcome == "failed" else None
            await _record(lane, message, outcome, reason=reason, found=found)
        if lane.out_of_time:
            return 0.0
    return None


def _is_it(message: Row, said: Message) -> bool:
    """Tell whether a message of the thread is the answer in doubt; clocks may differ by two minutes."""
    if said.incoming or not same_words(said.body, message["body"]):
        return False
    return said.sent_at is None or (message["attempted_at"] - said.sent_at).total_seconds() < 120


@step(42)
async def read_threads(lane: Lane) -> float | None:
    """Read the threads in which something has happened."""
    async with lane.transaction() as tx:
        due = await tx.many(SQL.threads_to_read, {"account_id": lane.account_id})
    for conversation in due:
        thread = await _thread(lane, conversation)
        await _store(lane, conversation, thread or [])
        if lane.out_of_time:
            return 0.0
    return 0.0 if len(due) == 20 else None


async def _thread(lane: Lane, row: Row) -> list[Message] | None:
    """Return a thread; None where the provider does not know the person any more."""
    try:
        return await lane.client.read_thread(row["campaign"], row["lead"], row["address"])
    except CredentialRefused:
        raise
    except Refused:
        return None


async def _store(lane: Lane, conversation: Row, thread: Sequence[Message]) -> None:
    rows: list[dict[str, object]] = [
        {
            "place": place,
            "external_id": said.key,
            "direction": "incoming" if said.incoming else "outgoing",
            "subject": said.subject,
            "body": said.body,
            "sent_at": said.sent_at,
        }
        for place, said in enumerate(thread)
        if said.key
    ]
    async with lane.transaction() as tx:
        ours = await tx.many(SQL.own_replies, conversation)
        for row in rows:
            _recognise(row, ours)
        await tx.run(SQL.store_thread, {**conversation, "messages": json.dumps(rows, default=str)})


def _recognise(row: dict[str, object], ours: list[Row]) -> None:
    """Give a message of the thread our own id, where it is an answer of ours: each answer is one message."""
    row["id"] = None
    if row["direction"] == "incoming":
        return
    for index, message in enumerate(ours):
        same = message["external_id"] == row["external_id"]
        if same or (message["external_id"] is None and same_words(str(row["body"]), message["body"])):
            row["id"] = ours.pop(index)["id"]
            return


def _ask_after(lane: Lane) -> float:
    settings = lane.engine.settings
    return settings.settle_after_seconds if lane.features.absence_proves else settings.list_lag_seconds


async def _record(
    lane: Lane,
    message: Row,
    state: str,
    *,
    reason: str | None = None,
    ask_after: float | None = None,
    found: Message | None = None,
) -> None:
    params: dict[str, object] = {
        "id": message["id"], "company_id": message["company_id"], "attempt_id": message["attempt_id"],
        "state": state, "reason": reason, "ask_after": ask_after,
        "external_id": found.key if found else None, "sent_at": found.sent_at if found else None,
    }  # fmt: skip
    async with lane.transaction() as tx:
        await tx.run(SQL.note_reply, params)
