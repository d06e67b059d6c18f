"""The rate limit: never more than it says in a minute, a share per process, and a true word on when to come again."""

import pytest

from api.http import rate_limits as limits
from api.http.rate_limits import RateLimiter


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "time", made)
    return made


def taken(limiter: RateLimiter, clock: Clock, seconds: float, each: float, name: str = "a") -> int:
    """Ask in even steps and count how often it was allowed."""
    count = 0
    for _ in range(round(seconds / each)):
        count += limiter.take(name).retry_after is None
        clock.now += each
    return count


@pytest.mark.parametrize("per_minute", [1, 6, 60, 600, 6000])
def test_a_burst_is_a_sixth_of_a_minute_and_a_minute_is_the_limit(per_minute: int, clock: Clock) -> None:
    limiter = RateLimiter(per_minute, 1)
    burst = max(1, per_minute // 6)
    assert [limiter.take("a").retry_after is None for _ in range(burst + 1)] == [True] * burst + [False]
    clock.now += 3600
    each = 60 / per_minute / 3
    assert per_minute - 1 <= taken(limiter, clock, 60, each) <= per_minute + burst


def test_processes_share_the_limit(clock: Clock) -> None:
    assert RateLimiter(600, 4).take("a").limit == 150
    assert RateLimiter(3, 8).take("a").limit == 1


def test_credentials_do_not_share_it(clock: Clock) -> None:
    limiter = RateLimiter(6, 1)
    assert limiter.take("a").retry_after is None
    assert limiter.take("a").retry_after is not None
    assert limiter.take("b").retry_after is None


def test_a_caller_that_waits_as_long_as_it_must_is_let_in(clock: Clock) -> None:
    limiter = RateLimiter(60, 1)
    while (standing := limiter.take("a")).retry_after is None:
        pass
    assert standing.retry_after == 1
    clock.now += standing.retry_after
    assert limiter.take("a").retry_after is None
    slow = RateLimiter(1, 1)
    assert slow.take("a").retry_after is None
    assert slow.take("a").retry_after == 60
    clock.now += 45
    assert slow.take("a").retry_after == 15


def test_the_headers_count_down_and_say_when_it_is_full_again(clock: Clock) -> None:
    limiter = RateLimiter(60, 1)
    answers = [limiter.take("a").headers() for _ in range(11)]
    assert [int(row["RateLimit-Remaining"]) for row in answers] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert [int(row["RateLimit-Reset"]) for row in answers] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
    assert {row["RateLimit-Limit"] for row in answers} == {"60"}
    clock.now += 10
    assert limiter.take("a").headers()["RateLimit-Remaining"] == "9"


def test_only_so_many_credentials_are_remembered(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 10)
    limiter = RateLimiter(6, 1)
    for number in range(25):
        limiter.take(str(number))
    assert len(limiter._buckets) == 10
    assert limiter.take("24").retry_after is not None
    assert limiter.take("0").retry_after is None
