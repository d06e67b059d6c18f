"""Request bodies read up to a limit, for the addresses that take them raw."""

from fastapi import Request

from api.errors import TooLarge

TEN_MEBIBYTES = 10 * 1024 * 1024


async def read_body(request: Request, limit: int = TEN_MEBIBYTES) -> bytes:
    """Return the whole body; TooLarge as soon as it is known to pass the limit."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"At most {limit // 1024 // 1024} MiB fit in one request.")
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"At most {limit // 1024 // 1024} MiB fit in one request.")
        parts.append(chunk)
    body = b"".join(parts)
    request.state.body = body  # the stream is empty now; whoever needs the body again finds it here
    return body
