"""Sends answers, each at most once, before people who wait; and reads the threads they belong to.

As with leads that are handed over, an answer is marked `sending` and committed before the provider is called. None of
them takes idempotency keys for answers, so one that gets no response becomes `uncertain`; it is looked for in the
thread, and never sent again. A failure in one conversation delays no other.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import uuid4

from api.db.pool import Row
from api.db.queries import beside
from api.worker.lanes import AGAIN, Lane, is_of_account
from providers.errors import CredentialRefused, Passing, Refused, Uncertain
from providers.footers import OwnWords
from providers.identity import handed_over
from providers.models import Message
from providers.texts import Words, hosts_of, links_in, same_words, words_of

SQL = beside(__file__, "jobs.sql")
UNCONFIRMED = "unconfirmed"  # it was looked for as long as makes sense, and not found
CLOCKS_DIFFER_SECONDS = 120.0


async def recover_replies(lane: Lane) -> float | None:
    """Mark as uncertain what the lane was sending when it last ended."""
    async with lane.transaction() as tx:
        await tx.run(SQL.recover_replies, {"account_id": lane.account_id, "ask_after": _ask_after(lane)})
    return None


async def send_replies(lane: Lane) -> float | None:
    """Send what people have written by hand, the oldest first: a person waits for it."""
    while True:
        params = {"account_id": lane.account_id, "attempt_id": uuid4()}
        async with lane.transaction() as tx:
            message = await tx.one(SQL.claim_reply, params)
        if message is None:
            return None
        if message["state"] == "sending":  # a trigger fails those who must not be contacted
            await _send(lane, message)
        if lane.out_of_time:
            return AGAIN


async def _send(lane: Lane, message: Row) -> None:
    """Tell the provider once, and write down what is known of it."""
    try:
        place = await _place(lane, message)
        person = (place["campaign"], place["lead"], place["address"])
        await lane.client.inbox.reply(*person, message["text"], senders=place["senders"])
    except Uncertain:
        await _record(lane, message, "uncertain", ask_after=_ask_after(lane))
    except Passing as error:
        await _record(lane, message, "queued", ask_after=0.0 if is_of_account(error) else lane.later)
        if is_of_account(error) or error.status is None:  # nor was the provider reached
            raise
    except CredentialRefused:
        await _record(lane, message, "queued", ask_after=0.0)
        raise
    except Refused:
        await _record(lane, message, "failed", reason="not_accepted")
    else:
        await _record(lane, message, "sent")


async def settle_replies(lane: Lane) -> float | None:
    """Look in the thread for answers that may have been sent. Twice as long is waited each time, for a day."""
    async with lane.transaction() as tx:
        due = await tx.many(SQL.uncertain_replies, {"account_id": lane.account_id})
    for message in due:
        thread = await _thread(lane, message)
        async with lane.transaction() as tx:
            known = {row["external_id"] for row in await tx.many(SQL.known_messages, message)}
        found = next((said for said in thread or () if said.key not in known and _is_it(message, said)), None)
        outcome = "sent" if found else "failed" if message["given_up"] else "uncertain"
        reason = UNCONFIRMED if outcome == "failed" else None
        await _record(lane, message, outcome, reason=reason, found=found)
        if lane.out_of_time:
            return AGAIN
    return AGAIN if len(due) == 20 else None


def _is_it(message: Row, said: Message) -> bool:
    """Tell whether a message of the thread may be an answer of ours: by its words, and not from before the attempt."""
    if said.incoming or not same_words(said.body, message["text"]):
        return False
    return said.sent_at is None or (message["attempted_at"] - said.sent_at).total_seconds() < CLOCKS_DIFFER_SECONDS


async def read_threads(lane: Lane) -> float | None:
    """Read the threads in which something has happened."""
    async with lane.transaction() as tx:
        due = await tx.many(SQL.threads_to_read, {"account_id": lane.account_id})
    for conversation in due:
        thread = await _thread(lane, conversation)
        if thread is None:
            async with lane.transaction() as tx:
                await tx.run(SQL.read_later, {**conversation, "seconds": lane.later})
        else:
            await _store(lane, conversation, thread)
        if lane.out_of_time:
            return AGAIN
    return AGAIN if len(due) == 20 else None


async def _thread(lane: Lane, row: Row) -> list[Message] | None:
    """Return a thread, empty where the provider does not know the person any more; None where it cannot be read now."""
    try:
        place = await _place(lane, row)
        person = (place["campaign"], place["lead"], place["address"])
        return await lane.client.inbox.read_thread(*person, senders=place["senders"])
    except Refused:
        return []
    except Passing as error:
        if is_of_account(error):
            raise
        return None


async def _place(lane: Lane, row: Row) -> Row:
    """Return where a conversation is at the provider; Refused where it is nowhere any more."""
    async with lane.transaction() as tx:
        place = await tx.one(SQL.place, row)
    if place is None:
        raise Refused("the person has left the campaign", status=404)
    senders = {name: at and datetime.fromisoformat(at) for name, at in place["senders"].items()}
    return {**place, "senders": senders, "address": handed_over(place["address"])}


async def _store(lane: Lane, conversation: Row, thread: Sequence[Message]) -> None:
    by_key = {said.key: said for said in thread if said.key}
    async with lane.transaction() as tx:
        ours = await tx.many(SQL.own_replies, conversation)
        known = {row["external_id"] for row in await tx.many(SQL.known_messages, conversation)}
        ids = _recognise(by_key, ours, known)
        new = {key: said for key, said in by_key.items() if key not in known}
        texts = await tx.many(SQL.own_texts, conversation) if new else []
        steps = [row["body"] for row in texts if row["is_step"]]
        hosts = hosts_of(link for step in steps for link in links_in(step))
        answers = [row["text"] for row in ours]
        own = OwnWords([*steps, *answers], [row["body"] for row in texts if not row["is_step"]])
        rows = [
            {"place": place, "id": ids.get(key), "external_id": key, **_shown(said, hosts, own)}
            for place, (key, said) in enumerate(new.items())
        ]
        await tx.run(SQL.store_thread, {**conversation, "messages": json.dumps(rows, default=str)})


def _shown(said: Message, hosts: Collection[str], own: OwnWords) -> dict[str, object]:
    """Return what is kept of a message: what its author wrote, and apart from it what it quotes."""
    ours = None if said.incoming else own
    words = words_of(said.body, hosts, ours) if said.is_mail else Words(said.body)
    return {
        "direction": "incoming" if said.incoming else "outgoing",
        "subject": said.subject,
        "text": words.text,
        "html": words.html,
        "quoted": words.quoted,
        "sent_at": said.sent_at,
    }


def _recognise(thread: dict[str, Message], ours: list[Row], known: set[str]) -> dict[str, str]:
    """Return, by key, which messages of a thread are answers of ours that have no name yet: each is one message."""
    found: dict[str, str] = {}
    for message in (row for row in ours if row["external_id"] is None):
        free = (key for key, said in thread.items() if key not in known and key not in found and _is_it(message, said))
        if (key := next(free, None)) is not None:
            found[key] = str(message["id"])
    return found


def _ask_after(lane: Lane) -> float:
    settings = lane.engine.settings
    return settings.settle_after_seconds if lane.provider.traits.absence_proves else settings.list_lag_seconds


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
