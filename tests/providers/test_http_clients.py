"""What all accounts at a provider share: connections, and nothing else."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from providers.contract import Access
from providers.errors import Passing, Refused, Uncertain
from providers.http import HttpClients, ProviderHttp
from tests.support.clients import CountingGate
from tests.support.ports import free_port


class Server:
    """Sets a cookie with every answer, and notes what each request brought and over which connection."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.connections: set[Any] = set()
        self.ended = threading.Semaphore(0)  # one for each connection that the server has ended
        self.status, self.length = 200, "2"
        self.hang_up = False  # end each connection after its answer, without having said so
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                server.seen.append({name.lower(): value for name, value in self.headers.items()})
                server.connections.add(self.client_address)
                self.send_response(server.status)
                self.send_header("set-cookie", "session=of-another-account; Path=/")
                self.send_header("content-type", "application/json")
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", server.length)
                self.end_headers()
                self.wfile.write(b"{}")
                self.close_connection = server.hang_up or server.length != "2"

            def finish(self) -> None:
                super().finish()
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                server.ended.release()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def wire(clients: HttpClients, server: Server, key: str) -> ProviderHttp:
    access = Access(key, server.url, 60.0, CountingGate(), clients.of("smartlead"))
    return ProviderHttp(access, headers={"X-Key": key})


def send(server: Server) -> None:
    """Send one request with a client of its own."""

    async def run() -> None:
        clients = HttpClients()
        try:
            await wire(clients, server, "one").send("POST", "/", body={})
        finally:
            await clients.aclose()

    asyncio.run(run())


def test_two_accounts_share_a_connection_and_no_cookie_or_key(server: Server) -> None:
    async def run() -> None:
        clients = HttpClients()
        for key in ("one", "two", "one"):
            await wire(clients, server, key).send("POST", "/", body={})
        await clients.aclose()

    asyncio.run(run())
    assert len(server.connections) == 1
    assert [seen["x-key"] for seen in server.seen] == ["one", "two", "one"]
    assert not any("cookie" in seen for seen in server.seen)


def test_each_provider_has_one_client_and_all_have_one_tls_context() -> None:
    clients, others = HttpClients(), HttpClients()
    assert clients.of("smartlead") is clients.of("smartlead")
    assert clients.of("smartlead") is not clients.of("heyreach")
    contexts = {
        client._transport._pool._ssl_context  # httpx shows it nowhere else
        for client in (clients.of("smartlead"), clients.of("heyreach"), others.of("smartlead"))
    }
    assert len(contexts) == 1


def test_idle_connections_are_given_up_before_the_other_side_does(server: Server) -> None:
    pool = HttpClients().of("smartlead")._transport._pool
    assert 0 < pool._keepalive_expiry < 5  # seconds that the most impatient servers wait


def test_a_client_that_is_needed_after_closing_is_a_fresh_one(server: Server) -> None:
    async def run() -> None:
        clients = HttpClients()
        for _ in range(2):
            await wire(clients, server, "one").send("POST", "/", body={})
            await clients.aclose()

    asyncio.run(run())
    assert len(server.seen) == 2


def test_every_request_says_who_asks_and_for_what(server: Server) -> None:
    send(server)
    (seen,) = server.seen
    assert (seen["user-agent"], seen["accept"]) == ("outbound-engine/1.0", "application/json")


def test_no_person_is_followed_elsewhere(server: Server) -> None:
    server.status = 302
    with pytest.raises(Refused):
        send(server)
    assert len(server.seen) == 1


def test_proxies_of_the_environment_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    send(server)
    assert len(server.seen) == 1


def test_a_server_that_is_not_there_had_no_effect(server: Server) -> None:
    server.url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Passing):
        send(server)


def test_an_answer_that_breaks_off_leaves_it_open(server: Server) -> None:
    server.length = "12"
    with pytest.raises(Uncertain):
        send(server)


def test_a_connection_that_was_ended_meanwhile_loses_no_answer(server: Server) -> None:
    """Adding leads over a connection that is gone would leave every lead of the batch uncertain."""
    server.hang_up = True

    async def run() -> None:
        clients = HttpClients()
        for _ in range(5):
            await wire(clients, server, "one").send("POST", "/", body={})
            server.ended.acquire()  # the loop learns nothing of the end before it sends again
        await clients.aclose()

    asyncio.run(run())
    assert len(server.seen) == len(server.connections) == 5
