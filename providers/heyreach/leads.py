"""The people of HeyReach's campaigns."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from providers.errors import Passing, Refused
from providers.heyreach import mapping
from providers.heyreach.calls import API, UNKNOWN, Calls
from providers.heyreach.campaigns import HeyReachCampaigns
from providers.models import LeadResult, LeadToAdd, Outcome
from providers.reading import as_list, as_mapping

STARTING_SECONDS = 2.0


class HeyReachLeads:
    """The people in the campaigns of one workspace. `campaigns` keeps what a campaign was last seen to take."""

    def __init__(self, calls: Calls, campaigns: HeyReachCampaigns) -> None:
        self._calls = calls
        self._campaigns = campaigns

    async def add(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add leads; the answer only counts them. Whoever is left open may be so because a seat is gone."""
        seats, is_paused = self._campaigns.takes.get(campaign) or await self._look_before_adding(campaign)
        body = mapping.add_leads(mapping.campaign_number(campaign), leads, seats, resume_paused=is_paused)
        try:
            answer = await self._calls.http.send("POST", f"{API}/campaign/AddLeadsToCampaignV2", body=body)
        except Refused:
            await self._look_before_adding(campaign)  # raises where it is not the people who are to blame
            raise
        results = mapping.lead_results(leads, as_mapping(answer.body))
        if any(result.outcome is not Outcome.PUSHED for result in results):
            self._campaigns.takes.pop(campaign, None)
        return results

    async def _look_before_adding(self, campaign: str) -> tuple[list[int], bool]:
        """Return a campaign's seats and whether it rests, as one does that had nobody when it was started.

        One that takes nobody is refused as one that is not there: its people are not to blame, and wait.
        """
        self._campaigns.takes.pop(campaign, None)
        row = await self._campaigns.read(campaign)
        seats = [seat for value in as_list(row.get("campaignAccountIds")) if (seat := mapping.whole(value)) is not None]
        status = row.get("status")
        if status == mapping.STARTING:
            raise Passing("the campaign is still starting", retry_after=STARTING_SECONDS)
        if not seats or status not in mapping.TAKING:
            raise Refused("the campaign takes nobody", status=404)
        self._campaigns.takes[campaign] = (sorted(seats), status == mapping.PAUSED)
        return self._campaigns.takes[campaign]

    async def find_all(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:  # noqa: ARG002
        """Ask person by person: the campaign's own list shows people only when they are about to have their turn."""
        asked = [(address, await self.find(campaign, address)) for address in addresses]
        return {address: lead for address, lead in asked if lead is not None}

    async def find(self, campaign: str, address: str) -> str | None:
        """Ask for one person's campaigns. A person has no id there but the profile."""
        url = mapping.profile_url(address)
        return url if url and await self._enrolment(campaign, url) is not None else None

    async def _enrolment(self, campaign: str, url: str) -> Mapping[str, Any] | None:
        """Return a person's row in a campaign."""
        rows = await self._calls.enrolments(url)
        return next((row for row in rows if str(row.get("campaignId")) == campaign), None)

    async def stop(self, campaign: str, lead: str, *, for_good: bool) -> bool:  # noqa: ARG002
        """Stop for good, since nothing less is possible there. Whether anybody was stopped is seen only by looking."""
        url = mapping.profile_url(lead)
        if url is None:
            raise Refused("the person is not named by a profile")
        member = await self._member(url)
        body = {"campaignId": mapping.campaign_number(campaign), "leadUrl": url}
        try:
            await self._calls.send("/campaign/StopLeadInCampaign", body | ({"leadMemberId": member} if member else {}))
        except Refused as error:
            if error.status != 400 or mapping.is_going(await self._enrolment(campaign, url)):
                raise
        row = await self._enrolment(campaign, url)
        return row is not None and not mapping.is_going(row)

    async def pause(self, campaign: str, lead: str) -> None:  # noqa: ARG002
        """Nobody can be paused there, only stopped for good."""
        raise Refused("nobody can be paused there")

    async def resume(self, campaign: str, lead: str) -> None:  # noqa: ARG002
        """Nor can anybody go on."""
        raise Refused("nobody can go on there")

    async def _member(self, url: str) -> str | None:
        """Return LinkedIn's number of a person."""
        try:
            answer = await self._calls.send("/lead/GetLead", {"profileUrl": url})
        except Refused as error:
            if error.status not in UNKNOWN:
                raise
            return None
        return str(as_mapping(answer.body).get("linkedin_id") or "") or None
