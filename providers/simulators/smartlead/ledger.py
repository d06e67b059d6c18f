"""Which requests ask to add leads, for the ledger's lines without effect."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from providers.simulators.kit import ledger
from providers.simulators.kit.store import Object, Store

_ASK = re.compile(r"/api/v1/campaigns/(\d+)/leads/?")


def write_without_effect(store: Store, method: str, path: str, body: bytes, *, answered: bool) -> None:
    """Note an ask that changed nothing; requests of any other kind are left out."""
    match = _ASK.fullmatch(path)
    if method != "POST" or match is None:
        return
    emails = [(email, "none") for email in _emails(body)]
    if emails:
        with store.transaction():
            ledger.write(store, int(match[1]), emails, answered=answered, at=store.clock.stamp())


def _emails(body: bytes) -> Iterator[str]:
    try:
        asked: Any = json.loads(body)
    except ValueError:
        return
    leads: Any = cast("Object", asked).get("lead_list") if isinstance(asked, dict) else None
    for lead in cast("list[Any]", leads) if isinstance(leads, list) else []:
        email: Any = cast("Object", lead).get("email") if isinstance(lead, dict) else None
        if isinstance(email, str):
            yield email.strip().lower()
