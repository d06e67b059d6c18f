"""Instantly's campaigns, by its REST API version 2."""

from collections.abc import Mapping, Sequence
from typing import Any

from providers.errors import Refused, Uncertain
from providers.instantly import mapping
from providers.instantly.calls import API, Calls, segment
from providers.models import Schedule, Settings, Step
from providers.reading import as_list, as_mapping


class InstantlyCampaigns:
    """The campaigns of one workspace."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def find(self, marker: str) -> str | None:
        """Look through all campaigns. A copy made by hand carries the marker too, but not at the end of its name."""
        found = [row async for row in self._calls.rows("/campaigns") if mapping.has_marker(row, marker)]
        found.sort(key=lambda row: not str(row["name"]).rstrip().endswith(f"[{marker}]"))
        return str(found[0]["id"]) if found else None

    async def create(self, name: str, marker: str, senders: Sequence[str]) -> str:  # noqa: ARG002
        """Create a draft under a name that carries our marker. Raises Uncertain when the answer has no id."""
        answer = await self._calls.http.send("POST", f"{API}/campaigns", body=mapping.new_campaign(name, marker))
        created = mapping.row_id(as_mapping(answer.body))
        if created is None:
            raise Uncertain("POST campaigns: no id in the answer", status=answer.status)
        return created

    async def has_begun(self, campaign: str) -> bool:
        """Read the status; a draft is 0."""
        row = as_mapping((await self._calls.http.get(f"{API}/campaigns/{segment(campaign)}")).body)
        return mapping.number(row.get("status")) != 0

    async def put_name(self, campaign: str, name: str, marker: str) -> None:
        """Rename."""
        await self._patch(campaign, {"name": mapping.campaign_name(name, marker)})

    async def put_settings(self, campaign: str, settings: Settings) -> None:
        """Set what is tracked, the form of mails, the header for unsubscribing, and which people a reply stops."""
        await self._patch(campaign, mapping.settings(settings))

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Replace the sequence: steps have no ids there, statistics go by their place."""
        await self._patch(campaign, {"sequences": mapping.sequence(steps)})

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set days, hours and pace. Refused where the provider has no time zone of the same time."""
        await self._patch(campaign, mapping.schedule(schedule))

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Replace the list of mailboxes, and any tags that would add more. Raises Refused when some were not taken."""
        answer = await self._patch(campaign, {"email_list": list(senders), "email_tag_list": []})
        taken = {str(address).lower() for address in as_list(answer.get("email_list"))}
        if missing := [sender for sender in senders if sender.lower() not in taken]:
            raise Refused(f"PATCH campaigns: {len(missing)} senders were not taken")

    async def set_active(self, campaign: str, active: bool) -> None:
        """Start or pause; a refusal counts as success where the campaign already is what was wanted."""
        path = f"/campaigns/{segment(campaign)}"
        try:
            await self._calls.put("POST", f"{path}/{'activate' if active else 'pause'}")
        except Refused as error:
            if error.status == 404:
                raise
            status = mapping.number(as_mapping((await self._calls.http.get(API + path)).body).get("status"))
            if status not in (mapping.SENDING if active else mapping.RESTING):
                raise

    async def _patch(self, campaign: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._calls.put("PATCH", f"/campaigns/{segment(campaign)}", body)
