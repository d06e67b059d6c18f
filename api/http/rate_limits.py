"""How often one credential may ask: a bucket per credential and process, together never more than the limit."""

import math
import time
from collections import OrderedDict
from dataclasses import dataclass

REMEMBERED = 50_000


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


class RateLimiter:
    """Buckets that refill steadily. Ten seconds' worth may be used at once."""

    def __init__(self, per_minute: int, processes: int) -> None:
        self._limit = max(1, per_minute // processes)
        self._rate = self._limit / 60
        self._capacity = max(1.0, self._limit / 6)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> Standing:
        """Take one request from a bucket; `retry_after` says in how many seconds to come again when it is empty."""
        now = time.monotonic()
        tokens, at = self._buckets.pop(name, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - at) * self._rate)
        allowed = tokens >= 1
        tokens -= allowed
        self._buckets[name] = (tokens, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return Standing(
            limit=self._limit,
            remaining=int(tokens),
            reset=math.ceil((self._capacity - tokens) / self._rate),
            retry_after=None if allowed else math.ceil((1 - tokens) / self._rate),
        )
