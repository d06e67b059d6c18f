"""What the API's tests share: reading problem documents, comparing answers, and ids that name nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx

from tests.engine import Engine

REQUEST_ID = "the-same-for-both"


def random_id() -> str:
    """Return an id that no row has."""
    return str(uuid4())


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """Return the problem document of an answer, having checked that it is a whole one."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(document) <= {
        "type", "title", "status", "detail", "code", "request_id", "errors",
    }  # fmt: skip
    assert document["status"] == status
    assert document["type"] == f"urn:outbound:problem:{document['code']}"
    assert document["request_id"] == answer.headers["x-request-id"] != ""
    for item in document.get("errors", []):
        assert {"pointer", "code"} <= set(item) <= {"pointer", "code", "detail"}, item
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    if status == 503:
        assert int(answer.headers["retry-after"]) > 0
    if code is not None:
        assert document["code"] == code, document
    return document


def pointers(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where and what of each thing wrong."""
    return [(item["pointer"], item["code"]) for item in document.get("errors", [])]


# The time of day, and how much of its own limit a caller has left: that differs from one request to the next.
OWN = {b"date", b"ratelimit-remaining", b"ratelimit-reset"}


def likeness(answer: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return all that a caller can see of an answer, apart from the time of day and its own limit."""
    headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in OWN]
    return answer.status_code, headers, answer.content


@contextmanager
def faults(engine: Engine, **switches: Any) -> Iterator[None]:
    """Turn the simulated provider's faults on, and all of them off again."""
    with engine.control as control:
        control.put("/faults", json=switches).raise_for_status()
        try:
            yield
        finally:
            control.put("/faults", json={}).raise_for_status()


@contextmanager
def without_autoplay(engine: Engine) -> Iterator[None]:
    """Let campaigns stand still at the simulated provider: only what the test does happens."""
    with engine.control as control:
        control.put("/settings", json={"autoplay": False}).raise_for_status()
        try:
            yield
        finally:
            control.put("/settings", json={"autoplay": True}).raise_for_status()
