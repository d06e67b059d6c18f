"""The providers beside their simulators as fixtures, and what several suites check of them."""

import re
import traceback
from collections.abc import Callable, Iterator

import pytest

from providers.models import ProviderEvent
from tests.providers.conformance import HARNESSES, Harness
from tests.providers.conformance_verbs import verbs_of
from tests.support.simulator_process import Receiver


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Harness]]:
    """The providers beside their simulators, each started when it is first needed."""
    started = dict[str, Harness]()

    def of(name: str) -> Harness:
        if name not in started:
            started[name] = HARNESSES[name](tmp_path_factory.mktemp(name) / "state.db")
        return started[name]

    yield of
    for harness in started.values():
        harness.sim.close()


@pytest.fixture(params=HARNESSES)
def it(request: pytest.FixtureRequest, shared: Callable[[str], Harness]) -> Iterator[Harness]:
    """A provider whose simulator has no faults and its usual settings."""
    harness = shared(request.param)
    yield harness
    harness.reset()


def only(*names: str) -> pytest.MarkDecorator:
    """Have a test ask these providers alone: the others have no such thing."""
    assert names
    return pytest.mark.parametrize("it", names, indirect=True)


def each_verb(*verbs: str) -> pytest.MarkDecorator:
    """Have a test ask each provider for each of these verbs, but for what it has no notion of."""
    pairs = [(name, verb) for name in HARNESSES for verb in verbs_of(name) if verb in verbs]
    return pytest.mark.parametrize(("it", "verb"), pairs, indirect=["it"])


def telling_nothing(it: Harness, error: BaseException, *secrets: str) -> None:
    """Check an error's words for what belongs in no log."""
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
