"""What a process takes in at once: requests in work, bytes of bodies on their way, and how long a client may take.

A client that sends slowly, takes its answer slowly, or does nothing, costs one connection and for seconds only: while
the client is waited for, its request is not in work, so that however many wait, none keeps out a client that does not.
And one credential has so many requests open at most, whatever they wait for.
"""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Send

from api.errors import TooManyRequests

MOST_REQUESTS = 512  # in work at once: many times what the pools can serve within a request's patience
MOST_OF_ONE = 64  # requests of one credential that are not answered yet
MOST_UNREAD = 2048  # whose bodies are still coming; past it, the one that has been coming for longest is ended
MOST_BYTES = 64 * 1024 * 1024  # of bodies that are being read
BODY_SECONDS = 10.0  # for any body, and one more for each 100 kB that have come
BYTES_A_SECOND = 100_000


@dataclass
class Rooms:
    """What a process has open just now, and how much may be."""

    most_requests: int = MOST_REQUESTS
    most_unread: int = MOST_UNREAD
    most_bytes: int = MOST_BYTES
    requests: int = field(default=0, init=False)  # in work, which those are not that wait for their client
    bytes: int = field(default=0, init=False)
    of_one: Counter[str] = field(default_factory=Counter, init=False)
    unread: dict["Exchange", None] = field(default_factory=dict, init=False)  # what has been coming for longest first

    def has_place(self) -> bool:
        """Tell whether one more request may be worked at."""
        return self.requests < self.most_requests

    def begin_to_read(self, exchange: "Exchange") -> None:
        """Take note of a body that is not whole yet, and end the one that has been coming for longest if it must be."""
        if exchange not in self.unread and len(self.unread) >= self.most_unread:
            longest = next(iter(self.unread))
            del self.unread[longest]
            longest.end()
        self.unread[exchange] = None

    @contextmanager
    def waiting_for_the_client(self) -> Generator[None]:
        """Give the request's place in the work away for as long as there is nothing to do but to wait."""
        self.requests -= 1
        try:
            yield
        finally:
            self.requests += 1

    def leave(self, exchange: "Exchange") -> None:
        """Give back what an exchange used."""
        self.bytes -= exchange.size
        self.unread.pop(exchange, None)
        if exchange.subject is not None:
            self.of_one[exchange.subject] -= 1
            if not self.of_one[exchange.subject]:
                del self.of_one[exchange.subject]


class Exchange:
    """One request and its answer, as far as the client has sent the one and taken the other."""

    def __init__(self, rooms: Rooms, receive: Receive, send: Send) -> None:
        self._rooms, self._receive, self._send = rooms, receive, send
        self._began = asyncio.get_running_loop().time()
        self._is_whole = self._is_ended = False
        self._timeout: asyncio.Timeout | None = None
        self._received = 0
        self.size = 0  # bytes of the body that are kept
        self.subject: str | None = None

    def belong_to(self, subject: str) -> None:
        """Count this request as a credential's. Raises TooManyRequests where that has as many as it may."""
        if self._rooms.of_one[subject] >= MOST_OF_ONE:
            raise TooManyRequests(
                f"At most {MOST_OF_ONE} requests of one credential are open at a time; wait for answers first.",
                code="too_many_at_once",
                retry_after=1,
            )
        self._rooms.of_one[subject] += 1
        self.subject = subject

    async def send(self, message: Message) -> None:
        """Send a part of the answer, once the client has taken enough of what was sent before."""
        with self._rooms.waiting_for_the_client():
            await self._send(message)

    async def receive(self) -> Message:
        """Return the next part. Raises HTTPException 408 where it is overdue, 503 where there is no room for it."""
        if self._is_whole:  # a further call waits for the client to leave
            return await self._receive()
        message = await self._next_part()
        amount = len(message.get("body", b""))
        if self._rooms.bytes + amount > self._rooms.most_bytes:
            raise HTTPException(503)
        self._received += amount
        self.size += amount
        self._rooms.bytes += amount
        self._is_whole = not message.get("more_body", False)
        if self._is_whole:
            self._rooms.unread.pop(self, None)
        return message

    def pass_on(self) -> None:
        """Give back the room of what has been received so far: it is written down."""
        self._rooms.bytes -= self.size
        self.size = 0

    async def _next_part(self) -> Message:
        if self._is_ended:
            raise HTTPException(408)
        self._rooms.begin_to_read(self)
        try:
            with self._rooms.waiting_for_the_client():
                until = self._began + BODY_SECONDS + self._received / BYTES_A_SECOND
                async with asyncio.timeout_at(until) as self._timeout:
                    message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        finally:
            self._timeout = None
        if self._rooms.requests > self._rooms.most_requests:
            raise HTTPException(503)
        return message

    def end(self) -> None:
        """Wait for this body no longer: others need the room."""
        self._is_ended = True
        if self._timeout is not None:
            self._timeout.reschedule(asyncio.get_running_loop().time())
