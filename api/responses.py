"""Answers whose JSON was built by Postgres and is passed on as bytes."""

from typing import TypeVar

from fastapi import Response

from api.errors import NotFound

T = TypeVar("T")


def found(value: T | None) -> T:
    """Return the value; 404 when there is none, whether it never was or belongs to somebody else."""
    if value is None:
        raise NotFound()
    return value


def json_response(body: bytes | None, *, status: int = 200) -> Response:
    """Return a JSON answer; `body` must be there by now."""
    if body is None:
        raise RuntimeError("the query built no body")
    return Response(body, status_code=status, media_type="application/json")
