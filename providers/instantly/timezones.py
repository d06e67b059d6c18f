"""Time zones: the provider takes 102 names and no others, so a schedule in another zone needs one that keeps its time.

A substitute must show the same time on every day of the next two years. Of several, the one whose clocks agreed longest
in the past is the nearest, then one of the same part of the world.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

ACCEPTED = (
    "Etc/GMT+12", "Etc/GMT+11", "Etc/GMT+10", "America/Anchorage", "America/Dawson", "America/Creston",
    "America/Chihuahua", "America/Boise", "America/Belize", "America/Chicago", "America/Bahia_Banderas",
    "America/Regina", "America/Bogota", "America/Detroit", "America/Indiana/Marengo", "America/Caracas",
    "America/Asuncion", "America/Glace_Bay", "America/Campo_Grande", "America/Anguilla", "America/Santiago",
    "America/St_Johns", "America/Sao_Paulo", "America/Argentina/La_Rioja", "America/Araguaina", "America/Godthab",
    "America/Montevideo", "America/Bahia", "America/Noronha", "America/Scoresbysund", "Atlantic/Cape_Verde",
    "Africa/Casablanca", "America/Danmarkshavn", "Europe/Isle_of_Man", "Atlantic/Canary", "Africa/Abidjan",
    "Arctic/Longyearbyen", "Europe/Belgrade", "Africa/Ceuta", "Europe/Sarajevo", "Africa/Algiers", "Africa/Windhoek",
    "Asia/Nicosia", "Asia/Beirut", "Africa/Cairo", "Asia/Damascus", "Europe/Bucharest", "Africa/Blantyre",
    "Europe/Helsinki", "Europe/Istanbul", "Asia/Jerusalem", "Africa/Tripoli", "Asia/Amman", "Asia/Baghdad",
    "Europe/Kaliningrad", "Asia/Aden", "Africa/Addis_Ababa", "Europe/Kirov", "Europe/Astrakhan", "Asia/Tehran",
    "Asia/Dubai", "Asia/Baku", "Indian/Mahe", "Asia/Tbilisi", "Asia/Yerevan", "Asia/Kabul", "Antarctica/Mawson",
    "Asia/Yekaterinburg", "Asia/Karachi", "Asia/Kolkata", "Asia/Colombo", "Asia/Kathmandu", "Antarctica/Vostok",
    "Asia/Dhaka", "Asia/Rangoon", "Antarctica/Davis", "Asia/Novokuznetsk", "Asia/Hong_Kong", "Asia/Krasnoyarsk",
    "Asia/Brunei", "Australia/Perth", "Asia/Taipei", "Asia/Choibalsan", "Asia/Irkutsk", "Asia/Dili", "Asia/Pyongyang",
    "Australia/Adelaide", "Australia/Darwin", "Australia/Brisbane", "Australia/Melbourne",
    "Antarctica/DumontDUrville", "Australia/Currie", "Asia/Chita", "Antarctica/Macquarie", "Asia/Sakhalin",
    "Pacific/Auckland", "Etc/GMT-12", "Pacific/Fiji", "Asia/Anadyr", "Asia/Kamchatka", "Etc/GMT-13", "Pacific/Apia",
)  # fmt: skip
DAYS_AHEAD, WEEKS_BACK = 2 * 365, 15 * 52


def accepted(timezone: str, now: datetime) -> str | None:
    """Return the name under which the provider takes a zone, or None where it has none that keeps the same time."""
    return timezone if timezone in ACCEPTED else _substitute(timezone, now.astimezone(UTC).date())


@lru_cache(maxsize=512)
def _substitute(timezone: str, today: date) -> str | None:
    zone = _zone(timezone)
    if zone is None:
        return None
    noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    ahead = [noon + timedelta(days=day) for day in range(DAYS_AHEAD)]
    behind = [noon - timedelta(weeks=week) for week in range(WEEKS_BACK)]

    def distance(name: str) -> tuple[int, bool]:
        return _differing(ZoneInfo(name), zone, behind), name.partition("/")[0] != timezone.partition("/")[0]

    same = [name for name in ACCEPTED if (theirs := _zone(name)) is not None and _same(theirs, zone, ahead)]
    return min(same, key=distance, default=None)


def _zone(timezone: str) -> ZoneInfo | None:
    """Return a zone, or None for one that this machine does not know."""
    try:
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        return None


def _same(one: ZoneInfo, other: ZoneInfo, moments: list[datetime]) -> bool:
    return all(moment.astimezone(one).utcoffset() == moment.astimezone(other).utcoffset() for moment in moments)


def _differing(one: ZoneInfo, other: ZoneInfo, moments: list[datetime]) -> int:
    return sum(moment.astimezone(one).utcoffset() != moment.astimezone(other).utcoffset() for moment in moments)
