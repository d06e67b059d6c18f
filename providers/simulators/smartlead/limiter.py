"""The request budget of each api key, in fixed windows as the provider's headers describe them."""

import math
import re
import time
from dataclasses import dataclass

from providers.simulators.smartlead.state import Object


@dataclass
class _Window:
    ends: float
    used: int = 0


class Limiter:
    """Counts requests against a profile such as `60/60` (requests/seconds) or `0` (no limit)."""

    def __init__(self, profile: str) -> None:
        parts = re.fullmatch(r"(\d+)(?:/(\d+(?:\.\d+)?))?", profile)
        self.requests = int(parts[1]) if parts else 0
        self.seconds = float(parts[2] or 60) if parts else 0.0
        if not self.seconds:
            raise ValueError(f"a rate limit looks like 60/60, or is 0 for none; this is {profile!r}")
        self._windows: dict[str, _Window] = {}

    def take(self, api_key: str) -> tuple[bool, dict[str, str]]:
        """Use up one request and return whether it was within the budget, with the headers that say so."""
        if not self.requests:
            return True, {}
        now = time.time()
        window = self._windows.get(api_key)
        if window is None or window.ends <= now:
            window = self._windows[api_key] = _Window(ends=now + self.seconds)
        allowed = window.used < self.requests
        window.used += allowed
        headers = {
            "X-RateLimit-Limit": str(self.requests),
            "X-RateLimit-Remaining": str(self.requests - window.used),
            "X-RateLimit-Reset": str(math.ceil(window.ends)),
        }
        if not allowed:
            headers["Retry-After"] = str(max(1, math.ceil(window.ends - now)))
        return allowed, headers


def too_many(retry_after: str) -> Object:
    """Return the body of a 429."""
    return {
        "error": {
            "code": "RATE_LIMIT_EXCEEDED",
            "message": f"Too many requests. Please retry after {retry_after} seconds.",
            "retry_after": int(retry_after),
        }
    }
