"""Which requests ask to add leads, for the ledger's lines without effect."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from providers.simulators.kit.ledger import Asked
from providers.simulators.kit.store import Object

_ASK = re.compile(r"/api/v1/campaigns/(\d+)/leads/?")


def adding(method: str, path: str, body: bytes) -> Asked | None:
    """Return what a request to add leads named, or None for requests of any other kind."""
    match = _ASK.fullmatch(path)
    if method != "POST" or match is None:
        return None
    return Asked(int(match[1]), list(_emails(body)))


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
