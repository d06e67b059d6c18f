"""Smartlead's REST API: one method per call that the product needs; what is about messages is in `inbox`.

Numbers come as text or as numbers; ids are kept as text. An empty 200 means that the thing is not there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from providers.errors import Refused, Uncertain
from providers.models import HookState, LeadResult, LeadToAdd, Schedule, SenderSeen, Step
from providers.reading import as_list, as_mapping
from providers.smartlead import mapping
from providers.smartlead.calls import API, PAGE, rows_of
from providers.smartlead.inbox import Inbox
from providers.smartlead.senders import sender

EVENT_TYPES = (
    "EMAIL_SENT",
    "EMAIL_OPEN",
    "EMAIL_LINK_CLICK",
    "EMAIL_REPLY",
    "EMAIL_BOUNCE",
    "LEAD_UNSUBSCRIBED",
    "LEAD_CATEGORY_UPDATED",
)


class SmartleadClient(Inbox):
    """One Smartlead account."""

    async def verify(self) -> None:
        """Ask for the cheapest list there is."""
        await self._http.get(f"{API}/leads/fetch-categories")

    async def list_senders(self) -> list[SenderSeen]:
        """Read every mailbox."""
        return [sender(row) for row in await self._pages("/email-accounts/") if "id" in row]

    async def find_campaign(self, marker: str) -> str | None:
        """Look through all campaigns; the list takes no page parameters."""
        answer = await self._http.get(f"{API}/campaigns/")
        return next((str(row["id"]) for row in rows_of(answer) if "id" in row and marker in str(row.get("name"))), None)

    async def create_campaign(self, name: str, marker: str, senders: Sequence[str]) -> str:  # noqa: ARG002
        """Create a campaign under a name that carries our marker."""
        answer = await self._http.send(
            "POST", f"{API}/campaigns/create", body={"name": mapping.campaign_name(name, marker)}
        )
        created = as_mapping(answer.body)
        if "id" not in created:
            raise Uncertain("POST campaigns/create: no id in the answer", status=answer.status)
        return str(created["id"])

    async def has_begun(self, campaign: str) -> bool:
        """Read the status; an empty answer is a campaign that is not there."""
        row = as_mapping((await self._http.get(f"{API}/campaigns/{campaign}")).body)
        if "status" not in row:
            raise Refused("there is no such campaign", status=404)
        return str(row["status"]).upper() not in ("DRAFTED", "DRAFT")

    async def put_name(self, campaign: str, name: str, marker: str) -> None:
        """Rename."""
        await self._put(f"/campaigns/{campaign}/settings", {"name": mapping.campaign_name(name, marker)})

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Replace the sequence. Steps that stay send their id back, since a new id would orphan their statistics."""
        answer = await self._http.get(f"{API}/campaigns/{campaign}/sequences")
        ids = {str(row.get("seq_number")): row.get("id") for row in rows_of(answer)}
        await self._put(f"/campaigns/{campaign}/sequences", {"sequences": mapping.sequence(steps, ids)})

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set days, hours and pace."""
        await self._put(f"/campaigns/{campaign}/schedule", mapping.schedule(schedule))

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Attach what is missing and detach what is no longer wanted."""
        path = f"/campaigns/{campaign}/email-accounts"
        answer = await self._http.get(API + path)
        attached = {str(row["id"]) for row in rows_of(answer) if str(row.get("id")).isdecimal()}
        if missing := [int(sender) for sender in senders if sender not in attached]:
            await self._put(path, {"email_account_ids": missing})
        if unwanted := [int(sender) for sender in attached - set(senders)]:
            await self._put(path, {"email_account_ids": unwanted}, method="DELETE")

    async def put_webhook(self, campaign: str, url: str) -> None:
        """Register our address on the campaign, or correct the registration that is there. A second one goes: both
        would tell everything."""
        path = f"/campaigns/{campaign}/webhooks"
        ours = [row["id"] for row in await self._hooks(campaign) if row.get("webhook_url") == url and "id" in row]
        categories = rows_of(await self._http.get(f"{API}/leads/fetch-categories"))
        body = {
            "id": ours[0] if ours else None,
            "name": "events",
            "webhook_url": url,
            "event_types": EVENT_TYPES,
            "categories": [row["name"] for row in categories if row.get("name")] or ["Interested"],
        }
        await self._put(path, body)
        for other in ours[1:]:
            await self._put(path, {"id": other}, method="DELETE")

    async def check_webhook(self, campaign: str, url: str) -> HookState:
        """Look whether ours is listed with all its events. That a hook of another level silences it is not told."""
        ours = [row for row in await self._hooks(campaign) if row.get("webhook_url") == url]
        complete = [row for row in ours if {*EVENT_TYPES} <= {str(kind) for kind in as_list(row.get("event_types"))}]
        return HookState.WORKING if complete else HookState.DISABLED if ours else HookState.MISSING

    async def delete_webhook(self, campaign: str, url: str) -> None:
        """Take ours off the campaign."""
        for row in await self._hooks(campaign):
            if row.get("webhook_url") == url and "id" in row:
                await self._put(f"/campaigns/{campaign}/webhooks", {"id": row["id"]}, method="DELETE")

    async def _hooks(self, campaign: str) -> list[Mapping[str, Any]]:
        return rows_of(await self._http.get(f"{API}/campaigns/{campaign}/webhooks"))

    async def set_active(self, campaign: str, active: bool) -> None:
        """START reads back as ACTIVE; ACTIVE itself is refused as input."""
        await self._put(f"/campaigns/{campaign}/status", {"status": "START" if active else "PAUSED"})

    async def add_leads(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add leads; the answer's id map says what became of each."""
        answer = await self._http.send("POST", f"{API}/campaigns/{campaign}/leads", body=mapping.add_leads(leads))
        return mapping.lead_results(leads, answer.body)

    async def find_leads(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:
        """Page through what was added since; ten minutes of slack for clocks that differ."""
        wanted, found, offset = set(addresses), dict[str, str](), 0
        while wanted - found.keys():
            answer = await self._http.get(
                f"{API}/campaigns/{campaign}/leads",
                params={"offset": offset, "limit": PAGE, "created_at_gt": mapping.with_slack(since)},
            )
            rows = rows_of(answer)
            found.update((email, key) for email, key in map(mapping.campaign_lead, rows) if email in wanted)
            offset += len(rows)
            if len(rows) < PAGE:
                break
        return found

    async def stop_lead(self, campaign: str, lead: str, *, for_good: bool) -> bool:
        """Unsubscribe from this campaign, or pause in it."""
        await self._put(f"/campaigns/{campaign}/leads/{lead}/{'unsubscribe' if for_good else 'pause'}", {})
        return True

    async def pause_lead(self, campaign: str, lead: str) -> None:
        """Pause in this campaign."""
        await self._put(f"/campaigns/{campaign}/leads/{lead}/pause", {})

    async def resume_lead(self, campaign: str, lead: str) -> None:
        """Go on in this campaign."""
        await self._put(f"/campaigns/{campaign}/leads/{lead}/resume", {})
