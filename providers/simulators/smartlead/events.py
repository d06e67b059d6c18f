"""What can happen to a lead: each function changes the state and tells the webhooks."""

import html
import uuid
from collections.abc import Callable
from typing import Any

from providers.simulators.kit import machines
from providers.simulators.kit.store import Object, Row, Store
from providers.simulators.smartlead import enrolment
from providers.simulators.smartlead.common import categories
from providers.simulators.smartlead.enrolment import Enrolment
from providers.simulators.smartlead.figures import counters
from providers.simulators.smartlead.state import options
from providers.simulators.smartlead.webhooks import email_payloads, lead_payloads
from providers.simulators.smartlead.webhooks.publishing import publish

EVENTS = ("sent", "open", "click", "reply", "auto_reply", "bounce", "unsubscribed", "category")


def _now(store: Store) -> str:
    return store.clock.stamp()


def _touch(store: Store, who: Enrolment, **columns: Any) -> None:
    changes = {**columns, "last_activity_at": _now(store)}
    assignments = ", ".join(f"{name} = ?" for name in changes)
    store.run(
        f"update campaign_leads set {assignments} where id = ?",  # noqa: S608 - names are our own
        *changes.values(),
        who.link["id"],
    )


def _fresh(store: Store, who: Enrolment) -> Enrolment:
    return enrolment.enrolment(store, who.link["id"]) or who


def message_of(store: Store, who: Enrolment, seq_number: int) -> Row | None:
    """Return the message of this step, once it was sent."""
    return store.one(
        "select * from messages where map_id = ? and kind = 'SENT' and seq_number = ? order by id desc limit 1",
        who.link["id"],
        seq_number,
    )


def send(store: Store, who: Enrolment, seq_number: int) -> Object:
    """Send a step to the lead; a step that was sent before is only announced again."""
    message = message_of(store, who, seq_number)
    if message is None:
        message = _write(store, who, seq_number)
        _mark_sent(store, who, message)
        who = _fresh(store, who)
    if seq_number == 1:
        publish(store, who.campaign, email_payloads.sent(who, message, "FIRST_EMAIL_SENT"))
    return publish(store, who.campaign, email_payloads.sent(who, message))


def _write(store: Store, who: Enrolment, seq_number: int) -> Row:
    step = store.one("select * from sequences where campaign_id = ? and seq_number = ?", who.campaign["id"], seq_number)
    text = _text(store, step, who)
    stats_id = str(uuid.uuid4())
    subject = enrolment.personal(text["subject"], who.lead) or _earlier_subject(store, who)
    message_id = store.insert(
        "messages",
        {
            "account_id": who.campaign["account_id"],
            "campaign_id": who.campaign["id"],
            "map_id": who.link["id"],
            "kind": "SENT",
            "stats_id": stats_id,
            "sequence_id": step["id"] if step else None,
            "variant_id": text["variant_id"],
            "seq_number": seq_number,
            "message_id": f"<{stats_id}@{who.sender.split('@')[1]}>",
            "sender": who.sender,
            "recipient": who.email,
            "subject": subject,
            "body": enrolment.personal(text["email_body"], who.lead) + (options(store)["footer"] or ""),
            "time": _now(store),
        },
    )
    return _message(store, message_id)


def _message(store: Store, row_id: int) -> Row:
    found = store.one("select * from messages where id = ?", row_id)
    if found is None:
        raise LookupError(row_id)
    return found


def _text(store: Store, step: Row | None, who: Enrolment) -> Object:
    if step is None:
        return {"variant_id": None, "subject": "", "email_body": ""}
    variants = store.all("select * from variants where sequence_id = ? order by id", step["id"])
    if not variants:
        return {"variant_id": None, "subject": step["subject"], "email_body": step["email_body"]}
    variant = variants[int(who.link["id"]) % len(variants)]
    return {"variant_id": variant["id"], "subject": variant["subject"], "email_body": variant["email_body"]}


def _earlier_subject(store: Store, who: Enrolment) -> str:
    found = store.value(
        "select subject from messages where map_id = ? and kind = 'SENT' order by id limit 1", who.link["id"]
    )
    return found or ""


def _mark_sent(store: Store, who: Enrolment, message: Row) -> None:
    last = store.value("select max(seq_number) from sequences where campaign_id = ?", who.campaign["id"]) or 1
    first = who.link["last_sent_at"] is None
    counters.add(store, who.campaign["id"], "sent", *(("unique_sent",) if first else ()))
    alive = who.link["status"] in {"STARTED", "INPROGRESS"}
    status = ("COMPLETED" if message["seq_number"] >= last else "INPROGRESS") if alive else who.link["status"]
    _touch(
        store,
        who,
        status=status,
        last_seq=max(who.link["last_seq"], message["seq_number"]),
        last_sent_at=message["time"],
        email_account_id=who.mailbox["id"],
    )


def _sent_message(store: Store, who: Enrolment, seq_number: int) -> Row:
    found = message_of(store, who, seq_number)
    if found is None:
        send(store, who, seq_number)
        found = message_of(store, who, seq_number)
    if found is None:
        raise LookupError(seq_number)
    return found


def open_(store: Store, who: Enrolment, seq_number: int) -> Object:
    """Let the lead open a step's email; a message that was never sent goes out first."""
    message, now = _sent_message(store, who, seq_number), _now(store)
    if who.is_untracked("DONT_EMAIL_OPEN"):
        return email_payloads.opened(who, message, now).live
    first = message["open_count"] == 0
    counters.add(store, who.campaign["id"], "open", *(("unique_open",) if first else ()))
    store.run(
        "update messages set open_count = open_count + 1, open_time = coalesce(open_time, ?) where id = ?",
        now,
        message["id"],
    )
    _touch(store, who, is_opened=1)
    _stop_for(store, who, "OPEN_AN_EMAIL")
    return publish(store, who.campaign, email_payloads.opened(_fresh(store, who), message, now))


def click(store: Store, who: Enrolment, seq_number: int) -> Object:
    """Let the lead click a link in a step's email."""
    message, now = _sent_message(store, who, seq_number), _now(store)
    if who.is_untracked("DONT_LINK_CLICK"):
        return email_payloads.clicked(who, message, now).live
    first = message["click_count"] == 0
    counters.add(store, who.campaign["id"], "click", *(("unique_click",) if first else ()))
    store.run(
        "update messages set click_count = click_count + 1, click_time = coalesce(click_time, ?) where id = ?",
        now,
        message["id"],
    )
    _touch(store, who, is_clicked=1)
    _stop_for(store, who, "CLICK_ON_A_LINK")
    return publish(store, who.campaign, email_payloads.clicked(_fresh(store, who), message, now))


def _stop_for(store: Store, who: Enrolment, cause: str) -> None:
    if who.stop_rule == cause:
        _touch(store, who, status="STOPPED")


def reply(
    store: Store,
    who: Enrolment,
    seq_number: int,
    text: str = "Yes, tell me more.",
    by: str | None = None,
    *,
    auto: str | None = None,
) -> Object:
    """Let the lead, or another person in its name, answer a step's email, or a machine of theirs under its own subject
    (`auto`)."""
    message = _sent_message(store, who, seq_number)
    row_id = store.insert(
        "messages",
        {
            **{key: message[key] for key in ("account_id", "campaign_id", "map_id", "stats_id", "seq_number")},
            "kind": "REPLY",
            "message_id": f"<{uuid.uuid4().hex}@mail.{who.email.split('@')[-1]}>",
            "sender": by or who.email,
            "recipient": who.sender,
            "subject": f"{auto or 'Re'}: {message['subject']}",
            "body": text if text.startswith("<") else f"<div>{html.escape(text, quote=False)}</div>",
            "time": _now(store),
        },
    )
    answer = _message(store, row_id)
    if message["reply_time"] is None:
        counters.add(store, who.campaign["id"], "reply")
    store.run("update messages set reply_time = ? where id = ?", answer["time"], message["id"])
    _touch(store, who, is_replied=1, last_reply_at=answer["time"])
    store.run("update inbox_marks set is_read = 0 where map_id = ?", who.link["id"])
    if auto is None:
        _stop_for(store, who, "REPLY_TO_AN_EMAIL")
    inverted = bool(options(store)["invert_direction"])
    fact = email_payloads.replied(_fresh(store, who), message, answer, inverted=inverted)
    return publish(store, who.campaign, fact)


def auto_reply(
    store: Store,
    who: Enrolment,
    seq_number: int,
    text: str | None = None,
    by: str | None = None,
    *,
    language: str = "en",
) -> Object:
    """Let a machine answer that the lead is away, in one of ten languages."""
    note = machines.away(language)
    return reply(store, who, seq_number, text or note.text, by, auto=note.subject)


def bounce(store: Store, who: Enrolment, seq_number: int, meaning: str = "hard") -> Object:
    """Let a step's email bounce, for one of the meanings of `machines`; only a dead address is blocked."""
    message, now = _sent_message(store, who, seq_number), _now(store)
    if not message["is_bounced"]:
        counters.add(store, who.campaign["id"], "bounce")
    store.run("update messages set is_bounced = 1 where id = ?", message["id"])
    _touch(store, who, is_bounced=1, **({"status": "BLOCKED"} if meaning == "hard" else {}))
    return publish(store, who.campaign, email_payloads.bounced(_fresh(store, who), message, now, meaning))


def unsubscribe(store: Store, who: Enrolment, *, everywhere: bool) -> Object:
    """Take the lead out of this campaign, or out of everything the account sends."""
    if not who.link["is_unsubscribed"]:
        counters.add(store, who.campaign["id"], "unsubscribed")
    if everywhere:
        store.run("update leads set is_unsubscribed = 1 where id = ?", who.lead["id"])
    store.run("update messages set is_unsubscribed = 1 where map_id = ? and kind = 'SENT'", who.link["id"])
    ended = {} if who.link["status"] in {"BLOCKED", "COMPLETED"} else {"status": "STOPPED"}
    _touch(store, who, is_unsubscribed=1, **ended)
    return publish(store, who.campaign, lead_payloads.unsubscribed(_fresh(store, who), _now(store)))


def categorise(store: Store, who: Enrolment, category_id: int | None) -> Object:
    """Give the lead a category, or take it away."""
    old, new = categories.named(who.link["category_id"]), categories.named(category_id)
    _touch(store, who, category_id=category_id)
    messages = enrolment.history(store, who.link["id"])
    fact = lead_payloads.categorised(_fresh(store, who), messages, old=old, new=new, at=_now(store))
    return publish(store, who.campaign, fact, category=new["name"] if new else None)


def campaign_moved(store: Store, campaign: Row, status: str) -> None:
    """Tell that a campaign changed its status."""
    publish(store, campaign, lead_payloads.moved(campaign, status))


def happen(store: Store, who: Enrolment, event: str, seq_number: int = 1, **said: str) -> Object:
    """Make one of the EVENTS happen; after a colon may stand a bounce's meaning, an away note's language or a
    category, and `said` is what an answer says and `by` its author."""
    event, _, kind = event.partition(":")
    if event == "unsubscribed":
        return unsubscribe(store, who, everywhere=True)
    if event == "category":
        return categorise(store, who, int(kind) if kind else None)
    if event == "bounce":
        return bounce(store, who, seq_number, kind or "hard")
    if event == "reply":
        return reply(store, who, seq_number, **said)
    if event == "auto_reply":
        return auto_reply(store, who, seq_number, **{"language": kind or "en", **said})
    acts: dict[str, Callable[[Store, Enrolment, int], Object]] = {"sent": send, "open": open_, "click": click}
    return acts[event](store, who, seq_number)
