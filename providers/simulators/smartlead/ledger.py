"""Which requests ask to add leads, for the ledger's lines without effect."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from providers.simulators.kit.ledger import AddRequest
from providers.simulators.kit.store import Object

_ASK = re.compile(r"/api/v1/campaigns/(\d+)/leads/?")


def adding(method: str, path: str, body: bytes) -> AddRequest | None:
    """Return what a request to add leads named, or None for requests of any other kind."""
    match = _ASK.fullmatch(path)
    if method != "POST" or match is None:
        return None
    return AddRequest(int(match[1]), list(_emails(body)))


def _emails(body: bytes) -> Iterator[str]:
    try:
        parsed: Any = json.loads(body)
    except ValueError:
        return
    leads: Any = cast("Object", parsed).get("lead_list") if isinstance(parsed, dict) else None
    for lead in cast("list[Any]", leads) if isinstance(leads, list) else []:
        email: Any = cast("Object", lead).get("email") if isinstance(lead, dict) else None
        if isinstance(email, str):
            yield email.strip().lower()
