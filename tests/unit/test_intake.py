"""A client that sends slowly, or nothing, or too much, costs a connection for seconds and nothing of other clients'."""

import asyncio
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import cast

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.server import ServerState

from api.errors import TooManyRequests
from api.http import intake, rooms
from api.http.error_answers import HANDLERS
from api.http.intake import Intake, PatientProtocol
from tests.engine import wait_for


@contextmanager
def served(**limits: int) -> Iterator[tuple[str, Intake]]:
    """Run an API of two addresses behind an intake of its own, over real sockets."""
    app = FastAPI()
    app.add_exception_handler(HTTPException, HANDLERS[HTTPException])
    release = threading.Event()

    @app.post("/body")
    async def body(request: Request) -> JSONResponse:
        return JSONResponse({"bytes": len(await request.body())})

    @app.post("/mine")
    async def mine(request: Request) -> JSONResponse:
        try:
            request.scope["exchange"].belong_to("a credential")
        except TooManyRequests as error:
            return JSONResponse({"code": error.code}, status_code=429)
        return JSONResponse({"bytes": len(await request.body())})

    @app.get("/much")
    async def much() -> Response:
        return Response(b"x" * 8_000_000)

    @app.get("/slow")
    async def slow() -> JSONResponse:
        await asyncio.to_thread(release.wait, 60)
        return JSONResponse({})

    layer = Intake(app, **limits)
    server = uvicorn.Server(uvicorn.Config(layer, http=PatientProtocol, log_config=None, lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_for("the server", lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", layer
    finally:
        release.set()
        server.should_exit = True
        thread.join(30)
        listener.close()


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60)


def trickle(parts: int, size: int, pause: float) -> Iterator[bytes]:
    """Send a body bit by bit."""
    for _ in range(parts):
        yield b"x" * size
        threading.Event().wait(pause)


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET /body HTTP/1.1\r\nHost: x\r\nX-More: "])
def test_a_connection_without_a_whole_head_is_ended(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(intake, "HEADERS_SECONDS", 0.2)
    with served() as (url, _), connect(url) as client:
        client.sendall(said)
        assert client.recv(100) == b""


def test_the_next_request_of_a_connection_needs_a_whole_head_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "HEADERS_SECONDS", 2.0)  # the first request is sent at once, however busy it is
    with served() as (url, _), connect(url) as client:
        client.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiPOST /body HTTP/1.1\r\nHo")
        heard = b""
        while part := client.recv(1000):
            heard += part
        assert heard.startswith(b"HTTP/1.1 200") and heard.endswith(b'{"bytes":2}')


def test_a_body_that_comes_too_slowly_is_a_408_and_one_that_comes_fast_enough_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooms, "BODY_SECONDS", 3.0)
    with served() as (url, layer):
        answer = httpx.post(f"{url}/body", content=trickle(40, 10, 0.2), timeout=60)
        assert (answer.status_code, answer.json()["code"], answer.headers["connection"]) == (
            408, "request_timeout", "close",
        )  # fmt: skip
        # Longer than three seconds in all, but each 100 kB earns a second.
        assert httpx.post(f"{url}/body", content=trickle(6, 300_000, 0.7), timeout=60).json() == {"bytes": 1_800_000}
        wait_for("no byte held", lambda: layer.rooms.bytes == layer.rooms.requests == 0)


def test_bodies_share_a_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(most_bytes=1_000_000) as (url, layer), connect(url) as holder:
        holder.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 800_000)
        wait_for("the first body", lambda: layer.rooms.bytes == 800_000)
        answer = httpx.post(f"{url}/body", content=b"x" * 300_000, timeout=60)
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (503, "2", "unavailable")
        assert httpx.post(f"{url}/body", content=b"x" * 100_000, timeout=60).status_code == 200
        holder.sendall(b"x" * 100_000)
        assert holder.recv(1000).startswith(b"HTTP/1.1 200")
        wait_for("room", lambda: layer.rooms.bytes == 0)


def test_what_does_not_fit_into_the_work_is_reported_at_once() -> None:
    with served(most_requests=3) as (url, layer):
        threads = [threading.Thread(target=httpx.get, args=(f"{url}/slow",), kwargs={"timeout": 60}) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_for("three in work", lambda: layer.rooms.requests == 3)
        answer = httpx.post(f"{url}/body", content=b"x", timeout=60)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    for thread in threads:
        thread.join(60)


@pytest.mark.parametrize("leave", [lambda s: s.close(), lambda s: s.shutdown(socket.SHUT_RDWR)])
def test_who_leaves_in_the_middle_gives_the_room_back(leave: Callable[[socket.socket], None]) -> None:
    with served() as (url, layer):
        client = connect(url)
        client.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 10_000)
        wait_for("a part", lambda: layer.rooms.bytes == 10_000)
        leave(client)
        client.close()
        wait_for("room", lambda: layer.rooms.bytes == layer.rooms.requests == 0)


BEGUN = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave time for bodies on a slow machine."""
    monkeypatch.setattr(rooms, "BODY_SECONDS", 600.0)


@contextmanager
def holding(url: str, count: int, path: bytes = b"/body") -> Iterator[list[socket.socket]]:
    """Begin requests and leave their bodies open."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(url)) for _ in range(count)]
        for client in clients:
            client.sendall(BEGUN % path)
        yield clients


@pytest.mark.usefixtures("patient")
def test_a_request_that_waits_for_its_client_takes_no_place() -> None:
    with served(most_requests=3) as (url, layer), holding(url, 30) as clients:
        wait_for("all of them", lambda: layer.rooms.bytes == 30)
        assert layer.rooms.requests == 0
        assert httpx.post(f"{url}/body", content=b"x", timeout=60).status_code == 200
        clients[0].sendall(b"x" * 999)
        assert clients[0].recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("patient")
def test_a_body_that_is_whole_when_there_is_no_place_is_refused() -> None:
    with served(most_requests=3) as (url, layer), holding(url, 1) as (client,):
        wait_for("its first byte", lambda: layer.rooms.bytes == 1)
        threads = [threading.Thread(target=httpx.get, args=(f"{url}/slow",), kwargs={"timeout": 60}) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_for("three in work", lambda: layer.rooms.requests == 3)
        client.sendall(b"x" * 999)
        assert client.recv(1000).startswith(b"HTTP/1.1 503")
    for thread in threads:
        thread.join(60)


@pytest.mark.usefixtures("patient")
def test_of_too_many_open_bodies_the_oldest_is_ended() -> None:
    with served(most_unread=5) as (url, layer), ExitStack() as stack:
        clients: list[socket.socket] = []
        for number in range(5):
            clients += stack.enter_context(holding(url, 1))
            wait_for("its first byte", lambda number=number: layer.rooms.bytes == number + 1)
        assert httpx.post(f"{url}/body", content=b"x", timeout=60).status_code == 200
        assert clients[0].recv(1000).startswith(b"HTTP/1.1 408")
        wait_for("the others alone", lambda: layer.rooms.bytes == 4)
        assert select.select(clients[1:], [], [], 0)[0] == []


@pytest.mark.usefixtures("patient")
def test_a_credential_has_so_many_requests_open_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST_OF_ONE", 4)
    with served() as (url, layer):
        with holding(url, 4, b"/mine"):
            wait_for("all of them", lambda: layer.rooms.bytes == 4)
            answer = httpx.post(f"{url}/mine", content=b"x", timeout=60)
            assert (answer.status_code, answer.json()) == (429, {"code": "too_many_at_once"})
            assert httpx.post(f"{url}/body", content=b"x", timeout=60).status_code == 200
        wait_for("nothing open", lambda: not layer.rooms.of_one)
        assert httpx.post(f"{url}/mine", content=b"x", timeout=60).status_code == 200


@contextmanager
def asking_for_much(url: str) -> Iterator[socket.socket]:
    """Ask for an answer that no socket holds."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(60)
        client.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        client.sendall(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        yield client


def taken(client: socket.socket) -> int:
    """Return how much of the answer still comes."""
    total = 0
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
    client.settimeout(5)
    with suppress(ConnectionResetError, TimeoutError):
        while part := client.recv(1_000_000):
            total += len(part)
    return total


def behind() -> list[PatientProtocol]:
    """Return whose answers are not taken, who has been behind for longest first."""
    return list(PatientProtocol._behind)


def test_who_does_not_take_an_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "TAKING_SECONDS", 1.0)
    with served() as (url, _), asking_for_much(url) as client:
        wait_for("an answer that is not taken", behind)
        wait_for("its end", lambda: not behind())
        assert taken(client) < 8_000_000


class SlowlyTaken:
    """A transport whose client takes so much in each while, as the server's own socket tells of it: late."""

    def __init__(self, left: list[int]) -> None:
        self.left = left
        self.was_ended = asyncio.Event()

    def get_write_buffer_size(self) -> int:
        """Return how much is left now."""
        return self.left.pop(0)

    def is_closing(self) -> bool:
        """Return whether it has been ended."""
        return self.was_ended.is_set()

    def abort(self) -> None:
        """End it."""
        self.was_ended.set()


def test_who_takes_an_answer_slowly_is_ended_when_nothing_more_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "TAKING_SECONDS", 0.01)
    config = uvicorn.Config(FastAPI(), log_config=None)
    config.load()

    async def take(client: SlowlyTaken) -> None:
        protocol = PatientProtocol(config, ServerState(), {})
        protocol.transport = cast("asyncio.Transport", client)
        protocol.flow = FlowControl(protocol.transport)
        protocol.pause_writing()
        await asyncio.wait_for(client.was_ended.wait(), 60)
        protocol.resume_writing()

    client = SlowlyTaken([900, 899, 200, 1, 1, 0])
    asyncio.run(take(client))
    assert client.left == [0]


def test_answers_that_are_not_taken_share_a_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MOST_UNTAKEN", 9_000_000)  # one of them and no two, whatever the socket holds
    with served() as (url, _), ExitStack() as stack:
        clients: list[socket.socket] = []
        seen: list[PatientProtocol] = []
        for _ in range(4):
            clients.append(stack.enter_context(asking_for_much(url)))
            wait_for("the next one", lambda: behind()[-1:] not in ([], seen[-1:]))
            seen.extend(behind()[-1:])
        assert behind() == seen[-1:]
        assert max(taken(client) for client in clients[:3]) < 8_000_000
        assert httpx.get(f"{url}/much", timeout=60).status_code == 200
