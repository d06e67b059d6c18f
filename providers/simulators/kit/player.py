"""Lets time pass in any simulator: what always goes on, and with autoplay a step after the other at its pace."""

import time
from collections.abc import Callable

from providers.simulators.kit.clock import Ticker
from providers.simulators.kit.store import Object, Store

TICK = 0.02


class Pace:
    """How many steps are due: one in so many real milliseconds, and at most so many at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._next_step = time.monotonic()

    def due(self, chosen: Object) -> int:
        """Return how many steps are due, which counts as taking them."""
        pace = float(chosen["pace_ms"]) / 1000
        now = time.monotonic()
        if pace <= 0:
            return self._most
        steps = min(int((now - self._next_step) / pace), self._most)
        self._next_step = max(self._next_step + steps * pace, now - pace)
        return steps

    def rest(self) -> None:
        """Let no steps come due while nothing is played."""
        self._next_step = time.monotonic()


def nothing(chosen: Object) -> None:
    """Let nothing go on that does not depend on autoplay."""
    del chosen


async def play(
    store: Store,
    options: Callable[[], Object],
    pace: Pace,
    step: Callable[[Object], None],
    always: Callable[[Object], None] = nothing,
) -> None:
    """Play for ever: first what always goes on, then a step, unless autoplay is off."""
    ticker = Ticker(store.clock, lambda: store.changes, TICK)
    while True:
        chosen = options()
        always(chosen)
        if chosen["autoplay"]:
            step(chosen)
        else:
            pace.rest()
        await ticker.wait()
