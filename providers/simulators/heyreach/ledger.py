"""Which requests ask to add leads, for the ledger's lines without effect."""

import json
from collections.abc import Iterator
from typing import Any, cast

from providers.simulators.heyreach.leads.profiles import normalised
from providers.simulators.kit.ledger import AddRequest
from providers.simulators.kit.store import Object

_PATHS = {"/api/public/campaign/addleadstocampaign", "/api/public/campaign/addleadstocampaignv2"}


def adding(method: str, path: str, body: bytes) -> AddRequest | None:
    """Return what a request to add leads named, or None for requests of any other kind."""
    if method != "POST" or path.lower().rstrip("/") not in _PATHS:
        return None
    parsed = _parsed(body)
    campaign = _get(parsed, "campaignid")
    return AddRequest(int(campaign) if str(campaign).isdecimal() else 0, list(_urls(parsed)))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _get(value: Any, name: str) -> Any:
    given = cast("Object", value) if isinstance(value, dict) else {}
    return next((item for key, item in given.items() if key.lower() == name), None)


def _urls(parsed: Any) -> Iterator[str]:
    pairs = _get(parsed, "accountleadpairs")
    for pair in cast("list[Any]", pairs) if isinstance(pairs, list) else []:
        url = _get(_get(pair, "lead"), "profileurl")
        if isinstance(url, str):
            yield normalised(url) or url
