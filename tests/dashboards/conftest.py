"""One engine with PostgREST for every test of this folder, and tenants with rows in every view."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.dev import dashboards
from tests.api.clients import closed_clients
from tests.dashboards.filling import Tenants, tenants_of
from tests.engine import Engine
from tests.support.summary import NEEDS

__all__ = ["closed_clients"]


@pytest.fixture(scope="session")
def engine(workplace: Path) -> Iterator[Engine]:
    """The whole engine with the PostgREST that dashboards read through. Tests share it: make an organization of your
    own."""
    try:
        dashboards.install()
    except dashboards.NotInstalledError:
        pytest.skip(f"for want of {NEEDS['postgrest']}")
    running = Engine.start(workplace / "dashboards", "--dashboards")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def tenants(engine: Engine) -> Tenants:
    """Two organizations: two companies in the first, one in the second."""
    return tenants_of(engine)
