"""Time zones where a provider takes some names only: the same hours are kept in a zone that always differs alike.

A substitute's clocks must differ from the wanted ones by the same amount on every day of the next two years; the hours
are moved by it, and may not pass midnight. Of several, the one that differs least is taken, rather ahead than behind,
then the one whose clocks agreed longest in the past, then one of the same part of the world.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

DAYS_AHEAD, WEEKS_BACK = 2 * 365, 15 * 52
SOME_DAYS = 30  # a look at every so many days sets most zones apart
MOST_NAMED = 5
# Names that the database's files have besides, and that are no place's.
NO_PLACE = frozenset({"Factory", "localtime", "posixrules"})


@dataclass(frozen=True)
class Hours:
    """When something is sent, on the wall of a time zone."""

    timezone: str
    start: time
    end: time


def is_zone(name: str) -> bool:
    """Tell whether a name of the IANA database is a time zone's."""
    return name in available_timezones() and name not in NO_PLACE and not name.startswith(("posix/", "right/"))


def kept(hours: Hours, accepted: Sequence[str] | None, now: datetime) -> Hours | None:
    """Return the same hours in a zone that is accepted, or None where there is none."""
    if accepted is None or hours.timezone in accepted:
        return hours
    for name, minutes in _substitutes(hours.timezone, tuple(accepted), now.astimezone(UTC).date()):
        start, end = _moved(hours.start, minutes), _moved(hours.end, minutes)
        if start is not None and end is not None and start < end:
            return Hours(name, start, end)
    return None


def nearest(timezone: str, accepted: Sequence[str], now: datetime) -> list[str]:
    """Return some accepted zones whose clocks agree with a zone's on most days, the nearest first."""
    today = now.astimezone(UTC).date()
    wanted = _ahead(timezone, today, SOME_DAYS)

    def distance(name: str) -> tuple[int, int, bool, str]:
        theirs = _ahead(name, today, SOME_DAYS)
        if not theirs or not wanted:
            return DAYS_AHEAD, 0, True, name
        apart = sum(one != other for one, other in zip(theirs, wanted, strict=True))
        return apart, abs(theirs[0] - wanted[0]), not _same_part(name, timezone), name

    return sorted(accepted, key=distance)[:MOST_NAMED]


@lru_cache(maxsize=1024)
def _substitutes(timezone: str, accepted: tuple[str, ...], today: date) -> list[tuple[str, int]]:
    """Return the accepted zones that always differ alike, and by how many minutes their clocks are ahead."""
    past = _behind(timezone, today)
    found: list[tuple[tuple[int, bool, int, bool], str, int]] = []
    for name in accepted if past else ():
        apart = _apart(name, timezone, today, SOME_DAYS)
        if len(apart) == 1 and len(apart := _apart(name, timezone, today)) == 1:
            (minutes,) = apart
            before = sum(one - other != minutes for one, other in zip(_behind(name, today), past, strict=True))
            rank = (abs(minutes), minutes < 0, before, not _same_part(name, timezone))
            found.append((rank, name, minutes))
    return [(name, minutes) for _, name, minutes in sorted(found, key=lambda each: each[0])]


def _apart(one: str, other: str, today: date, every: int = 1) -> set[int]:
    """Return by how many minutes one zone's clocks are ahead of another's on the days to come."""
    pairs = zip(_ahead(one, today, every), _ahead(other, today, every), strict=False)
    return {theirs - ours for theirs, ours in pairs}


@lru_cache(maxsize=2048)
def _ahead(timezone: str, today: date, every: int) -> tuple[int, ...]:
    """Return how many minutes a zone's clocks are ahead of UTC on days to come; nothing for an unknown one."""
    return _minutes(timezone, [_noon(today) + timedelta(days=day) for day in range(0, DAYS_AHEAD, every)])


@lru_cache(maxsize=1024)
def _behind(timezone: str, today: date) -> tuple[int, ...]:
    """Return the same for each week that has been."""
    return _minutes(timezone, [_noon(today) - timedelta(weeks=week) for week in range(WEEKS_BACK)])


def _minutes(timezone: str, moments: Sequence[datetime]) -> tuple[int, ...]:
    zone = _zone(timezone)
    if zone is None:
        return ()
    return tuple(round((at.astimezone(zone).utcoffset() or timedelta()).total_seconds() / 60) for at in moments)


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _moved(clock: time, minutes: int) -> time | None:
    """Return a time of day so much later, or None on another day."""
    total = clock.hour * 60 + clock.minute + minutes
    return clock.replace(hour=total // 60, minute=total % 60) if 0 <= total < 24 * 60 else None


def _same_part(one: str, other: str) -> bool:
    return one.partition("/")[0] == other.partition("/")[0]


def _zone(timezone: str) -> ZoneInfo | None:
    """Return a zone, or None for one that this machine does not know."""
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        return None
