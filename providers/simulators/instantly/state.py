"""The state file, the settings that stand, and the faults there are."""

from collections.abc import Mapping
from pathlib import Path

from providers.simulators.kit import options as kit
from providers.simulators.kit.faults import GENERAL, Switch
from providers.simulators.kit.options import COMMON, Option, amount, one_of, share, switch, text_or_none
from providers.simulators.kit.store import Object, Store

_SCHEMA = Path(__file__).with_name("schema.sql")
_LATER = Path(__file__).with_name("schema_later.sql")


def _among(*numbers: int) -> Option:
    return Option(numbers[0], lambda value: not isinstance(value, bool) and value in numbers)


# Where sources disagree about the live service, the first or the default is the likelier.
OPTIONS: Mapping[str, Option] = {
    **COMMON,
    "scope_status": _among(403, 401),
    "over_limit": Option("refuse", one_of("refuse", "empty")),
    "unknown_properties": Option("strip", one_of("strip", "reject")),
    "interest_answer": _among(202, 200),
    "interest_delay": Option(0.5, amount),
    "job_delay": Option(0.5, amount),
    "step_form": Option("triple", one_of("triple", "word")),
    "steps_base": _among(1, 0),
    "account_daily": Option("live", one_of("live", "documented")),
    "reply_payload": Option("B", one_of("A", "B")),
    "footer": Option(None, text_or_none),
    "is_first": Option(True, switch),
    "auto_replies_as": Option("auto_reply_received", one_of("auto_reply_received", "reply_received", "none")),
    "completed_per": Option("campaign", one_of("campaign", "lead")),
    "completed_resumes": Option(True, switch),
    "replied_status": _among(3, 1),
    "duplicate_create": Option("same", one_of("same", "new")),
    "disable_after": Option(50, amount),
    "bounce_protect": Option(0, share),
    "plan_contacts": Option(25_000, amount),
}

SWITCHES = (
    Switch("cloudflare", ends=True),
    Switch("bad_gateway", ends=True),
    Switch("unauthorized", ends=True),
    Switch("payment_required", ends=True),
    Switch("forbidden", ends=True),
    *(general for general in GENERAL if general.name in ("rate_limited", "server_error")),
    Switch("slow_search", seconds=60.0),
    *(general for general in GENERAL if general.name not in ("rate_limited", "server_error")),
    Switch("list_lag", seconds=5.0, standing=True),
    Switch("stuck_jobs", standing=True),
    Switch("failed_jobs", standing=True),
    Switch("webhook_plan", standing=True),
    Switch("plain_user_agents", standing=True),
)


def open_store(path: Path) -> Store:
    """Open the state file, creating it with its tables if it is new."""
    store = Store(path, _SCHEMA)
    store.add_tables(_LATER)
    return store


def options(store: Store) -> Object:
    """Return how the simulator plays and tells, as set through the control app."""
    return kit.read(store, OPTIONS)
