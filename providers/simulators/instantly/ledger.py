"""Which requests ask to add leads, for the ledger's lines without effect."""

import json
from collections.abc import Iterator
from typing import Any, cast

from providers.simulators.kit import ledger
from providers.simulators.kit.store import Object, Store

_ONE = "/api/v2/leads"
_MANY = "/api/v2/leads/add"


def write_without_effect(store: Store, method: str, path: str, body: bytes, *, answered: bool) -> None:
    """Note an ask that changed nothing; requests of any other kind are left out."""
    if method != "POST" or path.rstrip("/") not in (_ONE, _MANY):
        return
    try:
        asked: Any = json.loads(body)
    except ValueError:
        return
    if not isinstance(asked, dict):
        return
    given = cast("Object", asked)
    one = path.rstrip("/") == _ONE
    target = given.get("campaign" if one else "campaign_id") or given.get("list_id")
    emails = [(email, "none") for email in _emails([given] if one else given.get("leads"))]
    if emails:
        with store.transaction():
            key = str(target) if target else ""
            ledger.write(store, key, emails, answered=answered, at=store.clock.stamp())


def _emails(leads: Any) -> Iterator[str]:
    for lead in cast("list[Any]", leads) if isinstance(leads, list) else []:
        email: Any = cast("Object", lead).get("email") if isinstance(lead, dict) else None
        if isinstance(email, str):
            yield email.strip().lower()
