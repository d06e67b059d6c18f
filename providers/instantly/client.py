"""Instantly's REST API, version 2: one method per call that the product needs; what is about messages is in `inbox`."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from providers.errors import CredentialRefused, Passing, Refused, Uncertain
from providers.instantly import mapping
from providers.instantly.calls import API, PAGE, page_of, segment
from providers.instantly.inbox import Inbox
from providers.instantly.senders import sender
from providers.models import HookState, LeadResult, LeadToAdd, Schedule, SenderSeen, Step
from providers.reading import as_list, as_mapping


class InstantlyClient(Inbox):
    """One Instantly workspace."""

    async def verify(self) -> None:
        """Ask for one campaign."""
        page_of(await self._http.get(f"{API}/campaigns", params={"limit": 1}))

    async def list_senders(self) -> list[SenderSeen]:
        """Read every mailbox."""
        return [sender(row) async for row in self._rows("/accounts") if isinstance(row.get("email"), str)]

    async def find_campaign(self, marker: str) -> str | None:
        """Look through all campaigns. A copy made by hand carries the marker too, but not at the end of its name."""
        found = [row async for row in self._rows("/campaigns") if mapping.has_marker(row, marker)]
        found.sort(key=lambda row: not str(row["name"]).rstrip().endswith(f"[{marker}]"))
        return str(found[0]["id"]) if found else None

    async def create_campaign(self, name: str, marker: str, senders: Sequence[str]) -> str:  # noqa: ARG002
        """Create a draft under a name that carries our marker."""
        answer = await self._http.send("POST", f"{API}/campaigns", body=mapping.new_campaign(name, marker))
        created = mapping.row_id(as_mapping(answer.body))
        if created is None:
            raise Uncertain("POST campaigns: no id in the answer", status=answer.status)
        return created

    async def has_begun(self, campaign: str) -> bool:
        """Read the status; a draft is 0."""
        row = as_mapping((await self._http.get(f"{API}/campaigns/{segment(campaign)}")).body)
        return mapping.number(row.get("status")) != 0

    async def put_name(self, campaign: str, name: str, marker: str) -> None:
        """Rename."""
        await self._patch(campaign, {"name": mapping.campaign_name(name, marker)})

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Replace the sequence: steps have no ids there, statistics go by their place."""
        await self._patch(campaign, {"sequences": mapping.sequence(steps)})

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set days, hours and pace. Refused where the provider has no time zone of the same time."""
        await self._patch(campaign, mapping.schedule(schedule))

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Replace the list of mailboxes, and any tags that would add more."""
        answer = await self._patch(campaign, {"email_list": list(senders), "email_tag_list": []})
        taken = {str(address).lower() for address in as_list(answer.get("email_list"))}
        if missing := [sender for sender in senders if sender.lower() not in taken]:
            raise Refused(f"PATCH campaigns: {len(missing)} senders were not taken")

    async def put_webhook(self, campaign: str, url: str) -> None:
        """Have one subscription for the campaign, or the one for all campaigns where somebody has made it."""
        await self._optional(self._put_webhook(campaign, url))

    async def _put_webhook(self, campaign: str, url: str) -> None:
        wanted = mapping.hook(campaign, url)
        hooks = await self._hooks(wanted)
        if not hooks:
            await self._put("POST", "/webhooks", wanted)
            return
        kept, *others = sorted(hooks, key=lambda row: mapping.hook_distance(row, wanted))
        path = f"/webhooks/{segment(kept['id'])}"
        if changes := mapping.hook_changes(kept, wanted):
            await self._put("PATCH", path, changes)
        if mapping.number(kept.get("status")) == mapping.DISABLED:
            await self._put("POST", f"{path}/resume")
        for other in others:
            await self._delete(f"/webhooks/{segment(other['id'])}")

    async def check_webhook(self, campaign: str, url: str) -> HookState:
        """Look whether ours is there and still told: after failures it is not, until somebody resumes it."""
        wanted = mapping.hook(campaign, url)
        hooks = await self._optional(self._hooks(wanted))
        told = [row for row in hooks if mapping.number(row.get("status")) != mapping.DISABLED]
        if not hooks:
            return HookState.MISSING
        return HookState.WORKING if any(not mapping.hook_changes(row, wanted) for row in told) else HookState.DISABLED

    async def delete_webhook(self, campaign: str, url: str) -> None:
        """Take the campaign's subscription away; one that somebody made for all campaigns stays."""
        hooks = await self._optional(self._hooks(mapping.hook(campaign, url)))
        for row in hooks:
            if row.get("campaign") == campaign:
                await self._optional(self._delete(f"/webhooks/{segment(row['id'])}"))

    async def _hooks(self, wanted: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [row async for row in self._rows("/webhooks") if mapping.is_our_hook(row, wanted)]

    async def pause_lead(self, campaign: str, lead: str) -> None:  # noqa: ARG002
        """Nobody can be paused there: an interest that stops a person has not been seen to let them go on."""
        raise Refused("nobody can be paused there")

    async def resume_lead(self, campaign: str, lead: str) -> None:  # noqa: ARG002
        """Nor can anybody go on."""
        raise Refused("nobody can go on there")

    async def set_active(self, campaign: str, active: bool) -> None:
        """Start or pause; a refusal is none where the campaign already is what was asked for."""
        path = f"/campaigns/{segment(campaign)}"
        try:
            await self._put("POST", f"{path}/{'activate' if active else 'pause'}")
        except Refused as error:
            if isinstance(error, CredentialRefused) or error.status == 404:
                raise
            status = mapping.number(as_mapping((await self._http.get(API + path)).body).get("status"))
            if status not in (mapping.SENDING if active else mapping.RESTING):
                raise

    async def add_leads(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add leads; the answer names those it created and counts the others."""
        answer = await self._http.send("POST", f"{API}/leads/add", body=mapping.add_leads(campaign, leads))
        told = as_mapping(answer.body)
        if not isinstance(told.get("created_leads"), list):
            raise Uncertain("POST leads/add: the answer does not say who was created", status=answer.status)
        return mapping.lead_results(leads, told)

    async def find_leads(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:  # noqa: ARG002
        """Ask for exactly these addresses. The few that the filter could not take are looked for among everybody."""
        plain = [address for address in addresses if mapping.PLAIN_ADDRESS.fullmatch(address)]
        found = dict[str, str]()
        for start in range(0, len(plain), PAGE):
            part = plain[start : start + PAGE]
            found |= await self._find(campaign, set(part), {"contacts": part})
        if odd := set(addresses) - set(plain):
            found |= await self._find(campaign, odd, {})
        return found

    async def find_lead(self, campaign: str, address: str) -> str | None:
        """Ask for one address in one campaign."""
        return (await self.find_leads(campaign, [address], datetime.now(UTC))).get(address)

    async def _find(self, campaign: str, wanted: set[str], narrowed: Mapping[str, Any]) -> dict[str, str]:
        """Return who of `wanted` is in the campaign: rows of others are passed over, should a filter be ignored."""
        found = dict[str, str]()
        body = {"campaign": campaign, "limit": PAGE, **narrowed}
        try:
            async with aclosing(self._rows("/leads/list", body)) as rows:
                async for row in rows:
                    email, lead = str(row.get("email") or "").lower(), mapping.row_id(row)
                    if lead and email in wanted and mapping.is_in(row, campaign):
                        found.setdefault(email, lead)
                    if len(found) == len(wanted):
                        break
        except Refused as error:
            if error.status != 404:
                raise
        return found

    async def stop_lead(self, campaign: str, lead: str, *, for_good: bool) -> bool:
        """Take out of the campaign, or set the interest that ends the sequence; not where somebody else ended it."""
        path = f"/leads/{segment(lead)}"
        try:
            row = as_mapping((await self._http.get(API + path)).body)
        except Refused as error:
            if error.status == 404:
                return True
            raise
        if mapping.row_id(row) is None:
            raise Passing("GET leads: no lead in the answer")
        if not mapping.is_in(row, campaign) or mapping.is_unsubscribed(row):
            return True
        if for_good:
            await self._delete(path)
        elif row.get("lt_interest_status") is None:
            body = {"lead_email": row.get("email"), "interest_value": mapping.NOT_INTERESTED, "campaign_id": campaign}
            await self._http.send("POST", f"{API}/leads/update-interest-status", body=body, repeatable=True)
        return True

    async def _patch(self, campaign: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._put("PATCH", f"/campaigns/{segment(campaign)}", body)
