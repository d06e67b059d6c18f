"""Reads Smartlead's mailboxes. Their passwords are in the rows too: only what is named here is taken."""

from collections.abc import Mapping
from typing import Any

from providers.deliveries import text_of
from providers.masking import masked
from providers.models import Health, SenderSeen
from providers.reading import as_integer, as_mapping
from providers.smartlead.calls import API, Calls


class SmartleadAccount:
    """What belongs to the account itself."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def verify(self) -> None:
        """Ask for the cheapest list there is. Raises CredentialRefused."""
        await self._calls.http.get(f"{API}/leads/fetch-categories")

    async def list_senders(self) -> list[SenderSeen]:
        """Read every mailbox."""
        return [sender(row) for row in await self._calls.pages("/email-accounts/") if "id" in row]


def sender(row: Mapping[str, Any]) -> SenderSeen:
    """Read a mailbox."""
    warmup = as_mapping(row.get("warmup_details"))
    status = str(warmup.get("status", "")).upper()
    problem = _problem(row, warmup)
    return SenderSeen(
        external_id=str(row["id"]),
        address=str(row.get("from_email") or row.get("username") or "unknown"),
        display_name=masked(text_of(row.get("from_name")) or None),
        active=problem not in ("suspended", "cannot_send", "cannot_receive"),
        daily_limit=as_integer(row.get("message_per_day")),
        warmup_status={"ACTIVE": "active", "INACTIVE": "inactive"}.get(status, "unknown"),
        health=Health(problem, _score(warmup.get("warmup_reputation")), as_integer(row.get("daily_sent_count"))),
    )


def _problem(row: Mapping[str, Any], warmup: Mapping[str, Any]) -> str | None:
    if row.get("is_suspended"):
        return "suspended"
    if row.get("is_smtp_success") is False:
        return "cannot_send"
    if row.get("is_imap_success") is False:
        return "cannot_receive"
    return "warmup_blocked" if warmup.get("blocked_reason") or warmup.get("is_warmup_blocked") is True else None


def _score(value: object) -> int | None:
    """Return a reputation, which comes as a number or as `95%`."""
    try:
        score = round(float(str(value).strip().removesuffix("%")))
    except (ValueError, OverflowError):
        return None
    return score if 0 <= score <= 100 else None
