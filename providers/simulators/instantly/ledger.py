"""Which requests ask to add leads, for the ledger's lines without effect."""

import json
from collections.abc import Iterator
from typing import Any, cast

from providers.simulators.kit.ledger import AddRequest
from providers.simulators.kit.store import Object

_ONE = "/api/v2/leads"
_MANY = "/api/v2/leads/add"


def adding(method: str, path: str, body: bytes) -> AddRequest | None:
    """Return what a request to add leads named, or None for requests of any other kind."""
    if method != "POST" or path.rstrip("/") not in (_ONE, _MANY):
        return None
    try:
        parsed: Any = json.loads(body)
    except ValueError:
        return None
    if not isinstance(parsed, dict):
        return None
    given = cast("Object", parsed)
    one = path.rstrip("/") == _ONE
    target = given.get("campaign" if one else "campaign_id") or given.get("list_id")
    return AddRequest(str(target) if target else "", list(_emails([given] if one else given.get("leads"))))


def _emails(leads: Any) -> Iterator[str]:
    for lead in cast("list[Any]", leads) if isinstance(leads, list) else []:
        email: Any = cast("Object", lead).get("email") if isinstance(lead, dict) else None
        if isinstance(email, str):
            yield email.strip().lower()
