"""Tenants of the running engine, whose clients are closed when a test ends."""

from collections.abc import Iterator

import pytest

from tests.engine import Company, Engine, Organization
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


def close(organization: Organization) -> None:
    """Close the clients of a tenant."""
    for client in (organization.api, *(company.api for company in organization.companies)):
        client.close()
