"""Opens the state file of this simulator, with ids as large as the provider's."""

from pathlib import Path

from providers.simulators.kit.store import Store

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


def open_store(path: Path) -> Store:
    """Open the state file, creating it with its tables if it is new."""
    store = Store(path, _SCHEMA, _FIRST_IDS)
    store.add_tables(_LATER)
    return store
