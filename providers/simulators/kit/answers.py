"""Answers that any simulator gives: a refusal, none at all, half of one, and a long one in pieces."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from providers.simulators.kit.store import Object

ABORT = "simulator.abort"


class RefusedError(Exception):
    """The provider refuses; nothing is changed."""

    def __init__(self, status: int, body: Object | None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class Vanished(Response):
    """No answer at all: the connection is closed without a byte."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection and wait until the server has seen it."""
        del send
        scope["extensions"][ABORT]()
        while (await receive())["type"] != "http.disconnect":
            pass


def truncated(response: Response) -> Response:
    """Return a 200 with the first half of an answer."""
    whole = b"" if isinstance(response, StreamingResponse) else bytes(response.body)
    cut = whole[: len(whole) // 2] if len(whole) > 2 else b'{"o'
    return Response(cut, status_code=200, media_type="application/json")


def stream(pieces: Iterator[str], media_type: str) -> Response:
    """Return a long answer piece by piece, letting other requests in between."""
    return StreamingResponse(_in_turns(pieces), media_type=media_type)


async def _in_turns(pieces: Iterator[str]) -> AsyncIterator[str]:
    # An async iterator stays on the event loop's thread, the only one that may use the state file.
    while chunk := "".join(itertools.islice(pieces, 500)):
        yield chunk
        await asyncio.sleep(0)
