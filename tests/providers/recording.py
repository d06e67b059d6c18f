"""Notes what a client does: the verbs that are used, the requests that go out and their answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, get_type_hints

import httpx
import pytest

from providers.contract import ProviderClient
from tests.support.simulator_process import PATIENCE

PARTS = get_type_hints(ProviderClient)
VERBS = frozenset(f"{part}.{name}" for part, kind in PARTS.items() for name in vars(kind) if not name.startswith("_"))


class Noting:
    """Passes everything on to a client's parts and notes the verbs, as `leads.add`."""

    def __init__(self, client: Any, part: str = "", used: set[str] | None = None) -> None:
        self._client, self._part = client, part
        self.used: set[str] = set() if used is None else used

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not self._part:
            return Noting(found, name, self.used)
        self.used.add(f"{self._part}.{name}")
        return found


@contextmanager
def exchanges() -> Iterator[list[httpx.Response]]:
    """Note every answer that an asynchronous client gets, with the request that it answers."""
    answers: list[httpx.Response] = []
    original = httpx.AsyncClient.send

    async def noting(self: httpx.AsyncClient, request: httpx.Request, **how: Any) -> httpx.Response:
        answer = await original(self, request, **how)
        answers.append(answer)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.AsyncClient, "send", noting)
        yield answers


@contextmanager
def late(number: int) -> Iterator[list[httpx.Request]]:
    """Keep the request of this number back, and have its sender give its answer up."""
    kept: list[httpx.Request] = []
    seen = count(1)
    original = httpx.AsyncHTTPTransport.handle_async_request

    async def waiting(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        if next(seen) != number:
            return await original(self, request)
        kept.append(request)
        raise httpx.ReadTimeout("given up")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", waiting)
        yield kept


def deliver(request: httpx.Request) -> None:
    """Let a request that was kept back arrive at last."""
    with httpx.Client(timeout=PATIENCE) as client:
        client.send(httpx.Request(request.method, request.url, headers=request.headers, content=request.content))
