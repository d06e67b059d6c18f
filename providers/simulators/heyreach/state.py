"""The state file with ids as large as the provider's, the settings that stand, the faults and the quirks there are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from providers.simulators.kit.faults import GENERAL, Switch
from providers.simulators.kit.options import COMMON, Option, amount, one_of, read, switch, text_or_none
from providers.simulators.kit.store import Object, Store

_SCHEMA = Path(__file__).with_name("schema.sql")
_FIRST_IDS = {
    "workspaces": 12_344,
    "li_accounts": 71_109,
    "lists": 188_212,
    "profiles": 5_204_117,
    "campaigns": 274_078,
    "campaign_leads": 6_265_700,
    "webhooks": 29_122,
}


def _by_key(*words: str) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        return isinstance(value, dict) and set(cast("dict[str, str]", value).values()) <= set(words)

    return fits


def _seconds(value: Any) -> bool:
    return amount(value) and value <= 1_000_000


OPTIONS: dict[str, Option] = {
    **COMMON,
    "hour_s": Option(0.05, _seconds),
    "lag_s": Option(1.0, _seconds),
    "list_lag_s": Option(0, _seconds),
    "inbox_lag_s": Option(0.5, _seconds),
    "starting_s": Option(0.2, _seconds),
    "obey_limits": Option(False, switch),
    "obey_hours": Option(False, switch),
    "keys": Option({}, _by_key("good", "deleted", "mcp")),
    "campaign_api": Option({}, _by_key("on", "forbidden", "absent")),
    "retry_after": Option(False, switch),
    "too_many_body": Option('{"errorMessage":"Too many requests."}', text_or_none),
    "unauthorized_body": Option(None, text_or_none),
    "lists_feed_campaigns": Option(True, switch),
    "finished_needs_flag": Option(False, switch),
    "resume_only_paused": Option(False, switch),
    "root_needs_delay": Option(False, switch),
    "hide_pending": Option(False, switch),
    "null_statuses": Option(False, switch),
    "nameless_seats": Option(False, switch),
    "extra_progress": Option(0, lambda value: isinstance(value, int)),
    "custom_fields_in_inbox": Option(True, switch),
    "campaign_in_inbox": Option(False, switch),
    "preview_messages": Option(0, amount),
    "first_network_page": Option(0, lambda value: value in (0, 1)),
    "imports_all_conversations": Option(True, switch),
    "completed_for": Option("lead", one_of("lead", "campaign")),
    "event_case": Option("lower", one_of("lower", "upper")),
    "recent_messages": Option("thread", one_of("thread", "latest")),
    "correlation": Option("event", one_of("event", "delivery", "zero")),
    "campaign_in_replies": Option(True, switch),
}

# Each is drawn once for every request to an endpoint that knows it.
QUIRKS = (
    "nothing_added",
    "partial_failure",
    "hidden_draft",
    "negative_progress",
    "stop_ignored",
    "stale_conversation",
    "message_lost",
    "accounts_refused",
)
SWITCHES = (*GENERAL, *(Switch(name, standing=True) for name in QUIRKS))


def open_store(path: Path) -> Store:
    """Open the state file, creating it with its tables if it is new."""
    return Store(path, _SCHEMA, _FIRST_IDS)


def options(store: Store) -> Object:
    """Return how the simulator plays and tells, as set through the control app."""
    return read(store, OPTIONS)
