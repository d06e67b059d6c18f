"""Times as the provider spells them: one to seven digits of a second, trailing zeros cut off, and `Z`."""

import hashlib
from datetime import UTC, datetime, timedelta


def stamp(moment: datetime) -> str:
    """Spell a moment as it is kept in the state; such texts sort in time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def later(text: str, seconds: float) -> str:
    """Return the stamp so many seconds after another."""
    return stamp(datetime.fromisoformat(text) + timedelta(seconds=seconds))


def shown(text: str | None) -> str | None:
    """Return a stamp as the provider's own times look, with the seventh digit that .NET keeps."""
    if text is None:
        return None
    seventh = hashlib.sha256(text.encode()).digest()[0] % 10
    return (text.removesuffix("Z") + str(seventh)).rstrip("0").rstrip(".") + "Z"


def milliseconds(text: str) -> str:
    """Return a stamp as times that come from LinkedIn look."""
    return text[:23].rstrip("0").rstrip(".") + "Z"


def whole_seconds(text: str) -> str:
    """Return a stamp as webhooks carry it."""
    return text[:19] + "Z"


def parse(text: str) -> str | None:
    """Read an ISO 8601 time and return its stamp; without an offset it counts as UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
