"""Clients of providers for tests: one account, one action, closed afterwards."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from providers.contract import Access, Gate, Provider, ProviderClient
from providers.http import HttpClients
from tests.support.simulator_process import PATIENCE

T = TypeVar("T")


class CountingGate:
    """A gate that lets everything through and counts it."""

    def __init__(self) -> None:
        self.passed = 0

    async def __call__(self, spacing: float = 0.0) -> None:
        self.passed += 1


@asynccontextmanager
async def connected(
    provider: Provider,
    key: str,
    url: str,
    *,
    gate: Gate | None = None,
    timeout: float = PATIENCE,  # noqa: ASYNC109  # of each request
) -> AsyncGenerator[ProviderClient]:
    """Open a client of one account at `url`, with connections of its own."""
    clients = HttpClients()
    try:
        yield provider.connect(Access(key, url, timeout, gate or CountingGate(), clients.of(provider.key)))
    finally:
        await clients.aclose()


def call(
    provider: Provider,
    key: str,
    url: str,
    action: Callable[[ProviderClient], Awaitable[T]],
    *,
    gate: Gate | None = None,
    timeout: float = PATIENCE,
) -> T:
    """Run one action with a client of its own."""

    async def run() -> T:
        async with connected(provider, key, url, gate=gate, timeout=timeout) as client:
            return await action(client)

    return asyncio.run(run())
