"""Tenants of the running engine, whose clients are closed when a test ends."""

from collections.abc import Iterator

import pytest

from tests.engine import Company, Engine, Organization
from tests.jobs.moving import PROVIDERS, simulator
from tests.jobs.provider_state import no_autoplay


@pytest.fixture
def organization(engine: Engine) -> Iterator[Organization]:
    """A tenant of the shared engine."""
    made = engine.new_organization()
    yield made
    close(made)


@pytest.fixture
def company(organization: Organization) -> Company:
    """A company that can send."""
    return organization.connected_company()


@pytest.fixture
def quiet(engine: Engine) -> Iterator[None]:
    """Nothing happens at the provider by itself."""
    with no_autoplay(engine):
        yield


@pytest.fixture(scope="module")
def quiet_everywhere(engine: Engine) -> Iterator[None]:
    """Nothing happens at any provider by itself."""
    for provider in PROVIDERS:
        simulator(engine, provider, "PUT", "/settings", json={"autoplay": False})
    yield
    for provider in PROVIDERS:
        simulator(engine, provider, "PUT", "/settings", json={"autoplay": True})


def close(organization: Organization) -> None:
    """Close the clients of a tenant."""
    for client in (organization.api, *(company.api for company in organization.companies)):
        client.close()
