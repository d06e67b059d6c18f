"""Instantly's webhooks: subscriptions of the workspace, each for one campaign or for all."""

from collections.abc import Mapping
from typing import Any

from providers.instantly import mapping
from providers.instantly.calls import Calls, segment
from providers.models import HookState


class InstantlyWebhooks:
    """The subscriptions of one workspace."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def put(self, campaign: str, url: str) -> None:
        """Have one subscription for the campaign, or the one for all campaigns where that was made by hand."""
        await self._calls.optional(self._put_webhook(campaign, url))

    async def _put_webhook(self, campaign: str, url: str) -> None:
        wanted = mapping.hook(campaign, url)
        hooks = await self._hooks(wanted)
        if not hooks:
            await self._calls.put("POST", "/webhooks", wanted)
            return
        kept, *others = sorted(hooks, key=lambda row: mapping.hook_distance(row, wanted))
        path = f"/webhooks/{segment(kept['id'])}"
        if changes := mapping.hook_changes(kept, wanted):
            await self._calls.put("PATCH", path, changes)
        if mapping.number(kept.get("status")) == mapping.DISABLED:
            await self._calls.put("POST", f"{path}/resume")
        for other in others:
            await self._calls.delete(f"/webhooks/{segment(other['id'])}")

    async def check(self, campaign: str, url: str) -> HookState:
        """Look whether ours is there and enabled: after failures it is not, until it is resumed."""
        wanted = mapping.hook(campaign, url)
        hooks = await self._calls.optional(self._hooks(wanted))
        enabled = [row for row in hooks if mapping.number(row.get("status")) != mapping.DISABLED]
        if not hooks:
            return HookState.MISSING
        return (
            HookState.WORKING if any(not mapping.hook_changes(row, wanted) for row in enabled) else HookState.DISABLED
        )

    async def delete(self, campaign: str, url: str) -> None:
        """Take the campaign's subscription away; one that was made by hand for all campaigns stays."""
        hooks = await self._calls.optional(self._hooks(mapping.hook(campaign, url)))
        for row in hooks:
            if row.get("campaign") == campaign:
                await self._calls.optional(self._calls.delete(f"/webhooks/{segment(row['id'])}"))

    async def _hooks(self, wanted: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [row async for row in self._calls.rows("/webhooks") if mapping.is_our_hook(row, wanted)]
