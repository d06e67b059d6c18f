"""The rate limit: never more than it says, over all processes, and a true word on when to come again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg
import pytest

from api.http import rate_limits as limits
from api.http.rate_limits import Granted, RateLimiter, Wanted


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Buckets:
    """The buckets of all processes under a clock of the test; `tests/database/test_request_buckets.py` has the real."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tokens: dict[str, tuple[float, float]] = {}
        self.rounds = 0

    async def fetch(self, wanted: Mapping[str, Wanted], capacity: float, rate: float) -> Mapping[str, Granted]:
        self.rounds += 1
        await asyncio.sleep(0)
        return {name: self._take(name, each, capacity, rate) for name, each in wanted.items()}

    def _take(self, name: str, wanted: Wanted, capacity: float, rate: float) -> Granted:
        tokens, at = self.tokens.get(name, (capacity, self.clock.now))
        tokens = min(capacity, tokens + (self.clock.now - at) * rate) - wanted.used
        amount = min(wanted.block, int(max(tokens, 0)))
        self.tokens[name] = (tokens - amount, self.clock.now)
        return Granted(amount, tokens - amount)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(limits, "time", made)
    monkeypatch.setattr(limits, "GATHER_SECONDS", 0)
    return made


@pytest.fixture
def buckets(clock: Clock) -> Buckets:
    return Buckets(clock)


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    async def inside() -> Any:
        return await work()

    return asyncio.run(inside())


async def taken(limiter: RateLimiter, clock: Clock, seconds: float, each: float, name: str = "a") -> int:
    """Ask in even steps and count how often it was allowed."""
    count = 0
    for _ in range(round(seconds / each)):
        count += (await limiter.take(name)).retry_after is None
        await asyncio.sleep(0)
        clock.now += each
    return count


@pytest.mark.parametrize("per_minute", [1, 6, 60, 600, 6000])
def test_a_burst_is_a_sixth_of_a_minute_and_a_minute_is_the_limit(
    per_minute: int, clock: Clock, buckets: Buckets
) -> None:
    burst = max(1, per_minute // 6)

    async def work() -> None:
        limiter = RateLimiter(per_minute, buckets.fetch)
        allowed = [(await limiter.take("a")).retry_after is None for _ in range(burst + 1)]
        assert allowed == [True] * burst + [False]
        clock.now += 3600
        count = await taken(limiter, clock, 60, 60 / per_minute / 3)
        assert per_minute - 1 <= count <= per_minute + burst + burst // 20 + 1

    run(work)


def test_processes_share_the_limit(clock: Clock, buckets: Buckets) -> None:
    """However a caller spreads its requests, all processes together allow the limit and a part of a burst more."""

    async def work() -> None:
        processes = [RateLimiter(600, buckets.fetch) for _ in range(4)]
        at_once = sum([(await processes[n % 4].take("a")).retry_after is None for n in range(400)])
        assert 100 <= at_once <= 100 + 4 * 3
        uneven = 0
        for number in range(1800):
            uneven += (await processes[0 if number % 10 else number // 10 % 4].take("a")).retry_after is None
            clock.now += 60 / 1800
        assert 570 <= uneven <= 620
        assert (await processes[2].take("b")).limit == 600

    run(work)


def test_most_requests_wait_for_nothing(clock: Clock, buckets: Buckets) -> None:
    async def work() -> None:
        limiter = RateLimiter(6000, buckets.fetch)
        first = asyncio.ensure_future(limiter.take("a"))
        await asyncio.sleep(0)
        assert first.done(), "the first request of all waits for nothing either"
        assert await taken(limiter, clock, 10, 0.02) == 500
        assert buckets.rounds < 30

    run(work)


def test_credentials_do_not_share_it(clock: Clock, buckets: Buckets) -> None:
    async def work() -> None:
        limiter = RateLimiter(6, buckets.fetch)
        assert (await limiter.take("a")).retry_after is None
        assert (await limiter.take("a")).retry_after is not None
        assert (await limiter.take("b")).retry_after is None

    run(work)


def test_a_caller_that_waits_as_long_as_it_must_is_let_in(clock: Clock, buckets: Buckets) -> None:
    async def work() -> None:
        limiter = RateLimiter(60, buckets.fetch)
        while (standing := await limiter.take("a")).retry_after is None:
            pass
        assert standing.retry_after == 1
        clock.now += standing.retry_after
        assert (await limiter.take("a")).retry_after is None
        slow = RateLimiter(1, buckets.fetch)
        assert (await slow.take("c")).retry_after is None
        assert (await slow.take("c")).retry_after == 60
        clock.now += 45
        assert (await slow.take("c")).retry_after == 15

    run(work)


def test_the_headers_count_down_and_say_when_it_is_full_again(clock: Clock, buckets: Buckets) -> None:
    async def work() -> None:
        limiter = RateLimiter(60, buckets.fetch)
        answers = [(await limiter.take("a")).headers() for _ in range(11)]
        assert [int(row["RateLimit-Remaining"]) for row in answers] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
        assert [int(row["RateLimit-Reset"]) for row in answers] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]
        assert {row["RateLimit-Limit"] for row in answers} == {"60"}
        clock.now += 11
        assert (await limiter.take("a")).headers()["RateLimit-Remaining"] == "9"

    run(work)


def test_without_a_database_a_little_is_allowed(clock: Clock) -> None:
    async def fetch(wanted: Mapping[str, Wanted], capacity: float, rate: float) -> Mapping[str, Granted]:
        raise psycopg.OperationalError("gone")

    async def work() -> None:
        limiter = RateLimiter(600, fetch)
        assert all([(await limiter.take("a")).retry_after is None for _ in range(20)])

    run(work)


def test_only_so_many_credentials_are_remembered(
    clock: Clock, buckets: Buckets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 10)

    async def work() -> None:
        limiter = RateLimiter(6, buckets.fetch)
        for number in range(25):
            await limiter.take(str(number))
        assert len(limiter._buckets) == 10

    run(work)
