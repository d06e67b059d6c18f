"""Time zones as callers name them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from providers.zones import is_zone

YEARS_LOOKED_AT = range(2015, 2036)
# To Python these are zones with a summer time; Postgres reads them as abbreviations, of one offset all year round.
ABBREVIATIONS = frozenset({"CET", "EET", "MET", "WET"})


def _zone(value: str) -> str:
    if not is_zone(value):
        raise PydanticCustomError("unknown_timezone", "not a time zone of the IANA database")
    return value


@lru_cache(maxsize=1024)
def is_whole_hours(name: str) -> bool:
    """Tell whether a zone is a whole number of hours from UTC, all year round."""
    zone = ZoneInfo(name)
    days = (
        datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=30 * part) for year in YEARS_LOOKED_AT for part in range(12)
    )
    offsets = (day.astimezone(zone).utcoffset() for day in days)
    return all(offset is not None and offset.total_seconds() % 3600 == 0 for offset in offsets)


def _whole_hours(value: str) -> str:
    if value in ABBREVIATIONS:
        raise PydanticCustomError(
            "timezone_abbreviation", "an abbreviation can be read in two ways: give a place, such as Europe/Berlin"
        )
    if not is_whole_hours(value):
        raise PydanticCustomError(
            "timezone_not_whole_hours",
            "figures are kept by the hour: give a time zone that is a whole number of hours from UTC all year round",
        )
    return value


Timezone = Annotated[
    str,
    AfterValidator(_zone),
    Field(description="A name of the IANA database.", json_schema_extra={"format": "iana-timezone"}),
]
WholeHoursTimezone = Annotated[
    str,
    AfterValidator(_zone),
    AfterValidator(_whole_hours),
    Field(
        description="A name of the IANA database, of a zone that is a whole number of hours from UTC.",
        json_schema_extra={"format": "iana-timezone"},
    ),
]
