"""The outermost layers of the server: they end clients that are too slow, and refuse what does not fit any more."""

import asyncio
from typing import ClassVar, cast

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors import Unavailable
from api.http.error_answers import answer
from api.http.rooms import Exchange, Rooms

log = structlog.stdlib.get_logger("outbound.api")
HEADERS_SECONDS = 10.0
TAKING_SECONDS = 60.0  # in which a client that is behind has to take something; sockets tell of it late
MOST_UNTAKEN = 64 * 1024 * 1024  # bytes of answers; past it, who has been behind for longest is ended


class Intake:
    """ASGI layer: refuses with 503 what does not fit any more, and ends bodies that come too slowly with 408."""

    def __init__(self, app: ASGIApp, **limits: int) -> None:
        self._app = app
        self.rooms = Rooms(**limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not self.rooms.has_place():
            log.warning("full", requests=self.rooms.requests)
            await answer(Unavailable("Too much to do right now; try again.", retry_after=2))(scope, receive, send)
            return
        scope["exchange"] = exchange = Exchange(self.rooms, receive, send)
        self.rooms.requests += 1
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            self.rooms.requests -= 1
            self.rooms.leave(exchange)


class PatientProtocol(HttpToolsProtocol):
    """The server's protocol, which ends a connection whose request line and headers do not come within ten seconds, and
    one whose answers are not taken; uvicorn ends only those that are idle between two requests."""

    _headers_due: asyncio.TimerHandle | None = None
    _taking_due: asyncio.TimerHandle | None = None
    _behind: ClassVar[dict["PatientProtocol", int]] = {}  # bytes not taken, who has been behind for longest first

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

    def pause_writing(self) -> None:
        """Begin to watch whether the client takes what has been sent."""
        super().pause_writing()
        left = self._behind[self] = self.transport.get_write_buffer_size()
        self._watch(left)
        while sum(self._behind.values()) > MOST_UNTAKEN:
            longest = next(iter(self._behind))
            del self._behind[longest]
            longest._end()

    def resume_writing(self) -> None:
        """Watch no more: enough was taken."""
        self._behind.pop(self, None)
        self._stop_watching()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        self._stop_watching()
        self._behind.pop(self, None)
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._stop_waiting()
        self._headers_due = self.loop.call_later(HEADERS_SECONDS, self._end)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _watch(self, left: int) -> None:
        self._stop_watching()
        self._taking_due = self.loop.call_later(TAKING_SECONDS, self._look, left)

    def _stop_watching(self) -> None:
        if self._taking_due is not None:
            self._taking_due.cancel()
            self._taking_due = None

    def _look(self, left: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now == left:
            self._end()
        else:
            self._watch(now)

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()
