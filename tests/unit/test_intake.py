"""A client that sends slowly, or nothing, or too much, costs a connection for seconds and nothing of other clients'."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.http import intake
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
    monkeypatch.setattr(intake, "BODY_SECONDS", 3.0)
    with served() as (url, layer):
        answer = httpx.post(f"{url}/body", content=trickle(40, 10, 0.2), timeout=60)
        assert (answer.status_code, answer.json()["code"], answer.headers["connection"]) == (
            408, "request_timeout", "close",
        )  # fmt: skip
        # Longer than three seconds in all, but each 100 kB earns a second.
        assert httpx.post(f"{url}/body", content=trickle(6, 300_000, 0.7), timeout=60).json() == {"bytes": 1_800_000}
        wait_for("no byte held", lambda: layer.bytes == layer.requests == 0)


def test_bodies_share_a_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(most_bytes=1_000_000) as (url, layer), connect(url) as holder:
        holder.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 800_000)
        wait_for("the first body", lambda: layer.bytes == 800_000)
        answer = httpx.post(f"{url}/body", content=b"x" * 300_000, timeout=60)
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (503, "2", "unavailable")
        assert httpx.post(f"{url}/body", content=b"x" * 100_000, timeout=60).status_code == 200
        holder.sendall(b"x" * 100_000)
        assert holder.recv(1000).startswith(b"HTTP/1.1 200")
        wait_for("room", lambda: layer.bytes == 0)


def test_what_does_not_fit_into_the_work_is_reported_at_once() -> None:
    with served(most_requests=3) as (url, layer):
        threads = [threading.Thread(target=httpx.get, args=(f"{url}/slow",), kwargs={"timeout": 60}) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_for("three in work", lambda: layer.requests == 3)
        answer = httpx.post(f"{url}/body", content=b"x", timeout=60)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    for thread in threads:
        thread.join(60)


@pytest.mark.parametrize("leave", [lambda s: s.close(), lambda s: s.shutdown(socket.SHUT_RDWR)])
def test_who_leaves_in_the_middle_gives_the_room_back(leave: Callable[[socket.socket], None]) -> None:
    with served() as (url, layer):
        client = connect(url)
        client.sendall(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + b"x" * 10_000)
        wait_for("a part", lambda: layer.bytes == 10_000)
        leave(client)
        client.close()
        wait_for("room", lambda: layer.bytes == layer.requests == 0)
