"""A provider that says what a test sets, without a network: what clients make of each answer is seen at once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

from providers.contract import Access, Gate, Provider, ProviderClient
from tests.support.clients import CountingGate

T = TypeVar("T")
KEY = "a-key-that-belongs-in-no-log"
BASE = "http://provider.example"


class Scripted:
    """Gives every request the same answer, but for `routes`, and remembers its requests.

    A route is named `/path` or `METHOD /path`, without the API's prefix; it has answers for one request after another,
    of which the last one stays.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.routes: dict[str, list[tuple[int, object]]] = {}
        self.received: list[httpx.Request] = []
        self.says(200)

    def says(self, status: int, body: bytes | object = b"", **headers: str) -> None:
        """Give this answer from now on."""
        self._answer: tuple[int, object] | Exception = (status, body)
        self._headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}

    def fails(self, error: Exception) -> None:
        """Have each request end like this, as it may on the way."""
        self._answer = error

    def paths(self) -> list[str]:
        """Return the requested paths, without the API's prefix."""
        return [request.url.raw_path.decode().removeprefix(self.prefix) for request in self.received]

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        path = request.url.path.removeprefix(self.prefix)
        said = self.routes.get(f"{request.method} {path}") or self.routes.get(path)
        answer = self._answer if not said else said.pop(0) if len(said) > 1 else said[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if said else self._headers
        return httpx.Response(status, content=content, headers=headers)

    def call(self, provider: Provider, action: Callable[[ProviderClient], Awaitable[T]], gate: Gate | None = None) -> T:
        """Run one action with a client of its own."""

        async def run() -> T:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.answer)) as http:
                return await action(provider.connect(Access(KEY, BASE, 5.0, gate or CountingGate(), http)))

        return asyncio.run(run())
