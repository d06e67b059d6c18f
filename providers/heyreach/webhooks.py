"""HeyReach's webhooks: one for each kind of event and campaign, with a switch of its own each."""

from collections.abc import Mapping, Sequence
from typing import Any

from providers.errors import Passing, Refused
from providers.heyreach import mapping
from providers.heyreach.calls import API, Calls, checked
from providers.models import HookState


class HeyReachWebhooks:
    """The webhooks of one workspace."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def put(self, campaign: str, url: str) -> None:
        """Have one webhook for each kind of event: two alike would tell everything twice."""
        number = mapping.campaign_number(campaign)
        hooks = await self._all_hooks()
        for event_type, name in mapping.HOOKS.items():
            await self._put_hook(hooks, mapping.hook(number, url, event_type, name))

    async def _put_hook(self, hooks: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]) -> None:
        ours = [row for row in hooks if mapping.is_our_hook(row, wanted)]
        if not ours:
            answer = await self._calls.send("/webhooks/CreateWebhook", wanted)
            if mapping.created_id(answer.body, "webhookId") is None:
                raise Passing("POST webhooks/CreateWebhook: no id in the answer", status=answer.status)
            return
        kept, *others = sorted(ours, key=lambda row: len(mapping.hook_changes(row, wanted)))
        if changes := mapping.hook_changes(kept, wanted):
            await self._calls.send("/webhooks/UpdateWebhook", changes, method="PATCH", params={"webhookId": kept["id"]})
        for other in others:
            await self._delete_hook(other)

    async def _delete_hook(self, hook: Mapping[str, Any]) -> None:
        """Delete a webhook; that it is gone already is what was wanted."""
        params = {"webhookId": hook["id"]}
        try:
            checked(
                await self._calls.http.send("DELETE", f"{API}/webhooks/DeleteWebhook", params=params, repeatable=True)
            )
        except Refused as error:
            if error.status != 404:
                raise

    async def check(self, campaign: str, url: str) -> HookState:
        """Look whether each kind of event has its webhook, switched on. There is no more to see of their health."""
        hooks, number = await self._all_hooks(), mapping.campaign_number(campaign)
        state = HookState.WORKING
        for event_type, name in mapping.HOOKS.items():
            wanted = mapping.hook(number, url, event_type, name)
            ours = [row for row in hooks if mapping.is_our_hook(row, wanted)]
            if not ours:
                return HookState.MISSING
            if all(mapping.hook_changes(row, wanted) for row in ours):
                state = HookState.DISABLED
        return state

    async def delete(self, campaign: str, url: str) -> None:
        """Take the campaign's webhooks away."""
        hooks, number = await self._all_hooks(), mapping.campaign_number(campaign)
        for event_type, name in mapping.HOOKS.items():
            wanted = mapping.hook(number, url, event_type, name)
            for row in hooks:
                if mapping.is_our_hook(row, wanted):
                    await self._delete_hook(row)

    async def _all_hooks(self) -> list[Mapping[str, Any]]:
        return [row async for row in self._calls.rows("/webhooks/GetAllWebhooks") if mapping.row_id(row)]
