"""Request bodies up to a limit: read raw, or as the framework reads JSON."""

import hashlib
from collections.abc import AsyncGenerator

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.types import Message

from api.errors import TooLarge, UnsupportedMediaType
from api.http.rooms import Exchange

ONE_MEBIBYTE = 1024 * 1024
TEN_MEBIBYTES = 10 * ONE_MEBIBYTE


async def read_body(request: Request, limit: int = TEN_MEBIBYTES) -> bytes:
    """Return the whole body; TooLarge as soon as it is known to pass the limit. A second call returns the same body."""
    known: bytes | None = getattr(request.state, "body", None)
    if known is not None:
        return known
    if _declared(request) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        parts.append(chunk)
    body = b"".join(parts)
    request.state.body = body  # the stream is empty now; a second call takes it from here
    return body


def check_length(request: Request, limit: int) -> None:
    """Raise TooLarge for a body that says that it passes the limit."""
    if _declared(request) > limit:
        raise _too_large(limit)


async def stream_body(request: Request, piece: int, limit: int) -> AsyncGenerator[bytes]:
    """Yield a body in pieces of so many bytes, the last one shorter; TooLarge as soon as it is known to pass the limit.

    Its hash is what the request's Idempotency-Key stands for. What was yielded counts as kept no longer.
    """
    exchange: Exchange = request.scope["exchange"]
    seen, size, kept = hashlib.sha256(), 0, bytearray()
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        seen.update(chunk)
        kept += chunk
        while len(kept) >= piece:
            yield bytes(kept[:piece])
            del kept[:piece]
            exchange.pass_on()
    if kept:
        yield bytes(kept)
    request.state.body_sha256 = seen.digest()


def json_request(request: Request, limit: int = ONE_MEBIBYTE) -> Request:
    """Return the request with its body bounded; TooLarge or UnsupportedMediaType for what is known before reading.

    The framework turns whatever reading raises into a 400, HTTPException apart: so 413 comes as one.
    """
    declared = _declared(request)
    if declared > limit:
        raise _too_large(limit)
    if (declared or "transfer-encoding" in request.headers) and not _is_json(request):
        raise UnsupportedMediaType("Send the body as `Content-Type: application/json`.")
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise HTTPException(413)
        return message

    return Request(request.scope, receive)


def _declared(request: Request) -> int:
    declared = request.headers.get("content-length", "0")
    return int(declared) if declared.isdigit() else 0


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    return kind.startswith("application/") and (kind == "application/json" or kind.endswith("+json"))


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"At most {limit // ONE_MEBIBYTE} MiB fit in one request.")
