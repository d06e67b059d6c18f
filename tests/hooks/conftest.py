"""Two companies of one organization, each with a running campaign at a provider that stands still."""

from collections.abc import Iterator

import pytest

from tests.api.answers import without_autoplay
from tests.api.clients import closed_clients
from tests.engine import Engine
from tests.hooks.stories import Scene, build

__all__ = ["closed_clients"]


@pytest.fixture(scope="module")
def scenes(engine: Engine) -> Iterator[tuple[Scene, Scene]]:
    """Return both companies' scenes; every test takes people that no other took."""
    organization = engine.new_organization()
    with without_autoplay(engine):
        yield build(engine, organization, "A"), build(engine, organization, "B")
