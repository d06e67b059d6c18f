"""Reads Instantly's mailboxes, which are known by their address."""

from collections.abc import Mapping
from typing import Any

from providers.instantly.calls import API, Calls, page_of
from providers.instantly.mapping import number
from providers.masking import masked
from providers.models import Health, SenderSeen
from providers.reading import as_integer

WORKING = frozenset({1, 3})  # maintenance (3) ends by itself
PROBLEMS = {2: "paused", -1: "connection_failed", -2: "bouncing", -3: "cannot_send"}
WARMUP_PROBLEMS = {-1: "warmup_blocked", -2: "warmup_blocked", -3: "warmup_blocked"}  # banned, in spam, suspended


class InstantlyAccount:
    """What belongs to the workspace itself."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def verify(self) -> None:
        """Ask for one campaign. Raises CredentialRefused."""
        page_of(await self._calls.http.get(f"{API}/campaigns", params={"limit": 1}))

    async def list_senders(self) -> list[SenderSeen]:
        """Read every mailbox."""
        return [sender(row) async for row in self._calls.rows("/accounts") if isinstance(row.get("email"), str)]


def sender(row: Mapping[str, Any]) -> SenderSeen:
    """Read a mailbox."""
    address = str(row["email"])
    name = " ".join(part for part in (row.get("first_name"), row.get("last_name")) if isinstance(part, str) and part)
    status, warmup = row.get("status"), number(row.get("warmup_status"))
    setting_up = row.get("setup_pending") is True
    problem = PROBLEMS.get(number(status) or 0) or WARMUP_PROBLEMS.get(warmup or 0)
    return SenderSeen(
        external_id=address,
        address=address,
        display_name=masked(name or None),
        active=(status is None or number(status) in WORKING) and not setting_up,
        daily_limit=as_integer(number(row.get("daily_limit"))),
        warmup_status=_warmup(warmup),
        health=Health("setup_pending" if setting_up else problem, _score(row.get("stat_warmup_score"))),
    )


def _warmup(status: int | None) -> str:
    if status is None or status > 1:
        return "unknown"
    return "active" if status == 1 else "inactive"  # below zero it was stopped: banned, suspended, in spam


def _score(value: object) -> int | None:
    score = number(value)
    return score if score is not None and 0 <= score <= 100 else None
