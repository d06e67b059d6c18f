"""Sequences: trees of nodes with a true branch (conditional) and a next one (unconditional)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from providers.simulators.heyreach.requests import RefusedError, refusal
from providers.simulators.kit.store import Object

HOURS = {"HOUR": 1, "DAY": 24}
END: Object = {"nodeType": "END", "actionDelay": 0, "actionDelayUnit": "HOUR"}
_BOTH = ("CONNECTION_REQUEST", "FIND_EMAIL", "CHECK_IS_CONNECTION", "CHECK_IS_OPEN_PROFILE")
_ANSWERED = ("MESSAGE", "INMAIL")
_PLAIN = (
    "VIEW_PROFILE",
    "FOLLOW",
    "LIKE_POST",
    "SEND_LEAD_TO_INSTANTLY",
    "SEND_LEAD_TO_SMARTLEAD",
    "SEND_LEAD_TO_BISON",
)
_TYPES = (*_BOTH, *_ANSWERED, *_PLAIN, "END")
_ACTIONS = ("CONNECTION_REQUEST", "MESSAGE", "INMAIL", "VIEW_PROFILE", "FOLLOW")
_LEAST_HOURS, _MOST_HOURS = 3, 500 * 24
_REACTIONS = ("LIKE", "CELEBRATE", "SUPPORT", "FUNNY", "LOVE", "INSIGHTFUL", "CURIOUS")


@dataclass(frozen=True)
class _Way:
    """How a node is reached: the labels of the path to it, and what came before on it."""

    path: str
    parent: str | None = None
    before: frozenset[str] = frozenset()
    unconnected: bool = False

    def down(self, node: Object, *, conditional: bool) -> "_Way":
        kind = node["nodeType"]
        unconnected = not conditional if kind == "CHECK_IS_CONNECTION" else self.unconnected
        if kind == "CONNECTION_REQUEST":
            unconnected = not conditional
        return _Way(self.path, kind, self.before | {kind}, unconnected)


def checked(raw: Any, *, root_needs_delay: bool = False) -> Object:
    """Return the tree as the provider keeps it, or refuse it with the provider's sentence."""
    return _node(raw, _Way("", None if not root_needs_delay else "ROOT"), "UNCND")


def _node(raw: Any, way: _Way, side: str) -> Object:
    node = _normal(raw)
    kind = node["nodeType"]
    here = _Way(f"{way.path}{'/' if way.path else ''}{side}-{kind}", way.parent, way.before, way.unconnected)
    _check_delay(node, here)
    _check_order(kind, here)
    _check_payload(node)
    kept = {key: value for key, value in node.items() if key not in ("conditionalNode", "unconditionalNode")}
    if kind == "END":
        return kept
    yes, then = node.get("conditionalNode"), node.get("unconditionalNode")
    if then is None:
        raise refusal(f'Node at: {here.path} must have an unconditional node, every path must end with "END".')
    if yes is None and kind in _ANSWERED:
        kept["conditionalNode"] = dict(END)
    elif yes is not None:
        kept["conditionalNode"] = _conditional(yes, node, here)
    elif kind in _BOTH:
        raise refusal(f"Node at: {here.path} must have a conditional node.")
    kept["unconditionalNode"] = _node(then, here.down(node, conditional=False), "UNCND")
    return kept


def _conditional(raw: Any, node: Object, here: _Way) -> Object:
    kind = node["nodeType"]
    if kind in _PLAIN:
        raise refusal(f"Node at: {here.path} must not have a conditional node.")
    if kind in _ANSWERED:
        if _normal(raw)["nodeType"] != "END":
            raise refusal(f"Node at: {here.path} can only have END as its conditional node.")
        return {**END, **_normal(raw)}
    return _node(raw, here.down(node, conditional=True), "COND")


def _normal(raw: Any) -> Object:
    if not isinstance(raw, dict):
        raise refusal("The sequence is invalid.")
    names = {
        name.lower(): name
        for name in (
            *("nodeType", "actionDelay", "actionDelayUnit", "payload", "conditionalNode"),
            *("unconditionalNode", "externalReference"),
        )
    }
    given = {names[key.lower()]: item for key, item in cast("Object", raw).items() if key.lower() in names}
    node = {"actionDelay": 0, "actionDelayUnit": "HOUR", **{k: v for k, v in given.items() if v is not None}}
    if node.get("nodeType") not in _TYPES:
        raise refusal(f"Unknown node type: {node.get('nodeType')}.")
    if len(str(node.get("externalReference", ""))) > 100:
        raise refusal("The external reference is longer than 100 characters.")
    return node


def hours(node: Object) -> int:
    """Return how many hours a node waits before it acts."""
    return int(node["actionDelay"]) * HOURS[node["actionDelayUnit"]]


def _check_delay(node: Object, here: _Way) -> None:
    delay = node["actionDelay"]
    fits = isinstance(delay, int) and not isinstance(delay, bool) and 0 <= delay <= 100
    if not fits or node["actionDelayUnit"] not in HOURS:
        raise refusal(f"Node at: {here.path} has invalid delay: {delay} {node['actionDelayUnit']}.")
    if here.parent == "ROOT" or here.parent in _ACTIONS:
        amount = hours(node)
        if not _LEAST_HOURS <= amount <= _MOST_HOURS:
            days, rest = divmod(amount, 24)
            shown = f"{days}.{rest:02}:00:00" if days else f"{rest:02}:00:00"
            bounds = "delay must be at least 3 hours and at most 500 days."
            raise refusal(f"Node at: {_started(here)} has invalid delay: {shown}, {bounds}")


def _started(here: _Way) -> str:
    return f"UNCND-START/{here.path}"


def _check_order(kind: str, here: _Way) -> None:
    if kind == "FOLLOW" and "CONNECTION_REQUEST" in here.before:
        raise refusal(
            "Cannot have a FOLLOW node after a CONNECTION_REQUEST node, because CONNECTION_REQUEST already follows"
            " the lead."
        )
    if kind == "CONNECTION_REQUEST" and kind in here.before:
        raise refusal("Cannot have 2 CONNECTION_REQUEST nodes in sequence.")
    if kind == "MESSAGE" and here.unconnected and "CHECK_IS_CONNECTION" in here.before:
        raise refusal("Cannot have MESSAGE node on the 'Not Connected' side of IS_CONNECTION node.")


def _check_payload(node: Object) -> None:
    kind, given = node["nodeType"], node.get("payload")
    payload = cast("Object", given) if isinstance(given, dict) else {}
    if kind in ("CONNECTION_REQUEST", *_ANSWERED):
        if "message" in payload and "messages" not in payload:
            raise RefusedError(500, {"errorMessage": "Object reference not set to an instance of an object."})
        if not isinstance(payload.get("messages") or [], list):
            raise refusal(f"Error converting value \"{payload['messages']}\" to type 'System.String[]'.")
        for complaint in _text_complaints(kind, payload):
            raise refusal(complaint)
    if kind == "LIKE_POST" and payload.get("reactionType", "LIKE") not in _REACTIONS:
        raise refusal(f"Unknown reaction type: {payload.get('reactionType')}.")


def _text_complaints(kind: str, payload: Object) -> Iterator[str]:
    messages: list[Any] = payload.get("messages") or []
    fallback = payload.get("fallbackMessage")
    if kind == "INMAIL":
        yield from _inmail_complaints(messages, fallback)
        return
    longest, label = (300, "Connection request") if kind == "CONNECTION_REQUEST" else (8000, "Message")
    if any(not isinstance(message, str) or len(message) > longest for message in messages):
        yield f'The message is invalid in the "{label}" action.'
    if kind == "MESSAGE" and not any(messages):
        yield f'The message is missing in the "{label}" action.'
    if any(messages) and not (isinstance(fallback, str) and 0 < len(fallback) <= longest):
        yield f'The fallback message is invalid in the "{label}" action.'
    days = payload.get("toBeWithdrawnAfterDays")
    if days is not None and (not isinstance(days, int) or days < 14):
        yield "A connection request can be withdrawn after 14 days at the earliest."


def _inmail_complaints(messages: list[Any], fallback: Any) -> Iterator[str]:
    target = "Spremo.DTOs.PublicApi.Campaigns.PublicInMailMessage"
    for message in [*messages, fallback]:
        if isinstance(message, str):
            yield f"Error converting value \"{message}\" to type '{target}'."
    if not messages:
        yield 'The message is missing in the "InMail" action.'
    for message in [*messages, fallback]:
        parts = cast("Object", message) if isinstance(message, dict) else {}
        subject, body = parts.get("subject") or "", parts.get("message") or ""
        texts = isinstance(subject, str) and isinstance(body, str)
        if not texts or not body or len(body) > 1900 or len(subject) > 200:
            yield f'The {"fallback " if message is fallback else ""}message is invalid in the "InMail" action.'


def shape(node: Object | None) -> Any:
    """Return what a paused campaign must keep of its tree: the kinds of its nodes and how they hang together."""
    if node is None:
        return None
    return node["nodeType"], shape(node.get("conditionalNode")), shape(node.get("unconditionalNode"))


def at(tree: Object, place: str) -> Object | None:
    """Return the node at the end of a path of letters, `c` for the conditional branch and `u` for the next node."""
    node: Object | None = tree
    for letter in place:
        node = node.get("conditionalNode" if letter == "c" else "unconditionalNode") if node else None
    return node
