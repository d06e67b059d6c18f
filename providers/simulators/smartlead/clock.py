"""Times in the two spellings the provider mixes: `Z` in answers, `+00:00` in most webhooks."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


def zulu(moment: datetime) -> str:
    """Spell a moment with milliseconds and `Z`; such texts sort in time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_offset(text: str) -> str:
    """Turn the `Z` spelling into the `+00:00` spelling."""
    return text.removesuffix("Z") + "+00:00"


def whole_seconds(text: str) -> str:
    """Turn the `Z` spelling into `+00:00` without milliseconds, as reply webhooks have it."""
    return text.partition(".")[0] + "+00:00"


def parse(text: str) -> datetime | None:
    """Read an ISO 8601 time or date, or return None; without an offset it counts as UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
