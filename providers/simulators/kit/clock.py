"""The simulator's own time, which may run faster than the real one or jump, and the common spelling of moments."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

_FASTEST = 1_000_000.0
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC).timestamp()
_LATEST = datetime(2200, 1, 1, tzinfo=UTC).timestamp()


class BadClockError(ValueError):
    """The clock cannot be set to what was given."""


IDLE_SECONDS, IDLE_TICK = 2.0, 0.2


class Ticker:
    """Waits from one look at the state to the next: briefly while things happen, longer once nothing has for a while.

    `changes` tells how much has been written. Where time runs at another speed than the real one, every look is brief.
    """

    def __init__(self, clock: "Clock", changes: Callable[[], int], seconds: float) -> None:
        self._clock, self._changes, self._seconds = clock, changes, seconds
        self._seen, self._since = -1, time.monotonic()

    async def wait(self) -> None:
        """Return when it is time for the next look."""
        now, changes = time.monotonic(), self._changes()
        if changes != self._seen or self._clock.speed != 1.0:
            self._seen, self._since = changes, now
        await asyncio.sleep(self._seconds if now - self._since < IDLE_SECONDS else IDLE_TICK)


@dataclass(frozen=True)
class _Setting:
    real: float
    shown: float
    speed: float


class Clock:
    """Runs from the moment it was last set, at its speed; `kept` is where another one stood."""

    def __init__(self, kept: Any = None) -> None:
        now = time.time()
        self._setting = _Setting(*map(float, kept)) if kept else _Setting(now, now, 1.0)

    @property
    def speed(self) -> float:
        """Return how many seconds pass here in one real second."""
        return self._setting.speed

    def time(self) -> float:
        """Return the present moment in seconds since 1970."""
        setting = self._setting
        return setting.shown + (time.time() - setting.real) * setting.speed

    def now(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(self.time(), UTC)

    def stamp(self, later: float = 0.0) -> str:
        """Return the present moment, or one some seconds later, as answers spell it."""
        return zulu(self.now() + timedelta(seconds=later))

    def kept(self) -> list[float]:
        """Return what a new clock has to be given to go on as this one."""
        return [self._setting.real, self._setting.shown, self._setting.speed]

    def change(self, given: Any) -> None:
        """Set `speed`, `advance` (by seconds) or set `at` (a time), or raise BadClockError and change nothing."""
        if not isinstance(given, dict) or not given or not set(cast("dict[str, Any]", given)) <= {*_PARTS}:
            raise BadClockError(f"the body must be an object of: {', '.join(_PARTS)}")
        wanted = cast("dict[str, Any]", given)
        shown = self.time()
        if "at" in wanted:
            moment = parse(wanted["at"]) if isinstance(wanted["at"], str) else None
            if moment is None:
                raise BadClockError("at must be an ISO 8601 time")
            shown = moment.timestamp()
        shown += _number(wanted.get("advance", 0), "advance", _LATEST)
        speed = _number(wanted.get("speed", self.speed), "speed", _FASTEST)
        if not _EARLIEST <= shown <= _LATEST:
            raise BadClockError("the clock shows no time before 1980 or after 2200")
        self._setting = _Setting(time.time(), shown, speed)


_PARTS = ("speed", "advance", "at")


def _number(value: Any, name: str, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise BadClockError(f"{name} must be a number from 0 to {most:.0f}")
    return float(value)


def zulu(moment: datetime) -> str:
    """Spell a moment with milliseconds and `Z`; such texts sort in time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(text: str) -> datetime | None:
    """Read an ISO 8601 time or date, or return None; without an offset it counts as UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
