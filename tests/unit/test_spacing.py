"""An account's requests are spaced so that no window of its budget holds more than its limit."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.settings import ProviderSettings, Settings, request_spacing
from providers.models import Limits


def profile_of(per_minute: int, burst: int = 0, seconds: float = 2.0) -> Limits:
    """Return the limits of one account where this is set."""
    given = ProviderSettings(requests_per_minute=per_minute, requests_per_burst=burst, burst_seconds=seconds)
    return Settings.model_construct(providers={"smartlead": given}).limits("smartlead")


def most_in(seconds: float, profile: Limits) -> int:
    """Return how many requests a window holds at most, when all that can be caught up on is."""
    interval, late = request_spacing(profile)
    return 1 + math.floor((seconds + late) / interval + 1e-9)


@given(st.integers(10, 20_000), st.integers(0, 200), st.floats(0.1, 10))
def test_no_window_holds_more_than_its_limit(per_minute: int, burst: int, seconds: float) -> None:
    profile = profile_of(per_minute, burst, seconds)
    assert most_in(60, profile) <= per_minute
    evenly = 1 + math.floor(seconds * per_minute / 60)
    assert not burst or most_in(seconds, profile) <= max(burst, evenly)


@pytest.mark.parametrize(("per_minute", "burst"), [(60, 10), (600, 0), (6000, 0), (300, 10)])
def test_nearly_all_of_a_minute_can_be_used(per_minute: int, burst: int) -> None:
    interval, _ = request_spacing(profile_of(per_minute, burst))
    assert 60 / interval >= 0.95 * per_minute
