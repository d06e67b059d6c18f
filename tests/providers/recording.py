"""Notes what a client does: the verbs that are used, the requests that go out and their answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from providers.base import ProviderClient

VERBS = frozenset(name for name in vars(ProviderClient) if not name.startswith("_") and name != "aclose")


class Noting:
    """Passes everything on to a client and notes the verbs."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.used.add(name)
        return getattr(self._client, name)


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
