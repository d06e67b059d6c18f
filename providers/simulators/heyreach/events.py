"""What can happen between a sender and a person: each function changes the state and tells the webhooks."""

from collections.abc import Callable

from providers.simulators.heyreach import enrolment
from providers.simulators.heyreach.enrolment import Enrolment
from providers.simulators.heyreach.inbox import threads
from providers.simulators.heyreach.webhooks.publishing import publish, thread
from providers.simulators.kit import machines
from providers.simulators.kit.store import Object, Row


def _count(who: Enrolment, kind: str) -> None:
    who.store.insert(
        "actions",
        {
            "workspace_id": who.workspace_id,
            "account_id": who.seat["id"],
            "campaign_id": who.campaign["id"] if who.campaign is not None else None,
            "profile_id": who.person["id"],
            "kind": kind,
            "at": who.now,
        },
    )


def _busy(who: Enrolment) -> Object:
    going = who.link is not None and who.link["status"] in ("Pending", "InSequence")
    return {"status": "InSequence"} if going else {}


def connected(who: Enrolment) -> bool:
    """Return whether the sender and the person are connected."""
    sql = "select 1 from connections where account_id = ? and profile_id = ?"
    return bool(who.store.value(sql, who.seat["id"], who.person["id"]))


def request_connection(who: Enrolment, note: str = "") -> Object:
    """Ask the person to connect."""
    _count(who, "connectionsSent")
    accepted = who.link is not None and who.link["connection"] == "ConnectionAccepted"
    who.touch(**_busy(who), **({} if accepted else {"connection": "ConnectionSent"}))
    return publish(who.fresh(), "CONNECTION_REQUEST_SENT", {"connection_message": note})


def accept(who: Enrolment, note: str = "") -> Object:
    """Let the person accept; a person who was never invited is invited first."""
    if who.link is not None and who.link["connection"] == "None":
        request_connection(who, note)
    _count(who, "connectionsAccepted")
    who.store.run("insert or ignore into connections values (?, ?)", who.seat["id"], who.person["id"])
    who.touch(connection="ConnectionAccepted")
    return publish(who.fresh(), "CONNECTION_REQUEST_ACCEPTED", {"connection_message": note})


def _thread(who: Enrolment) -> Row:
    return threads.conversation(who.store, who.workspace_id, who.seat["id"], who.person["id"])


def _said(who: Enrolment, conversation: Row, sender: str, *, inmail: bool) -> int:
    return who.store.value(
        "select count(*) from messages where conversation_id = ? and sender = ? and is_inmail = ?",
        conversation["id"],
        sender,
        inmail,
    )


def _write(who: Enrolment, conversation: Row, message: Object) -> None:
    campaign = {"campaign_id": who.campaign["id"] if who.campaign is not None else None}
    lag = float(who.option("inbox_lag_s"))
    threads.write(who.store, conversation["id"], {**campaign, **message}, at=who.now, lag=lag)


def send_message(who: Enrolment, text: str = "Hello", subject: str | None = None, *, inmail: bool = False) -> Object:
    """Send a step's message, or InMail."""
    conversation = _thread(who)
    first = _said(who, conversation, "ME", inmail=inmail) == 0
    _write(who, conversation, {"body": text, "subject": subject, "is_inmail": inmail})
    _count(who, "inmailMessagesSent" if inmail else "messagesSent")
    if first:
        _count(who, "totalInmailStarted" if inmail else "totalMessageStarted")
    replied = who.link is not None and who.link["message"] == "MessageReply"
    who.touch(**_busy(who), **({} if replied else {"message": "MessageSent"}))
    extra = thread(who, conversation, is_inmail=inmail)
    return publish(who.fresh(), "INMAIL_SENT" if inmail else "MESSAGE_SENT", extra)


def send_inmail(who: Enrolment, text: str = "Hello", subject: str | None = "Hello") -> Object:
    """Send a step's InMail."""
    return send_message(who, text, subject, inmail=True)


def reply(who: Enrolment, text: str = "Sure, tell me more", *, inmail: bool = False, kind: str = "TEXT") -> Object:
    """Let the person answer: only the first answer is a reply event, every one is an every-reply event."""
    conversation = _thread(who)
    if who.link is not None and _said(who, conversation, "ME", inmail=inmail) == 0:
        send_message(who, inmail=inmail)
    first = _said(who, conversation, "CORRESPONDENT", inmail=inmail) == 0
    said = {"sender": "CORRESPONDENT", "kind": kind, "body": text if kind == "TEXT" else "", "is_inmail": inmail}
    _write(who, conversation, said)
    if first:
        _count(who, "totalInmailReplies" if inmail else "totalMessageReplies")
    alive = who.link is not None and who.link["status"] in ("Pending", "InSequence", "Paused")
    ended: Object = {"status": "Finished", "due_at": None} if alive else {}
    who.touch(message="MessageReply", **ended)
    current, extra = who.fresh(), thread(who, conversation, is_inmail=inmail)
    name = "INMAIL_REPLY_RECEIVED" if inmail else "MESSAGE_REPLY_RECEIVED"
    body = publish(current, name, extra) if first else None
    every = publish(current, "EVERY_MESSAGE_REPLY_RECEIVED", extra)
    if ended and who.option("completed_for") == "lead":
        publish(current, "CAMPAIGN_COMPLETED")
    return body or every


def auto_reply(who: Enrolment, text: str | None = None) -> Object:
    """Let the person's away message answer."""
    return reply(who, text or machines.away().text)


def view(who: Enrolment) -> Object:
    """Look at the person's profile."""
    return _act(who, "profileViews", "VIEWED_PROFILE")


def follow(who: Enrolment) -> Object:
    """Follow the person."""
    return _act(who, "follows", "FOLLOW_SENT")


def like(who: Enrolment) -> Object:
    """Like the person's latest post."""
    return _act(who, "postLikes", "LIKED_POST")


def _act(who: Enrolment, kind: str, event_type: str) -> Object:
    _count(who, kind)
    who.touch(**_busy(who))
    return publish(who.fresh(), event_type)


def complete(who: Enrolment) -> Object:
    """Let the person reach the end of the sequence."""
    who.touch(status="Finished", due_at=None)
    if who.option("completed_for") == "lead":
        return publish(who.fresh(), "CAMPAIGN_COMPLETED")
    return {}


def fail(who: Enrolment, code: str = "LeadProfileNotAccessible") -> Object:
    """Let the campaign fail for the person, whatever was done before; no event tells of it."""
    message = "The profile could not be opened."
    who.touch(status="Failed", due_at=None, failed_at=who.now, error_code=code, status_message=message)
    return {}


def inmail_reply(who: Enrolment, text: str = "Sure, tell me more") -> Object:
    """Let the person answer an InMail."""
    return reply(who, text, inmail=True)


EVENTS: dict[str, Callable[[Enrolment], Object]] = {
    "connection_sent": request_connection,
    "accepted": accept,
    "message": send_message,
    "reply": reply,
    "auto_reply": auto_reply,
    "inmail": send_inmail,
    "inmail_reply": inmail_reply,
    "view": view,
    "follow": follow,
    "like": like,
    "completed": complete,
    "failed": fail,
}
_WORDED: dict[str, Callable[[Enrolment, str], Object]] = {
    "connection_sent": request_connection,
    "accepted": accept,
    "message": send_message,
    "reply": reply,
    "auto_reply": auto_reply,
    "inmail": send_inmail,
    "inmail_reply": inmail_reply,
    "failed": fail,
}


def happen(who: Enrolment, event: str, text: str | None = None) -> Object:
    """Let something happen by name, in the given words where it has any; after a colon may stand an away note's
    language."""
    event, _, language = event.partition(":")
    if language and text is None:
        text = machines.away(language).text
    if text is not None and event in _WORDED:
        return _WORDED[event](who, text)
    return EVENTS[event](who)


def finish_campaign(who: enrolment.Enrolment) -> None:
    """Tell that a campaign as a whole is done."""
    if who.option("completed_for") == "campaign":
        publish(who, "CAMPAIGN_COMPLETED")
