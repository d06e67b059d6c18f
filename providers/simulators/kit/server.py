"""Runs a simulator: the provider on one port, its controls on another, both on one event loop."""

import asyncio
import ipaddress
import signal
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from providers.simulators.kit import options
from providers.simulators.kit.answers import ABORT
from providers.simulators.kit.options import Option
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


class Settings(TypedDict):
    """Where a simulator listens, where it keeps its state, whose keys it knows, and how it starts."""

    port: int
    control_port: int
    state_path: Path
    api_keys: Sequence[str]
    rate_limit: NotRequired[str]
    autoplay: NotRequired[bool]
    host: NotRequired[str]
    control_host: NotRequired[str]
    control_token: NotRequired[str | None]


@dataclass(frozen=True)
class Parts:
    """What a provider's simulator is made of, once its state is open."""

    provider: ASGIApp
    control: ASGIApp
    jobs: Sequence[Coroutine[Any, Any, None]]


def run(
    settings: Settings,
    opening: Callable[[Path], Store],
    known_options: Mapping[str, Option],
    build: Callable[[Store, Settings], Parts],
) -> None:
    """Run a simulator until SIGTERM or SIGINT; off loopback its controls need a token."""
    unknown = settings.keys() - Settings.__annotations__.keys()
    if unknown:
        raise TypeError(f"a simulator has no such setting: {', '.join(sorted(unknown))}")
    control_host = settings.get("control_host", LOOPBACK)
    check_control(control_host, settings.get("control_token"))
    store = opening(settings["state_path"])
    with store.transaction():
        options.change(store, known_options, {"autoplay": settings.get("autoplay", True)})
    parts = build(store, settings)
    serve_pair(
        store,
        Listener(parts.provider, settings.get("host", LOOPBACK), settings["port"]),
        Listener(parts.control, control_host, settings["control_port"]),
        parts.jobs,
    )


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
