"""A credential's requests are counted in the database: two processes together allow what the limit says."""

import asyncio
import math
import time
from typing import Any

from psycopg import Connection

from api.db.pool import Database
from api.http.rate_limits import RateLimiter, taking_requests
from tests.support.in_process import settings_of

PER_MINUTE = 600
BURST = 100
BLOCK = 5  # a twentieth; half of it is allowed in advance


def allowed(postgresql: Connection[Any], processes: int, requests: int) -> tuple[list[int], float]:
    """Return how many requests each process allowed of those that came in turn, and how long that took."""

    async def inside() -> list[int]:
        databases = [Database(settings_of(postgresql), tiers=("hook",)) for _ in range(processes)]
        for database in databases:
            await database.open()
        limiters = [RateLimiter(PER_MINUTE, taking_requests(database)) for database in databases]
        counts = [0] * processes
        for number in range(requests):
            standing = await limiters[number % processes].take("a" * 64)
            counts[number % processes] += standing.retry_after is None
        for database in databases:
            await database.close()
        return counts

    began = time.monotonic()
    return asyncio.run(inside()), time.monotonic() - began


def test_processes_take_from_one_bucket(postgresql: Connection[Any]) -> None:
    postgresql.commit()
    counts, seconds = allowed(postgresql, processes=2, requests=400)
    most = BURST + 2 * BLOCK + math.ceil(seconds * PER_MINUTE / 60)
    assert BURST - 2 * BLOCK <= sum(counts) <= most
    assert min(counts) > BURST // 4, "both had of it"
    (tokens,) = postgresql.execute("select tokens from ctx.request_buckets").fetchone() or (None,)
    assert tokens < BLOCK


def test_a_process_that_begins_anew_has_no_more(postgresql: Connection[Any]) -> None:
    postgresql.commit()
    first, before = allowed(postgresql, processes=1, requests=300)
    second, after = allowed(postgresql, processes=1, requests=300)
    assert sum(first) + sum(second) <= BURST + 2 * BLOCK + math.ceil((before + after + 5) * PER_MINUTE / 60)
