"""The state file with ids as large as the provider's, the settings that stand, and the faults there are."""

from collections.abc import Mapping
from pathlib import Path

from providers.simulators.kit.faults import GENERAL
from providers.simulators.kit.options import COMMON, Option, one_of, read, switch, text_or_none
from providers.simulators.kit.store import Object, Store

_SCHEMA = Path(__file__).with_name("schema.sql")
_LATER = Path(__file__).with_name("schema_later.sql")
_FIRST_IDS = {
    "accounts": 59_645,
    "email_accounts": 106_465,
    "campaigns": 3_623_749,
    "campaign_email_accounts": 51_200_310,
    "sequences": 7_221_993,
    "variants": 9_104_411,
    "leads": 4_155_843_309,
    "campaign_leads": 3_375_350_254,
    "webhooks": 671_684,
}

OPTIONS: Mapping[str, Option] = {
    **COMMON,
    "dialect": Option("live", one_of("live", "minimal")),
    "footer": Option(None, text_or_none),
    "invert_direction": Option(False, switch),
    "sign_secret": Option(None, text_or_none),
}
SWITCHES = GENERAL


def open_store(path: Path) -> Store:
    """Open the state file, creating it with its tables if it is new."""
    store = Store(path, _SCHEMA, _FIRST_IDS)
    store.add_tables(_LATER)
    return store


def options(store: Store) -> Object:
    """Return how the simulator plays and tells, as set through the control app."""
    return read(store, OPTIONS)
