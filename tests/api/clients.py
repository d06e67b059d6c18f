"""Closes, at the end of a test module, every HTTP client that its organizations and companies were given."""

from collections.abc import Iterator

import httpx
import pytest

from tests.engine import Engine


@pytest.fixture(scope="module", autouse=True)
def closed_clients() -> Iterator[None]:
    """Remember what the engine hands out: a client that is left to the collector is a warning, and so an error."""
    handed_out: list[httpx.Client] = []
    client = Engine.client

    def remembered(self: Engine, token: str | None = None) -> httpx.Client:
        handed_out.append(client(self, token))
        return handed_out[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "client", remembered)
        yield
    for opened in handed_out:
        opened.close()
