"""The providers beside their simulators as fixtures, and what several suites hold against them."""

import re
import traceback
from collections.abc import Iterator

import pytest

from providers.models import ProviderEvent
from tests.providers.conformance import HARNESSES, Harness
from tests.providers.smartlead.simulator_process import Receiver


@pytest.fixture(scope="module", params=HARNESSES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = HARNESSES[request.param](tmp_path_factory.mktemp(request.param) / "state.db")
    yield harness
    harness.sim.close()


@pytest.fixture
def it(shared: Harness) -> Iterator[Harness]:
    """A provider whose simulator has no faults and its usual settings."""
    yield shared
    shared.reset()


def telling_nothing(it: Harness, error: BaseException, *secrets: str) -> None:
    """Hold an error's words against what belongs in no log."""
    whole = "".join(traceback.format_exception(error))
    for secret in (it.key, *secrets):
        assert secret not in f"{error!s}{error!r}{error.args}"
        assert secret not in whole
    assert "?" not in str(error)
    assert "api_key" not in whole
    assert "@client.example" not in whole
    assert "linkedin.com/in/" not in whole


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taker = Receiver()
    yield taker
    taker.close()


def facts_of(it: Harness, receiver: Receiver) -> list[tuple[str, ProviderEvent]]:
    """Return what has arrived, with the body it was read from."""
    bodies = [headers["raw"] for headers in list(receiver.headers)]
    return [(body, event) for body in bodies for event in it.provider.parse_webhook(body.encode())]


def who(event: ProviderEvent) -> str:
    found = re.search(r"linkedin\.com/in/[^/?]+", event.linkedin_url or "")
    return found[0] if found else str(event.email)


def ids_in(body: str) -> set[str]:
    """Return every id in a body."""
    found = re.findall(r'"(?:[a-z_]*_ids?|ids?|[A-Za-z]+Id)": *"?(?!null)([^",}\]]{4,})', body)
    return set(found)
