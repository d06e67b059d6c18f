"""What the subjects declare for proofs and tests: bodies with which their writes succeed, filled in for a caller."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import httpx
from fastapi.routing import APIRoute

from api.access.permissions import ROUTES
from api.app import ROUTERS, SUBJECTS
from api.http.subject import Lines

BODIES = {key: body for subject in SUBJECTS for key, body in subject.bodies.items()}
ROWS = {table: row for subject in SUBJECTS for table, row in subject.rows.items()}
OF_LINES = {key for key, body in BODIES.items() if isinstance(body, Lines)}
PLACEHOLDER = re.compile(r"{(\w+)}")
Known = Callable[[str], Any]


def filled(part: Any, known: Known) -> Any:
    """Return a body or a part of it with each `$name` replaced by what `known` says of the name."""
    if isinstance(part, Mapping):
        return {name: filled(value, known) for name, value in part.items()}
    if isinstance(part, list | tuple):
        return [filled(item, known) for item in part]
    return known(part.removeprefix("$")) if isinstance(part, str) and part.startswith("$") else part


@cache
def taking_bodies() -> set[tuple[str, str]]:
    """Return every operation that takes a JSON body, as a model or raw."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return {(method, route.path) for route in routes if route.body_field for method in route.methods or ()} | set(
        BODIES
    )


def body_for(method: str, path: str, known: Known) -> dict[str, Any] | None:
    """Return the JSON body of a write: what its subject declares, else a new name for a change; None for no such body.

    AssertionError says which subject has to declare one.
    """
    if (method, path) not in taking_bodies():
        return None
    declared = BODIES.get((method, path))
    if isinstance(declared, Lines):
        return None
    if declared is not None:
        return filled(declared, known)
    assert method == "PATCH" or path.endswith("/rotate"), f"{method} {path}: declare a body in the subject's subject.py"
    return {"name": "Renamed"} if method == "PATCH" else {}


def request_for(method: str, path: str, known: Known) -> dict[str, Any]:
    """Return what httpx takes to send the body of a write, JSON or lines."""
    declared = BODIES.get((method, path))
    if not isinstance(declared, Lines):
        body = body_for(method, path, known)
        return {} if body is None else {"json": body}
    lines = "".join(f"{json.dumps(filled(line, known))}\n" for line in declared.lines)
    return {
        "content": lines.encode(),
        "headers": {"Content-Type": "application/x-ndjson"},
        "params": filled(declared.query, known),
    }


def make_missing(client: httpx.Client, ids: dict[str, str], known: Known) -> None:
    """Add to `ids` an id of every kind that addresses have and that is not there yet: each is made by its own POST.

    So a subject whose lists can be added to needs no line here: `/v1/things/{thing_id}` is made by `POST /v1/things`.
    """
    for path in sorted({path for _, path in ROUTES if path.startswith("/v1/")}):
        head, _, name = path.rpartition("/")
        match = PLACEHOLDER.fullmatch(name)
        if match is None or match[1] in ids or ("POST", head) not in BODIES:
            continue
        where = PLACEHOLDER.sub(lambda inner: ids[inner[1]], head)
        made = client.post(where, **request_for("POST", head, known)).raise_for_status().json()
        ids[match[1]] = made["id"]
