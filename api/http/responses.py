"""Answers whose JSON was built by Postgres and is passed on as bytes."""

import hashlib
from typing import Annotated, TypeVar

from fastapi import Header, Response

from api.errors import NotFound, PreconditionFailed

T = TypeVar("T")

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=1000, description="Change only what is still as this `ETag` knew it."),
]
# Postgres writes our own documents with blanks around the colon, and nested values that callers gave us without.
UPDATED_AT = b'"updated_at" : "'


def or_404(value: T | None) -> T:
    """Return the value; 404 when there is none, whether it never was or belongs to another tenant. Raises NotFound."""
    if value is None:
        raise NotFound()
    return value


def json_response(body: bytes | None, *, status: int = 200) -> Response:
    """Return a JSON answer; `body` must be there by now. One resource carries an `ETag` of its version. Raises
    RuntimeError without one."""
    if body is None:
        raise RuntimeError("the query built no body")
    tag = None if body.startswith(b'{"data"') else etag(body)
    headers = None if tag is None else {"ETag": tag}
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def etag(body: bytes) -> str | None:
    """Return the strong validator of a resource's document, from when it last changed; None for one without."""
    start = body.rfind(UPDATED_AT)
    if start < 0:
        return None
    start += len(UPDATED_AT)
    version = body[body.find(b'"', 2) : 60] + body[start : body.index(b'"', start)]
    return f'"{hashlib.sha256(version).hexdigest()[:24]}"'


def check_match(if_match: str | None, body: str) -> None:
    """Raise PreconditionFailed when the caller named another version than the document's, which is locked."""
    if if_match is None or if_match.strip() == "*":
        return
    if etag(body.encode()) not in {tag.strip() for tag in if_match.split(",")}:
        raise PreconditionFailed()
