"""Runs the simulator: the provider on one port, its controls on another, both on one event loop."""

import asyncio
import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from providers.simulators.smartlead.app import ABORT, Provider
from providers.simulators.smartlead.control import Control
from providers.simulators.smartlead.limiter import Limiter
from providers.simulators.smartlead.mailboxes import open_account
from providers.simulators.smartlead.outbox import Courier
from providers.simulators.smartlead.player import Player
from providers.simulators.smartlead.publishing import options
from providers.simulators.smartlead.state import Store

LOOPBACK = "127.0.0.1"
LONGEST_GOODBYE = 0.5


class _Protocol(HttpToolsProtocol):
    """Lets the application close a connection without an answer, which ASGI has no word for."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {ABORT: self.transport.close}
        self.scope["extensions"] = extensions


class _Server(uvicorn.Server):
    """A server which leaves signals to `serve`, since two of them share the process."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def serve(
    *,
    port: int,
    control_port: int,
    state_path: Path,
    api_keys: Sequence[str],
    rate_limit: str = "60/60",
    autoplay: bool = True,
    host: str = LOOPBACK,
) -> None:
    """Run the simulator until SIGTERM or SIGINT."""
    store = Store(state_path)
    with store.transaction():
        accounts = {api_key: open_account(store, api_key) for api_key in api_keys}
        store.put_setting("options", {**options(store), "autoplay": autoplay})
    provider = Provider(store, accounts, Limiter(rate_limit))
    servers = [
        _server(provider.app(), host, port),
        _server(Control(store).app(), LOOPBACK, control_port),
    ]
    try:
        asyncio.run(_run(store, servers))
    finally:
        store.close()


def _server(app: Any, host: str, port: int) -> _Server:
    # The api key travels in every URL, so no URL may reach a log.
    config = uvicorn.Config(
        app, host=host, port=port, http=_Protocol, log_level="warning", access_log=False, lifespan="off"
    )
    return _Server(config)


async def _run(store: Store, servers: list[_Server]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    work = [asyncio.create_task(job) for job in (Player(store).run(), Courier(store).run())]
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
