"""Carries one person one node further through the campaign's tree."""

import json
from typing import Any

from providers.simulators.heyreach import events
from providers.simulators.heyreach.campaigns import sequences
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.enrolment import Enrolment, personal
from providers.simulators.heyreach.script import Script, script
from providers.simulators.kit import machines
from providers.simulators.kit.store import Object

# What an action counts as, and which of the sender's daily limits holds it back.
LIMITED = {
    "CONNECTION_REQUEST": ("connectionsSent", "connectioRequestLimit"),
    "MESSAGE": ("messagesSent", "messageLimit"),
    "INMAIL": ("inmailMessagesSent", "inMailLimit"),
    "VIEW_PROFILE": ("profileViews", "profileViewLimit"),
    "FOLLOW": ("follows", "followLimit"),
    "LIKE_POST": ("postLikes", "postLikeLimit"),
}


def take(who: Enrolment, tree: Object) -> None:
    """Do what the person's node says, if it is time, and go on to the next."""
    if who.link is None:
        return
    place = who.link["place"]
    node = sequences.at(tree, place)
    if who.link["status"] == "Pending" and node is not None and sequences.hours(node) and not place:
        who.touch(status="InSequence", due_at=_after(who, sequences.hours(node)))
        return
    if node is None or node["nodeType"] == "END":
        events.complete(who)
        return
    if _spent(who, node["nodeType"]):
        return
    part = script(who.person["url"])
    broken = part.fails_later and who.link["connection"] == "ConnectionAccepted" and node["nodeType"] == "MESSAGE"
    if broken or (part.fails and not place):
        events.fail(who)
        return
    branch = _do(who, node, part, place)
    _move(who, tree, place + branch)


def _spent(who: Enrolment, kind: str) -> bool:
    if kind not in LIMITED or not who.option("obey_limits"):
        return False
    counted, limit = LIMITED[kind]
    day = who.now[:10]
    sql = "select count(*) from actions where account_id = ? and kind = ? and at >= ?"
    return who.store.value(sql, who.seat["id"], counted, day) >= json.loads(who.seat["limits"])[limit]


def _do(who: Enrolment, node: Object, part: Script, place: str) -> str:
    kind: str = node["nodeType"]
    payload: Object = node.get("payload") or {}
    if kind == "CONNECTION_REQUEST":
        return _connect(who, payload, part, place)
    if kind in ("MESSAGE", "INMAIL"):
        _speak(who, payload, part, inmail=kind == "INMAIL")
        return "u"
    if kind in ("CHECK_IS_CONNECTION", "FIND_EMAIL", "CHECK_IS_OPEN_PROFILE"):
        true = {
            "CHECK_IS_CONNECTION": events.connected(who),
            "FIND_EMAIL": part.has_email,
            "CHECK_IS_OPEN_PROFILE": part.is_open,
        }
        return "c" if true[kind] else "u"
    act = {"VIEW_PROFILE": events.view, "FOLLOW": events.follow, "LIKE_POST": events.like}.get(kind)
    if act:
        act(who)
    return "u"


def _connect(who: Enrolment, payload: Object, part: Script, place: str) -> str:
    if events.connected(who):
        who.touch(connection="ConnectionAccepted", status="InSequence")
        return "c"
    note = personal(who, payload.get("messages") or [], payload.get("fallbackMessage") or "")
    events.request_connection(who, note)
    if part.accepts:
        _plan(who, part.patience, "accepted", {"note": note, "place": place})
    return "u"


def _speak(who: Enrolment, payload: Object, part: Script, *, inmail: bool) -> None:
    messages: list[Any] = payload.get("messages") or []
    if inmail:
        spare: Object = payload.get("fallbackMessage") or {}
        subject = personal(who, _parts(messages, "subject"), spare.get("subject") or "")
        events.send_inmail(who, personal(who, _parts(messages, "message"), spare.get("message") or ""), subject)
    else:
        events.send_message(who, personal(who, messages, payload.get("fallbackMessage") or ""))
    if part.away and not part.replies and not inmail:
        _plan(who, part.patience, "auto_reply", {"text": machines.away(part.away).text})
    if part.answers_inmail if inmail else part.replies:
        act = "inmail_reply" if inmail else "reply"
        _plan(who, part.patience, act, {"text": part.words})
        if part.replies_again:
            _plan(who, part.patience + 0.3, act, {"text": "One more thing"})


def _parts(messages: list[Any], name: str) -> list[str]:
    return [message.get(name) or "" for message in messages]


def _plan(who: Enrolment, hours: float, act: str, detail: Object) -> None:
    if who.link is not None:
        row = {"due_at": _after(who, hours), "link_id": who.link["id"], "act": act, "detail": json.dumps(detail)}
        who.store.insert("acts", row)


def _after(who: Enrolment, hours: float) -> str:
    return times.later(who.now, hours * float(who.option("hour_s")))


def _move(who: Enrolment, tree: Object, place: str) -> None:
    current = who.fresh()
    if current.link is None or current.link["status"] not in ("Pending", "InSequence"):
        return
    node = sequences.at(tree, place)
    current.touch(status="InSequence", place=place, due_at=_after(who, sequences.hours(node) if node else 0))


def perform(who: Enrolment, act: str, detail: Object) -> None:
    """Let a person do what was planned; who accepts in time goes the way of those who accept."""
    if act != "accepted":
        events.happen(who, act, detail["text"])
        return
    if events.connected(who):
        return
    events.accept(who, detail["note"])
    current = who.fresh()
    if current.link is None or current.campaign is None or current.link["place"] != detail["place"] + "u":
        return
    if current.link["status"] == "InSequence":
        _move(current, json.loads(current.campaign["sequence"]), detail["place"] + "c")
