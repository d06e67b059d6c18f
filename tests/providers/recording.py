"""Notes what a client does: the verbs that are used, the requests that go out and their answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_type_hints

import httpx
import pytest

from providers.contract import ProviderClient

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
