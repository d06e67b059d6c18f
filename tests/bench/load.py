"""A lean load generator: hand-written HTTP/1.1 keep-alive on loopback, a fixed number of connections, for a while."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

HOST = "127.0.0.1"
LONGEST = 600.0


@dataclass
class Load:
    """What one run showed."""

    seconds: float
    answered: int = 0
    sizes: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    refusal: bytes = b""

    @property
    def per_second(self) -> float:
        """Good answers per second."""
        return self.statuses[200] / self.seconds

    @property
    def failed(self) -> int:
        """How many answers were not 200."""
        return self.answered - self.statuses[200]


class _Caller(asyncio.Protocol):
    """One connection: sends the next request as soon as the last is answered, until its time is up."""

    def __init__(self, load: Load, requests: Iterator[bytes], until: float, done: asyncio.Future[None]) -> None:
        self.load, self.requests, self.until, self.done = load, requests, until, done
        self.buffer = b""
        self.transport: asyncio.Transport | None = None
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class is not derived from asyncio's
        self._next()

    def _next(self) -> None:
        now = time.perf_counter()
        request = next(self.requests, None) if now < self.until else None
        assert self.transport is not None
        if request is None:
            self.transport.close()
            return
        self.sent = now
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        if not _complete(self.buffer):
            return
        load, answer, self.buffer = self.load, self.buffer, b""
        status = int(answer[9:12])
        load.answered += 1
        load.sizes += len(answer)
        load.statuses[status] += 1
        load.latencies.append(time.perf_counter() - self.sent)
        if status != 200 and not load.refusal:
            load.refusal = answer[:2000]
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _complete(answer: bytes) -> bool:
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = answer[:end].lower()
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        stop = head.find(b"\r\n", at + 2)
        length = int(head[at + 17 : stop if stop > 0 else end])
        return len(answer) >= end + 4 + length
    return answer.endswith(b"0\r\n\r\n") and (answer[-7:-5] == b"\r\n" or len(answer) == end + 9)


def run(port: int, requests: Sequence[Sequence[bytes]], seconds: float, *, again: bool = True) -> Load:
    """Send each connection's requests in turn for so many seconds, from the start again by default."""
    return uvloop.run(_run(port, requests, seconds, again))


async def _run(port: int, requests: Sequence[Sequence[bytes]], seconds: float, again: bool) -> Load:
    loop = asyncio.get_running_loop()
    load = Load(seconds)
    started = time.perf_counter()
    waits: list[asyncio.Future[None]] = []
    for queue in requests:
        done = loop.create_future()
        source = itertools.cycle(queue) if again else iter(queue)
        caller = _Caller(load, source, started + seconds, done)
        await loop.create_connection(lambda caller=caller: caller, HOST, port)
        waits.append(done)
    async with asyncio.timeout(min(seconds + 30, LONGEST)):
        await asyncio.gather(*waits)
    load.seconds = time.perf_counter() - started
    return load


def get(path: str, headers: dict[str, str]) -> bytes:
    """Return the bytes of one GET request."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n".encode()


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    """Return the bytes of one POST request."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
