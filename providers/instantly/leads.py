"""The people of Instantly's campaigns."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from providers.errors import Passing, Refused, Uncertain
from providers.identity import same_address
from providers.instantly import mapping
from providers.instantly.calls import API, PAGE, Calls, segment
from providers.models import LeadResult, LeadToAdd
from providers.reading import as_mapping


class InstantlyLeads:
    """The people in the campaigns of one workspace."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def add(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add leads; the answer names those it created and counts the others."""
        answer = await self._calls.http.send("POST", f"{API}/leads/add", body=mapping.add_leads(campaign, leads))
        told = as_mapping(answer.body)
        if not isinstance(told.get("created_leads"), list):
            raise Uncertain("POST leads/add: the answer does not say who was created", status=answer.status)
        return mapping.lead_results(leads, told)

    async def find_all(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:  # noqa: ARG002
        """Ask for exactly these addresses. The few that the filter could not take are looked for among everybody."""
        plain = [address for address in addresses if mapping.PLAIN_ADDRESS.fullmatch(address)]
        found = dict[str, str]()
        for start in range(0, len(plain), PAGE):
            part = plain[start : start + PAGE]
            found |= await self._find(campaign, set(part), {"contacts": part})
        if odd := set(addresses) - set(plain):
            found |= await self._find(campaign, odd, {})
        return found

    async def find(self, campaign: str, address: str) -> str | None:
        """Ask for one address in one campaign."""
        return (await self.find_all(campaign, [address], datetime.now(UTC))).get(address)

    async def _find(self, campaign: str, wanted: set[str], narrowed: Mapping[str, Any]) -> dict[str, str]:
        """Return who of `wanted` is in the campaign: rows of others are passed over, should a filter be ignored."""
        found = dict[str, str]()
        body = {"campaign": campaign, "limit": PAGE, **narrowed}
        try:
            async with aclosing(self._calls.rows("/leads/list", body)) as rows:
                async for row in rows:
                    email, lead = same_address(row.get("email")), mapping.row_id(row)
                    if lead and email in wanted and mapping.is_in(row, campaign):
                        found.setdefault(email, lead)
                    if len(found) == len(wanted):
                        break
        except Refused as error:
            if error.status != 404:
                raise
        return found

    async def stop(self, campaign: str, lead: str, *, for_good: bool) -> bool:
        """Take out of the campaign, or set the interest that ends the sequence; not where somebody else ended it."""
        path = f"/leads/{segment(lead)}"
        try:
            row = as_mapping((await self._calls.http.get(API + path)).body)
        except Refused as error:
            if error.status == 404:
                return True
            raise
        if mapping.row_id(row) is None:
            raise Passing("GET leads: no lead in the answer")
        if not mapping.is_in(row, campaign) or mapping.is_unsubscribed(row):
            return True
        if for_good:
            await self._calls.delete(path)
        elif row.get("lt_interest_status") is None:
            body = {"lead_email": row.get("email"), "interest_value": mapping.NOT_INTERESTED, "campaign_id": campaign}
            await self._calls.http.send("POST", f"{API}/leads/update-interest-status", body=body, repeatable=True)
        return True

    async def pause(self, campaign: str, lead: str) -> None:  # noqa: ARG002
        """Nobody can be paused there: an interest that stops a person has not been seen to let them go on."""
        raise Refused("nobody can be paused there")

    async def resume(self, campaign: str, lead: str) -> None:  # noqa: ARG002
        """Nor can anybody go on."""
        raise Refused("nobody can go on there")
