"""What all accounts at a provider share: connections, and nothing else."""

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from providers.contract import Access
from providers.http import HttpClients, ProviderHttp
from tests.support.clients import CountingGate


class Server:
    """Sets a cookie with every answer, and notes what each request brought and over which connection."""

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.connections: set[Any] = set()
        self.hang_up = False  # end each connection after its answer, without having said so
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                server.seen.append({name.lower(): value for name, value in self.headers.items()})
                server.connections.add(self.client_address)
                self.send_response(200)
                self.send_header("set-cookie", "session=of-another-account; Path=/")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
                self.close_connection = server.hang_up

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
    access = Access(key, server.url, 5.0, CountingGate(), clients.of("smartlead"))
    return ProviderHttp(access, headers={"X-Key": key})


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


def test_a_connection_that_was_ended_meanwhile_loses_no_answer(server: Server) -> None:
    """Adding leads over a connection that is gone would leave everybody of the batch in doubt."""
    server.hang_up = True

    async def run() -> None:
        clients = HttpClients()
        for _ in range(5):
            await wire(clients, server, "one").send("POST", "/", body={})
            time.sleep(0.05)  # noqa: ASYNC251  # the loop learns nothing of the end before it sends again
        await clients.aclose()

    asyncio.run(run())
    assert len(server.seen) == len(server.connections) == 5
