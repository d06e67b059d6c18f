"""Proof that a noisy neighbour takes nothing from others: one company sends the costliest that is allowed, strangers
keep connections open by the thousand, and another company's requests are timed meanwhile.

The noise is a ladder of texts in every field of every write, and clients that send or read slowly, in six ways. Both
come from processes of their own that yield to the engine's, as if they were on other machines. Quiet and noise
alternate, so that what the machine does beside counts for both.
"""

import asyncio
import itertools
import json
import multiprocessing
import os
import secrets
import shutil
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.bench.ground import resident_mebibytes
from tests.engine import Company, Engine, addresses, draft
from tests.prove.http.asks import Ask, base, operations
from tests.prove.http.ground import Side, mark, side

SIGNS = ("{", "<", '"', "'", ",", "\n", "&", "%", "#", "(", "@", "e\u0301")
RUNGS = (1_000, 10_000, 100_000, 1_000_000)
SENDING = 2  # connections on which the ladder is climbed at once
STEPS_PER_SECOND = 40  # on each of them: nearly all that one credential may send
PER_SECOND = 25  # of the company that is timed
Sent = tuple[str, str, str, dict[str, str], Any]  # a token, a method, an address, its query and a body
AT_MOST, MEMORY = 2.0, 300.0
PACE = 0.7  # seconds between two bytes of a slow client


@dataclass(frozen=True)
class Size:
    """How long, how often and how many."""

    seconds: float
    rounds: int
    clients: int


SIZES = {"small": Size(6.0, 1, 700), "full": Size(40.0, 3, 1000)}


@dataclass
class Measured:
    """What the company that is timed saw, and what the noise was."""

    quiet: list[float] = field(default_factory=list)  # each round's 99th percentile, in milliseconds
    noisy: list[float] = field(default_factory=list)
    refused: int = 0  # of the timed company's requests, which all must succeed
    memory: float = 0.0  # MiB, the most that the API used
    noise: Counter[str] = field(default_factory=Counter)

    @property
    def ratio(self) -> float:
        """How much longer the slowest hundredth takes beside the noise."""
        return statistics.median(self.noisy) / statistics.median(self.quiet)

    @property
    def proven(self) -> bool:
        """Whether the neighbour was hardly felt, and the noise was one."""
        return self.is_bounded and self.ratio < AT_MOST

    @property
    def is_bounded(self) -> bool:
        """Whether every request was served within the memory, however fast, and the noise was one."""
        loud = all(self.noise[name] > 0 for name in ("2xx", "4xx", "connections"))
        return loud and self.noise["5xx"] == 0 and self.memory < MEMORY and not self.refused

    def text(self) -> str:
        """Return a few lines of figures."""
        rounds = ", ".join(f"{quiet:.1f} -> {noisy:.1f}" for quiet, noisy in zip(self.quiet, self.noisy, strict=True))
        noise = ", ".join(f"{count} {name}" for name, count in sorted(self.noise.items()))
        return (
            f"p99 in ms: {rounds}, median ratio {self.ratio:.2f}; {self.refused} refused; the API used at most "
            f"{self.memory:.0f} MiB; noise: {noise}"
        )


def prove(size: Size) -> Measured:
    """Time one company's requests with and without noise."""
    measured = Measured()
    with _engine() as engine:
        timed = _timed_company(engine)
        noisy = side(engine.new_organization(), mark())
        _add_many(noisy)
        asks = list(_ladder(noisy))
        pid = int(engine.dev["pids"]["api"])
        _time(timed, 3.0, measured, pid)  # warm
        measured.refused, measured.memory = 0, 0.0
        for _ in range(size.rounds):
            measured.quiet.append(_time(timed, size.seconds, measured, pid))
            with _noise(engine, noisy, asks, size.clients, measured):
                measured.noisy.append(_time(timed, size.seconds, measured, pid))
    return measured


@contextmanager
def _engine() -> Iterator[Engine]:
    folder = Path(tempfile.mkdtemp(prefix="outbound-neighbour-"))
    folder.chmod(0o755)
    engine = Engine.start(folder / "home")
    try:
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


# The company that is timed -----------------------------------------------------------------------------------------


def _timed_company(engine: Engine) -> Company:
    company = engine.new_organization().connected_company("Timed")
    draft(company, leads=500)
    return company


def _time(company: Company, seconds: float, measured: Measured, pid: int) -> float:
    """Send requests at a steady pace and return the 99th percentile of how long they took, in milliseconds.

    A request's time begins when it was due: one that waits behind a slow one is late as well.
    """
    people = company.api.get("/v1/leads").raise_for_status().json()["data"]
    took: list[float] = []
    began = time.perf_counter()
    for number in range(int(seconds * PER_SECOND)):
        due = began + number / PER_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        due = max(due, time.perf_counter() - 5.0)
        answer = _one_of_its_requests(company.api, number, people)
        took.append((time.perf_counter() - due) * 1000)
        measured.refused += answer.status_code >= 400
        if number % PER_SECOND == 0:
            measured.memory = max(measured.memory, resident_mebibytes(pid))
    return statistics.quantiles(took, n=100)[98]


def _one_of_its_requests(api: httpx.Client, number: int, people: list[dict[str, Any]]) -> httpx.Response:
    kind = number % 4
    if kind == 0:
        return api.get("/v1/leads", params={"limit": 50})
    if kind == 1:
        return api.get("/v1/campaigns")
    if kind == 2:
        return api.post("/v1/suppressions", json={"email": addresses(1)[0]})
    return api.get(f"/v1/leads/{people[number % len(people)]['id']}")


# The ladder --------------------------------------------------------------------------------------------------------


def _ladder(noisy: Side) -> Iterator[tuple[str, Ask]]:
    """Yield every write of a company and its organization, with a token to send it by."""
    for operation in operations():
        if operation.takes_body and operation.path.startswith(("/v1/", "/partner/v1/")):
            tier = "company" if operation.path.startswith("/v1/") else "org"
            token = noisy.company.token if tier == "company" else noisy.org.token
            yield token, base(operation, noisy, tier, noisy)


def _add_many(noisy: Side) -> None:
    """Give a company people enough for an answer of more than a socket holds."""
    rows = [{"email": email, "custom": {"note": "x" * 4_000}} for email in addresses(200)]
    path = f"/v1/campaigns/{noisy.ids['campaign_id']}/leads"
    noisy.company.api.post(path, json={"leads": rows}).raise_for_status()


def _leaves(part: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where the texts of a body stand."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _leaves(value, (*at, name))
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from _leaves(value, (*at, number))
    elif isinstance(part, str):
        yield at


def _with(part: Any, at: tuple[str | int, ...], text: str) -> Any:
    if not at:
        return text
    copy = dict(part) if isinstance(part, dict) else list(part)
    copy[at[0]] = _with(part[at[0]], at[1:], text)
    return copy


def _steps(asks: list[Sent], part: int) -> Iterator[tuple[Sent, bytes]]:
    """Yield longer and longer texts of every sign in every field, without an end."""
    for sign, size in itertools.cycle(itertools.product(SIGNS, RUNGS)):
        text = (sign * size)[:size]
        for ask in asks[part::SENDING]:
            for leaf in _leaves(ask[4]):
                yield ask, json.dumps(_with(ask[4], leaf, text), ensure_ascii=False).encode()


@dataclass
class Signals:
    """What the processes of the noise share with the one that measures."""

    ready: Any  # a barrier: all of them stand
    ended: Any  # an event
    seen: Any  # a queue: what each has counted

    def begin(self) -> Counter[str]:
        """Wait for the others, and let them have the processor first from then on, as if they were elsewhere."""
        os.nice(10)
        self.ready.wait()
        return Counter()


def _climb(url: str, asks: list[Sent], part: int, signals: Signals) -> None:
    """Climb the ladder until it is ended, and count what was answered."""
    seen = signals.begin()
    with httpx.Client(base_url=url, timeout=60) as client:
        for (token, method, path, params, _), content in _steps(asks, part):
            if signals.ended.wait(1 / STEPS_PER_SECOND):
                break
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            with suppress(httpx.TransportError):
                answer = client.request(method, path, params=params, content=content, headers=headers)
                seen["429" if answer.status_code == 429 else f"{answer.status_code // 100}xx"] += 1
                if answer.status_code >= 500:
                    seen[f"{answer.status_code} {method} {path}"] += 1
    signals.seen.put(seen)


# Slow clients ------------------------------------------------------------------------------------------------------


def _open_slowly(host: str, port: int, token: str, clients: int, signals: Signals) -> None:
    """Keep so many slow connections open, and open another for each that is ended."""
    seen = signals.begin()

    async def open_all() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_slow(host, port, token, number, seen)) for number in range(clients)]
            await asyncio.to_thread(signals.ended.wait)
            for task in tasks:
                task.cancel()

    asyncio.run(open_all())
    signals.seen.put(seen)


async def _slow(host: str, port: int, token: str, number: int, seen: Counter[str]) -> None:
    await asyncio.sleep(number % 500 / 100)
    while True:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that an answer does not fit in it
        connection.setblocking(False)
        with suppress(OSError):
            await asyncio.get_running_loop().sock_connect(connection, (host, port))
            reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
            seen["connections"] += 1
            kind = number % 6
            try:
                await _one_slow_client(reader, writer, token, kind)
            finally:
                seen[f"ended {kind}"] += 1
                writer.close()
        await asyncio.sleep(PACE)


async def _one_slow_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, kind: int) -> None:
    """Behave slowly in one of six ways until the server has enough of it."""
    mine = f"Host: outbound\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    made_up = f"/hooks/{secrets.token_urlsafe(32)}"
    begun = {
        0: "",  # says nothing
        1: "GET /v1/leads HTTP/1.1\r\nHost: outbound\r\nX-Slow: ",  # never ends its headers
        2: f"POST /v1/suppressions HTTP/1.1\r\n{mine}Content-Length: 1000000\r\n\r\n",  # byte by byte
        3: f"POST /v1/suppressions/bulk HTTP/1.1\r\n{mine}Content-Length: 10000000\r\n\r\n",  # 64 kB at a time
        4: f"POST {made_up} HTTP/1.1\r\nHost: outbound\r\nContent-Length: 1000000\r\n\r\n",  # no caller's webhook
        5: f"GET /v1/leads?limit=200 HTTP/1.1\r\n{mine}\r\n" * 2,  # asks for much and does not take it
    }[kind]
    part = b" " * 65_536 if kind == 3 else b"a"
    writer.write(begun.encode())
    while not reader.at_eof():
        await writer.drain()
        await asyncio.sleep(PACE)
        if kind in (1, 2, 3, 4):
            writer.write(part)
        if kind != 5:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):  # unlike wait_for, it loses no cancellation
                    await reader.read(1024)


@contextmanager
def _noise(
    engine: Engine, noisy: Side, asks: list[tuple[str, Ask]], clients: int, measured: Measured
) -> Iterator[None]:
    """Let the noise begin, and take down what it was when it ends."""
    context = multiprocessing.get_context("spawn")
    signals = Signals(context.Barrier(SENDING + 2), context.Event(), context.Queue())
    url = httpx.URL(engine.api_url)
    plain = [(token, ask.operation.method, ask.url, ask.params, ask.body) for token, ask in asks]
    processes = [context.Process(target=_climb, args=(engine.api_url, plain, part, signals)) for part in range(SENDING)]
    slow = (url.host, url.port, noisy.company.token, clients, signals)
    processes.append(context.Process(target=_open_slowly, args=slow))
    with ExitStack() as stack:
        for process in processes:
            process.start()
            stack.callback(process.join)
        stack.callback(lambda: [measured.noise.update(signals.seen.get()) for _ in processes])
        stack.callback(signals.ended.set)
        signals.ready.wait()
        time.sleep(6.0)  # until all of it is there
        yield


def main(size: str, seed: int) -> bool:
    """Measure and say what came out; return whether it was as it must be."""
    print(f"neighbour: size {size}")
    measured = prove(SIZES[size])
    print(f"neighbour: {measured.text()}")
    return measured.proven
