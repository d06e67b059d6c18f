"""Smartlead's webhooks: one for each campaign, with all its events."""

from collections.abc import Mapping
from typing import Any

from providers.models import HookState
from providers.reading import as_list
from providers.smartlead.calls import API, Calls, rows_of

EVENT_TYPES = (
    "EMAIL_SENT",
    "EMAIL_OPEN",
    "EMAIL_LINK_CLICK",
    "EMAIL_REPLY",
    "EMAIL_BOUNCE",
    "LEAD_UNSUBSCRIBED",
    "LEAD_CATEGORY_UPDATED",
)


class SmartleadWebhooks:
    """The webhooks of one account's campaigns."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def put(self, campaign: str, url: str) -> None:
        """Register our address on the campaign, or correct the registration that is there. A second one goes: both
        would tell everything."""
        path = f"/campaigns/{campaign}/webhooks"
        ours = [row["id"] for row in await self._hooks(campaign) if row.get("webhook_url") == url and "id" in row]
        categories = rows_of(await self._calls.http.get(f"{API}/leads/fetch-categories"))
        body = {
            "id": ours[0] if ours else None,
            "name": "events",
            "webhook_url": url,
            "event_types": EVENT_TYPES,
            "categories": [row["name"] for row in categories if row.get("name")] or ["Interested"],
        }
        await self._calls.put(path, body)
        for other in ours[1:]:
            await self._calls.put(path, {"id": other}, method="DELETE")

    async def check(self, campaign: str, url: str) -> HookState:
        """Look whether ours is listed with all its events. That a hook of another level silences it is not shown."""
        ours = [row for row in await self._hooks(campaign) if row.get("webhook_url") == url]
        complete = [row for row in ours if {*EVENT_TYPES} <= {str(kind) for kind in as_list(row.get("event_types"))}]
        return HookState.WORKING if complete else HookState.DISABLED if ours else HookState.MISSING

    async def delete(self, campaign: str, url: str) -> None:
        """Take ours off the campaign."""
        for row in await self._hooks(campaign):
            if row.get("webhook_url") == url and "id" in row:
                await self._calls.put(f"/campaigns/{campaign}/webhooks", {"id": row["id"]}, method="DELETE")

    async def _hooks(self, campaign: str) -> list[Mapping[str, Any]]:
        return rows_of(await self._calls.http.get(f"{API}/campaigns/{campaign}/webhooks"))
