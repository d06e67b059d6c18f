"""What a process takes in at once: requests in work, bytes of bodies on their way, and how long a body may take.

A client that sends slowly, or nothing, costs one connection and for seconds only. Nothing here depends on who it is.
"""

import asyncio
from typing import cast

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors import Unavailable
from api.http.error_answers import answer

log = structlog.stdlib.get_logger("outbound.api")
MOST_REQUESTS = 512  # in work at once: many times what the pools can serve within a request's patience
MOST_BYTES = 64 * 1024 * 1024  # of bodies that are being read
BODY_SECONDS = 10.0  # for any body, and one more for each 100 kB that have come
BYTES_A_SECOND = 100_000
HEADERS_SECONDS = 10.0


class Intake:
    """ASGI layer: refuses with 503 what does not fit any more, and ends bodies that come too slowly with 408."""

    def __init__(self, app: ASGIApp, *, most_requests: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self.requests = self.bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self.requests >= self._most_requests:
            log.warning("full", requests=self.requests)
            await answer(Unavailable("Too much to do right now; try again.", retry_after=2))(scope, receive, send)
            return
        body = _Body(self, receive)
        self.requests += 1
        try:
            await self._app(scope, body.receive, send)
        finally:
            self.requests -= 1
            self.bytes -= body.size

    def has_room(self, amount: int) -> bool:
        """Tell whether so many more bytes may be buffered."""
        return self.bytes + amount <= self._most_bytes


class _Body:
    """One request's body on its way."""

    def __init__(self, intake: Intake, receive: Receive) -> None:
        self._intake, self._receive = intake, receive
        self._began = asyncio.get_running_loop().time()
        self._is_whole = False
        self.size = 0

    async def receive(self) -> Message:
        """Return the next part. Raises HTTPException 408 where it is overdue, 503 where there is no room for it."""
        if self._is_whole:  # a further call waits for the client to leave
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._began + BODY_SECONDS + self.size / BYTES_A_SECOND):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        amount = len(message.get("body", b""))
        if not self._intake.has_room(amount):
            raise HTTPException(503)
        self.size += amount
        self._intake.bytes += amount
        self._is_whole = not message.get("more_body", False)
        return message


class PatientProtocol(HttpToolsProtocol):
    """The server's protocol, which ends a connection whose request line and headers do not come within ten seconds;
    uvicorn ends only those that are idle between two requests."""

    _headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._await_headers()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a request's headers."""
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._stop_waiting()
        self._headers_due = self.loop.call_later(HEADERS_SECONDS, self._end)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()
