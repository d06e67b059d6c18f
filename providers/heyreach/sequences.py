"""Our steps as HeyReach's tree of nodes. Each has a next one, and some have another for where they succeed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers.errors import Refused
from providers.models import Step

VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
# Variables in a row, with the spaces and commas that make no sense without them: where a line begins, where a part of a
# sentence ends, and elsewhere.
_ROW = rf"(?:{VARIABLE.pattern}[ \t]*)+"
UNKNOWN_FIRST = re.compile(rf"(?m)^{_ROW}[,;:]?[ \t]*")
UNKNOWN_LAST = re.compile(rf"(?m)[ \t]?{_ROW}(?=[,.;:!?]|$)")
UNKNOWN = re.compile(_ROW)
NODES = {
    "connection_request": "CONNECTION_REQUEST",
    "message": "MESSAGE",
    "inmail": "INMAIL",
    "profile_view": "VIEW_PROFILE",
    "follow": "FOLLOW",
}
SHORTEST_WAIT = {"actionDelay": 3, "actionDelayUnit": "HOUR"}
NO_WAIT = {"actionDelay": 0, "actionDelayUnit": "HOUR"}
# A person who accepts a request after this long is written to no more.
WAIT_FOR_ACCEPTANCE = {"actionDelay": 30, "actionDelayUnit": "DAY"}


def variables(text: str) -> str:
    """Rewrite the names of fields as they are written there: in single braces."""
    return VARIABLE.sub(lambda found: "{" + found[1] + "}", text)


def fallback(text: str) -> str:
    """Return what is said to a person without a value for a variable: the text without any, and not empty."""
    if "{" not in text and "}" not in text:
        return text
    bare = UNKNOWN_LAST.sub("", UNKNOWN_FIRST.sub("", text))
    tidy = re.sub(r"[{}]", "", UNKNOWN.sub("", bare)).strip()
    return tidy or re.sub(r"[{}]", "", text).strip() or text


def sequence(steps: Sequence[Step]) -> dict[str, Any]:
    """Return the tree of a row of steps: each goes on to the next, and after a request only for who accepts it. Raises
    Refused for an unknown step and a second request."""
    ordered = sorted(steps, key=lambda step: step.position)
    if unknown := {step.type for step in ordered} - NODES.keys():
        raise Refused(f"no such step: {min(unknown)}")
    if sum(step.type == "connection_request" for step in ordered) > 1:
        raise Refused("a sequence holds one connection request at most")
    return _tree(ordered, after_action=False, connected=False)


def _tree(steps: Sequence[Step], *, after_action: bool, connected: bool) -> dict[str, Any]:
    if not steps:
        return _end(SHORTEST_WAIT)
    first, rest = steps[0], steps[1:]
    wait = _wait(first.delay_days, after_action)
    if first.type == "message" and not connected:
        # Only connections can be written to: without a request of ours before, it is looked who is one.
        then = _tree([replace(first, delay_days=0), *rest], after_action=False, connected=True)
        check = {"nodeType": "CHECK_IS_CONNECTION", **wait}
        return {**check, "conditionalNode": then, "unconditionalNode": _end(SHORTEST_WAIT)}
    node = {"nodeType": NODES[first.type], **wait, **_payload(first)}
    asks = first.type == "connection_request"
    then = _tree(rest, after_action=True, connected=connected or asks)
    if asks:
        return {**node, "conditionalNode": then, "unconditionalNode": _end(WAIT_FOR_ACCEPTANCE)}
    return {**node, "unconditionalNode": then}


def _end(wait: Mapping[str, Any]) -> dict[str, Any]:
    return {"nodeType": "END", **wait}


def _wait(days: int, after_action: bool) -> dict[str, Any]:
    if days > 0:
        return {"actionDelay": days, "actionDelayUnit": "DAY"}
    return SHORTEST_WAIT if after_action else NO_WAIT


def _payload(step: Step) -> dict[str, Any]:
    said, spare = variables(step.body), fallback(step.body)
    if step.type == "connection_request":
        return {"payload": {"messages": [said], "fallbackMessage": spare} if said.strip() else {"messages": []}}
    if step.type == "message":
        return {"payload": {"messages": [said], "fallbackMessage": spare}}
    if step.type == "inmail":
        said_all = {"subject": variables(step.subject), "message": said}
        spare_all = {"subject": fallback(step.subject), "message": spare}
        return {"payload": {"messages": [said_all], "fallbackMessage": spare_all}}
    return {}
