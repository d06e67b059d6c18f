"""Runs a simulator: the provider on one port, its controls on another, both on one event loop."""

import asyncio
import ipaddress
import signal
from collections.abc import Coroutine, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from providers.simulators.kit.answers import ABORT
from providers.simulators.kit.store import Store

LOOPBACK = "127.0.0.1"
LONGEST_GOODBYE = 0.5


@dataclass(frozen=True)
class Listener:
    """An application and where it listens."""

    app: ASGIApp
    host: str
    port: int


class _Protocol(HttpToolsProtocol):
    """Lets the application close a connection without an answer, which ASGI has no word for."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {ABORT: self.transport.close}
        self.scope["extensions"] = extensions


class _Server(uvicorn.Server):
    """A server which leaves signals to `serve_pair`, since two of them share the process."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def check_control(host: str, token: str | None) -> None:
    """Refuse to open the controls to other machines without a token."""
    if not token and not _is_loopback(host):
        raise ValueError(f"the control API on {host} needs a token: give control_token, or listen on {LOOPBACK}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve_pair(store: Store, provider: Listener, control: Listener, jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run both sides and the jobs until SIGTERM or SIGINT, then close the store."""
    try:
        asyncio.run(_run([_server(provider), _server(control)], jobs))
    finally:
        store.close()


def _server(listener: Listener) -> _Server:
    # Some providers take the api key in every URL, so no URL may reach a log.
    config = uvicorn.Config(
        listener.app,
        host=listener.host,
        port=listener.port,
        http=_Protocol,
        log_level="warning",
        access_log=False,
        lifespan="off",
    )
    return _Server(config)


async def _run(servers: list[_Server], jobs: Sequence[Coroutine[Any, Any, None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = [asyncio.create_task(job) for job in jobs]
    serving = [asyncio.create_task(server.serve()) for server in servers]
    waiting = asyncio.create_task(stop.wait())
    ended, _ = await asyncio.wait([waiting, *work, *serving], return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.should_exit = server.force_exit = True
    for task in (waiting, *work):
        task.cancel()
    await asyncio.wait(serving, timeout=LONGEST_GOODBYE)
    for task in ended - {waiting}:
        task.result()
