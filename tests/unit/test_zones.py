"""Time zones where a provider takes some names only: the same hours, every day, or a refusal that names others."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from providers.instantly.timezones import ACCEPTED
from providers.zones import Hours, is_zone, kept, nearest

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
EVERY = sorted(name for name in available_timezones() if is_zone(name))


def test_names_of_no_place_are_no_zones() -> None:
    assert not any(
        is_zone(name) for name in ("Factory", "localtime", "posixrules", "posix/UTC", "right/UTC", "Nowhere", "")
    )
    assert len(EVERY) > 400


def test_pacific_hours_are_kept_in_mountain_time() -> None:
    wanted = Hours("America/Los_Angeles", time(9), time(17))
    assert kept(wanted, ACCEPTED, NOW) == Hours("America/Boise", time(10), time(18))
    assert kept(wanted, None, NOW) == wanted
    assert kept(Hours("Europe/Berlin", time(9), time(17)), ACCEPTED, NOW) != wanted


@pytest.mark.parametrize("name", EVERY)
def test_every_zone_of_the_database_is_kept_or_refused_with_others_named(name: str) -> None:
    wanted = Hours(name, time(9, 30), time(16, 45))
    found = kept(wanted, ACCEPTED, NOW)
    if found is None:
        assert len(set(nearest(name, ACCEPTED, NOW)) & set(ACCEPTED)) == 5
        return
    assert found.timezone in ACCEPTED
    for day in range(0, 720, 5):
        for clock, theirs in ((wanted.start, found.start), (wanted.end, found.end)):
            date = (NOW + timedelta(days=day)).date()
            ours = datetime.combine(date, clock, ZoneInfo(name)).astimezone(UTC)
            assert datetime.combine(date, theirs, ZoneInfo(found.timezone)).astimezone(UTC) == ours


def test_hours_that_would_pass_midnight_are_not_moved() -> None:
    late = Hours("America/Los_Angeles", time(9), time(23, 30))
    assert kept(late, ACCEPTED, NOW) == Hours("America/Anchorage", time(8), time(22, 30))
    assert kept(Hours("America/Los_Angeles", time(0, 10), time(23, 50)), ACCEPTED, NOW) is None
    assert nearest("America/Denver", ACCEPTED, NOW)[0] == "America/Boise"
