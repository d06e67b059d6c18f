"""The people of Smartlead's campaigns."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from providers.models import LeadResult, LeadToAdd
from providers.reading import as_mapping, as_rows
from providers.smartlead import mapping
from providers.smartlead.calls import API, PAGE, Calls, rows_of


class SmartleadLeads:
    """The people in the campaigns of one account."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def add(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add leads; the answer's id map says what became of each."""
        answer = await self._calls.http.send("POST", f"{API}/campaigns/{campaign}/leads", body=mapping.add_leads(leads))
        return mapping.lead_results(leads, answer.body)

    async def find_all(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:
        """Page through what was added since; ten minutes of slack for clocks that differ."""
        wanted, found, offset = set(addresses), dict[str, str](), 0
        while wanted - found.keys():
            answer = await self._calls.http.get(
                f"{API}/campaigns/{campaign}/leads",
                params={"offset": offset, "limit": PAGE, "created_at_gt": mapping.with_slack(since)},
            )
            rows = rows_of(answer)
            found.update((email, key) for email, key in map(mapping.campaign_lead, rows) if email in wanted)
            offset += len(rows)
            if len(rows) < PAGE:
                break
        return found

    async def find(self, campaign: str, address: str) -> str | None:
        """Look one person up by address; the answer lists the campaigns they are in."""
        answer = await self._calls.http.get(f"{API}/leads/", params={"email": address})
        row = as_mapping(answer.body)
        campaigns = {str(item.get("campaign_id")) for item in as_rows(row.get("lead_campaign_data"))}
        return str(row["id"]) if "id" in row and campaign in campaigns else None

    async def stop(self, campaign: str, lead: str, *, for_good: bool) -> bool:
        """Unsubscribe from this campaign, or pause in it."""
        await self._calls.put(f"/campaigns/{campaign}/leads/{lead}/{'unsubscribe' if for_good else 'pause'}", {})
        return True

    async def pause(self, campaign: str, lead: str) -> None:
        """Pause in this campaign."""
        await self._calls.put(f"/campaigns/{campaign}/leads/{lead}/pause", {})

    async def resume(self, campaign: str, lead: str) -> None:
        """Go on in this campaign."""
        await self._calls.put(f"/campaigns/{campaign}/leads/{lead}/resume", {})
