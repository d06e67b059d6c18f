"""Smartlead's campaigns.

Ids come as text or as numbers and are kept as text. An empty 200 means that the thing is not there.
"""

from collections.abc import Sequence

from providers.errors import Refused, Uncertain
from providers.models import Schedule, Settings, Step
from providers.reading import as_mapping
from providers.smartlead import mapping
from providers.smartlead.calls import API, Calls, rows_of


class SmartleadCampaigns:
    """The campaigns of one account."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def find(self, marker: str) -> str | None:
        """Look through all campaigns; the list takes no page parameters."""
        answer = await self._calls.http.get(f"{API}/campaigns/")
        return next((str(row["id"]) for row in rows_of(answer) if "id" in row and marker in str(row.get("name"))), None)

    async def create(self, name: str, marker: str, senders: Sequence[str]) -> str:  # noqa: ARG002
        """Create a campaign under a name that carries our marker. Raises Uncertain when the answer has no id."""
        answer = await self._calls.http.send(
            "POST", f"{API}/campaigns/create", body={"name": mapping.campaign_name(name, marker)}
        )
        created = as_mapping(answer.body)
        if "id" not in created:
            raise Uncertain("POST campaigns/create: no id in the answer", status=answer.status)
        return str(created["id"])

    async def has_begun(self, campaign: str) -> bool:
        """Read the status; an empty answer is a campaign that is not there. Raises Refused for that."""
        row = as_mapping((await self._calls.http.get(f"{API}/campaigns/{campaign}")).body)
        if "status" not in row:
            raise Refused("there is no such campaign", status=404)
        return str(row["status"]).upper() not in ("DRAFTED", "DRAFT")

    async def put_name(self, campaign: str, name: str, marker: str) -> None:
        """Rename."""
        await self._calls.put(f"/campaigns/{campaign}/settings", {"name": mapping.campaign_name(name, marker)})

    async def put_settings(self, campaign: str, settings: Settings) -> None:
        """Set what is tracked, the form of mails, the header for unsubscribing, and which people a reply stops."""
        await self._calls.put(f"/campaigns/{campaign}/settings", mapping.settings(settings))

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Replace the sequence. Steps that stay send their id back, since a new id would orphan their statistics."""
        answer = await self._calls.http.get(f"{API}/campaigns/{campaign}/sequences")
        ids = {str(row.get("seq_number")): row.get("id") for row in rows_of(answer)}
        await self._calls.put(f"/campaigns/{campaign}/sequences", {"sequences": mapping.sequence(steps, ids)})

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set days, hours and pace."""
        await self._calls.put(f"/campaigns/{campaign}/schedule", mapping.schedule(schedule))

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Attach what is missing and detach what is no longer wanted."""
        path = f"/campaigns/{campaign}/email-accounts"
        answer = await self._calls.http.get(API + path)
        attached = {str(row["id"]) for row in rows_of(answer) if str(row.get("id")).isdecimal()}
        if missing := [int(sender) for sender in senders if sender not in attached]:
            await self._calls.put(path, {"email_account_ids": missing})
        if unwanted := [int(sender) for sender in attached - set(senders)]:
            await self._calls.put(path, {"email_account_ids": unwanted}, method="DELETE")

    async def set_active(self, campaign: str, active: bool) -> None:
        """START reads back as ACTIVE; ACTIVE itself is refused as input."""
        await self._calls.put(f"/campaigns/{campaign}/status", {"status": "START" if active else "PAUSED"})
