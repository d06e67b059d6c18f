"""What an ask to add leads named, read from its raw body, for the ledger's lines of asks that changed nothing."""

import json
from collections.abc import Iterator
from typing import Any, cast

from providers.simulators.heyreach.leads.profiles import normalised
from providers.simulators.kit import ledger
from providers.simulators.kit.store import Object, Store

_PATHS = {"/api/public/campaign/addleadstocampaign", "/api/public/campaign/addleadstocampaignv2"}


def write_without_effect(store: Store, method: str, path: str, body: bytes, *, answered: bool) -> None:
    """Note an ask that changed nothing; requests of any other kind are left out."""
    if method != "POST" or path.lower().rstrip("/") not in _PATHS:
        return
    asked = _parsed(body)
    campaign = _get(asked, "campaignid")
    effects = [(url, "none") for url in _urls(asked)]
    if effects:
        number = int(campaign) if str(campaign).isdecimal() else 0
        with store.transaction():
            ledger.write(store, number, effects, answered=answered, at=store.clock.stamp())


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _get(value: Any, name: str) -> Any:
    given = cast("Object", value) if isinstance(value, dict) else {}
    return next((item for key, item in given.items() if key.lower() == name), None)


def _urls(asked: Any) -> Iterator[str]:
    pairs = _get(asked, "accountleadpairs")
    for pair in cast("list[Any]", pairs) if isinstance(pairs, list) else []:
        url = _get(_get(pair, "lead"), "profileurl")
        if isinstance(url, str):
            yield normalised(url) or url
