"""How often one credential may ask, over all processes: a bucket in Postgres, of which each process takes blocks.

A request is allowed by what its process has in hand. More is fetched in the background, for all credentials that need
it in one statement, so that a read stays one round trip; only who has used everything up waits for an answer.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from api.db.pool import Database

log = structlog.stdlib.get_logger("outbound.limits")
REMEMBERED = 50_000
BURST_SECONDS = 10.0  # so many seconds' worth may be used at once
BLOCK = 0.05  # of a burst, taken by a process at a time
GATHER_SECONDS = 0.01
IDLE_SECONDS = 10.0  # after which what a process has left of a block is forgotten


@dataclass(frozen=True)
class Wanted:
    """What a process takes of a bucket: `used` is what it has allowed without having it, `block` what it takes."""

    used: int
    block: int


@dataclass(frozen=True)
class Granted:
    """What it got of the block, and what is left in the bucket for all."""

    amount: int
    left: float


Fetch = Callable[[Mapping[str, Wanted], float, float], Awaitable[Mapping[str, Granted]]]
"""Takes from buckets by name, each of which holds so much at most and refills by so much a second."""


@dataclass(frozen=True)
class Standing:
    """What a caller sees of its limit: requests a minute, how many are left, and in how many seconds it is full."""

    limit: int
    remaining: int
    reset: int
    retry_after: int | None

    def headers(self) -> dict[str, str]:
        """Return the `RateLimit-*` headers."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


@dataclass
class _Bucket:
    """What this process has of a credential's bucket, and what it last heard of the whole."""

    in_hand: int
    used: int
    left: float
    heard_at: float
    used_at: float
    empty_until: float = 0.0


class RateLimiter:
    """The buckets of one process's callers. `fetch` raises psycopg's error, or PoolTimeout, where there is no database:
    then a little is allowed, since no request can be answered either."""

    def __init__(self, per_minute: int, fetch: Fetch) -> None:
        self._limit = per_minute
        self._rate = per_minute / 60
        self._capacity = max(1.0, per_minute * BURST_SECONDS / 60)
        self._block = max(1, int(self._capacity * BLOCK))
        self._ahead = max(1, self._block // 2)
        self._fetch = fetch
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._wanted: dict[str, _Bucket] = {}
        self._fetching: asyncio.Task[None] | None = None
        self._round: asyncio.Future[None] | None = None

    async def take(self, name: str) -> Standing:
        """Take one request from a bucket; `retry_after` says in how many seconds to come again when it is empty."""
        bucket = self._bucket(name)
        now = time.monotonic()
        if bucket.in_hand < 1 and now >= bucket.empty_until:
            await self._more(name, bucket)
            now = time.monotonic()
        allowed = bucket.in_hand >= 1
        bucket.in_hand -= allowed
        bucket.used_at = now
        if allowed and bucket.in_hand < self._ahead:
            self._want(name, bucket)
        known = min(self._capacity, bucket.left + (now - bucket.heard_at) * self._rate)
        remaining = min(self._capacity, known + bucket.in_hand) if allowed else 0.0
        return Standing(
            limit=self._limit,
            remaining=int(remaining),
            reset=math.ceil((self._capacity - int(remaining)) / self._rate),
            retry_after=None if allowed else max(1, math.ceil(bucket.empty_until - now)),
        )

    def _bucket(self, name: str) -> _Bucket:
        """Return a caller's bucket, the last used last. One that is new, or was not used for long, begins with a little
        that is accounted for when more is fetched."""
        now = time.monotonic()
        bucket = self._buckets.pop(name, None)
        idle = bucket is not None and now > max(bucket.used_at + IDLE_SECONDS, bucket.empty_until)
        if bucket is None or (idle and name not in self._wanted):
            bucket = _Bucket(self._ahead, self._ahead, self._capacity - self._ahead, now, now)
        self._buckets[name] = bucket
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket

    def _want(self, name: str, bucket: _Bucket) -> "asyncio.Future[None]":
        """Have more fetched for a bucket, and return what is done when that has come."""
        self._wanted[name] = bucket
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_wanted())
        if self._round is None:
            self._round = asyncio.get_running_loop().create_future()
        return self._round

    async def _more(self, name: str, bucket: _Bucket) -> None:
        """Wait until more was fetched."""
        while bucket.in_hand < 1 and time.monotonic() >= bucket.empty_until:
            await asyncio.shield(self._want(name, bucket))

    async def _fetch_wanted(self) -> None:
        """Fetch all that is wanted, round after round."""
        await asyncio.sleep(GATHER_SECONDS)
        while self._wanted:
            wanted, self._wanted = self._wanted, {}
            done, self._round = self._round, None
            blocks = {name: Wanted(bucket.used, self._block) for name, bucket in wanted.items()}
            for bucket in wanted.values():
                bucket.used = 0
            granted: Mapping[str, Granted] = {}
            try:
                granted = await self._fetch(blocks, self._capacity, self._rate)
            except (psycopg.Error, PoolTimeout):
                log.warning("limits could not be fetched", credentials=len(blocks))
            finally:
                for name, bucket in wanted.items():
                    self._grant(bucket, granted.get(name, Granted(self._ahead, 0.0)))
                if done is not None:
                    done.set_result(None)

    def _grant(self, bucket: _Bucket, granted: Granted) -> None:
        bucket.in_hand += granted.amount
        bucket.left, bucket.heard_at = granted.left, time.monotonic()
        if not granted.amount:
            bucket.empty_until = bucket.heard_at + (1 - granted.left) / self._rate


def taking_requests(db: Database) -> Fetch:
    """Return how a process takes from the buckets in its database."""

    async def fetch(wanted: Mapping[str, Wanted], capacity: float, rate: float) -> Mapping[str, Granted]:
        buckets = [{"name": name, "used": each.used, "block": each.block} for name, each in wanted.items()]
        found = await db.take_requests({"capacity": capacity, "rate": rate, "buckets": buckets})
        return {name: Granted(int(each["amount"]), float(each["left"])) for name, each in found.items()}

    return fetch
