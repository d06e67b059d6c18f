"""When a campaign may act: days, hours, a zone, and a first and last date."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.requests import refusal
from providers.simulators.heyreach.validation import Fields, flag, text
from providers.simulators.kit.store import Object

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIELDS: Fields = {
    **dict.fromkeys(("dailyStartTime", "dailyEndTime", "timeZoneId", "startDate", "endDate"), text()),
    **{f"enabled{day}": flag for day in DAYS},
}
DEFAULT: Object = {
    "dailyStartTime": "09:00:00",
    "dailyEndTime": "17:00:00",
    "timeZoneId": "Etc/GMT",
    **{f"enabled{day}": day not in ("Saturday", "Sunday") for day in DAYS},
    "startDate": None,
    "endDate": None,
}


def checked(given: Object | None) -> Object:
    """Return the whole schedule, or refuse it."""
    if given is None:
        return dict(DEFAULT)
    days = {f"enabled{day}": bool(given[f"enabled{day}"]) for day in DAYS}
    schedule: Object = {**DEFAULT, **{name: value for name, value in given.items() if value is not None}, **days}
    begins, ends = _seconds(schedule["dailyStartTime"]), _seconds(schedule["dailyEndTime"])
    if begins >= ends or ends > 86_400:
        raise refusal("The daily start time must be before the daily end time.")
    if not any(days.values()):
        raise refusal("At least one day must be enabled.")
    try:
        ZoneInfo(schedule["timeZoneId"])
    except (KeyError, ValueError, OSError):
        raise refusal(f"The time zone '{schedule['timeZoneId']}' is invalid.") from None
    first, last = _day(schedule["startDate"]), _day(schedule["endDate"])
    if first and last and last <= first:
        raise refusal("The end date must be after the start date.")
    return schedule


def _seconds(span: Any) -> int:
    match = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", str(span))
    if match is None:
        raise refusal(f"The time '{span}' is invalid.")
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)


def _day(text_: Any) -> str | None:
    if text_ is None:
        return None
    parsed = times.parse(str(text_))
    if parsed is None:
        raise refusal(f"The date '{text_}' is invalid.")
    return parsed


def is_open(schedule: Object, now: str) -> bool:
    """Return whether the campaign may act at this moment."""
    local = datetime.fromisoformat(now).astimezone(ZoneInfo(schedule["timeZoneId"]))
    seconds = local.hour * 3600 + local.minute * 60 + local.second
    inside = _seconds(schedule["dailyStartTime"]) <= seconds < _seconds(schedule["dailyEndTime"])
    last = _day(schedule["endDate"])
    over = last is not None and now > times.stamp(datetime.fromisoformat(last).astimezone(UTC) + timedelta(days=1))
    return inside and not over and bool(schedule[f"enabled{DAYS[local.weekday()]}"])
