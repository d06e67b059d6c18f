"""The request budget of each key: fixed windows, or sliding ones, on the simulator's clock."""

import math
import re
from collections import deque
from dataclasses import dataclass, field

from providers.simulators.kit.clock import Clock


@dataclass(frozen=True)
class Budget:
    """What a limiter says of one request."""

    allowed: bool
    limit: int = 0
    remaining: int = 0
    resets_at: int = 0
    retry_after: int = 1


@dataclass
class _Window:
    """One key's use of one limit; `taken` holds the moments of the requests that count."""

    ends: float = 0.0
    taken: deque[float] = field(default_factory=deque[float])


@dataclass(frozen=True)
class _Limit:
    requests: int
    seconds: float


class Limiter:
    """Counts requests against a profile such as `60/60` (requests/seconds), `100/1,6000/60`, or `0` (no limit)."""

    def __init__(self, profile: str, clock: Clock, *, sliding: bool = False) -> None:
        self._limits = [_limit(part, profile) for part in profile.split(",")] if profile != "0" else []
        self._clock = clock
        self._sliding = sliding
        self._windows: dict[tuple[str, int], _Window] = {}

    def take(self, key: str) -> Budget | None:
        """Use up one request and return what is left, or None when there is no limit.

        A request that one of the limits refuses uses up none of them.
        """
        if not self._limits:
            return None
        now = self._clock.time()
        windows = [self._window(key, place, now) for place in range(len(self._limits))]
        pairs = list(zip(self._limits, windows, strict=True))
        full = [(limit, window) for limit, window in pairs if len(window.taken) >= limit.requests]
        if not full:
            for window in windows:
                window.taken.append(now)
        limit, window = full[0] if full else min(pairs, key=lambda pair: pair[0].requests - len(pair[1].taken))
        ends = window.taken[0] + limit.seconds if self._sliding else window.ends
        return Budget(
            allowed=not full,
            limit=limit.requests,
            remaining=limit.requests - len(window.taken),
            resets_at=math.ceil(ends),
            retry_after=max(1, math.ceil(ends - now)),
        )

    def _window(self, key: str, place: int, now: float) -> _Window:
        seconds = self._limits[place].seconds
        window = self._windows.setdefault((key, place), _Window())
        if self._sliding:
            # A clock set back makes the moments of the past lie ahead: they count no more.
            while window.taken and not now - seconds < window.taken[0] <= now:
                window.taken.popleft()
        elif not now < window.ends <= now + seconds:
            window = self._windows[key, place] = _Window(ends=now + seconds)
        return window


def _limit(part: str, profile: str) -> _Limit:
    numbers = re.fullmatch(r"(\d+)(?:/(\d+(?:\.\d+)?))?", part)
    requests = int(numbers[1]) if numbers else 0
    seconds = float(numbers[2] or 60) if numbers else 0.0
    if not seconds or not requests:
        raise ValueError(f"a rate limit looks like 60/60, or is 0 for none; this is {profile!r}")
    return _Limit(requests, seconds)
