"""Reads HeyReach's seats: whether they are logged in, and what they may do in a day."""

from collections.abc import Mapping
from typing import Any

from providers.deliveries import digest
from providers.heyreach.calls import Calls
from providers.heyreach.mapping import profile, row_id
from providers.identity import shown
from providers.masking import masked
from providers.models import Health, SenderSeen
from providers.reading import as_integer, as_mapping

LIMITS = {
    "connection_requests": "connectioRequestLimit",  # misspelt so in the provider's answers
    "messages": "messageLimit",
    "inmails": "inMailLimit",
    "profile_views": "profileViewLimit",
    "follows": "followLimit",
}
COOLDOWNS = ("connectionRequestCooldown", "connectionNoteCooldown", "inMailCooldown")


class HeyReachAccount:
    """What belongs to the workspace itself."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def verify(self) -> None:
        """Ask whether the key is good. Raises CredentialRefused."""
        await self._calls.verify()

    async def list_senders(self) -> list[SenderSeen]:
        """Read every seat."""
        return [sender(row) async for row in self._calls.rows("/li_account/GetAll") if row_id(row)]


def sender(row: Mapping[str, Any]) -> SenderSeen:
    """Read a seat. Whether it is logged in decides; it may work though it is called inactive."""
    name = " ".join(part for part in (row.get("firstName"), row.get("lastName")) if isinstance(part, str) and part)
    given = as_mapping(row.get("accountLimits"))
    limits = {ours: limit for ours, theirs in LIMITS.items() if (limit := as_integer(given.get(theirs))) is not None}
    seat = profile(row.get("profileUrl"))
    return SenderSeen(
        external_id=str(row["id"]),
        address=shown(seat) if seat else str(row.get("emailAddress") or f"seat {digest(str(row['id']))[:8]}"),
        display_name=masked(name or None),
        active=row.get("authIsValid") is True,
        daily_limit=limits.get("connection_requests"),
        warmup_status="unknown",
        health=Health(_problem(row), limits=limits),
    )


def _problem(row: Mapping[str, Any]) -> str | None:
    if row.get("authIsValid") is not True:
        return "signed_out"
    return "held" if any(row.get(name) is not None for name in COOLDOWNS) else None
