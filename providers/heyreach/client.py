"""HeyReach's public REST API: campaigns and people; `hooks` has webhooks, `inbox` what is about messages.

A campaign's name holds fifty characters, so our marker is in the name of the list that the campaign draws from.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from providers.base import Gate
from providers.errors import CredentialRefused, Passing, Refused, Uncertain
from providers.heyreach import mapping, sequences
from providers.heyreach.calls import API, UNKNOWN
from providers.heyreach.hooks import Hooks
from providers.heyreach.inbox import Inbox
from providers.heyreach.senders import sender
from providers.models import LeadResult, LeadToAdd, Outcome, Schedule, SenderSeen, Step
from providers.reading import as_list, as_mapping

STARTING_SECONDS = 2.0


class HeyReachClient(Hooks, Inbox):
    """One HeyReach workspace."""

    def __init__(self, api_key: str, *, base_url: str, timeout: float, gate: Gate) -> None:
        super().__init__(api_key, base_url=base_url, timeout=timeout, gate=gate)
        self._takes: dict[str, tuple[list[int], bool]] = {}

    async def list_senders(self) -> list[SenderSeen]:
        """Read every seat."""
        return [sender(row) async for row in self._rows("/li_account/GetAll") if mapping.row_id(row)]

    async def find_campaign(self, marker: str) -> str | None:
        """Look through all campaigns. A copy made by hand draws from the same list, and is the younger one."""
        rows = [row async for row in self._rows("/campaign/GetAll") if mapping.has_marker(row, marker)]
        return min((str(row["id"]) for row in rows), key=int, default=None)

    async def create_campaign(self, name: str, marker: str, senders: Sequence[str]) -> str:
        """Create a draft that draws from a list of its own, which is made before and found again."""
        accounts = mapping.accounts(senders)
        list_id = await self._list(name, marker)
        body = mapping.new_campaign(name, list_id, accounts)
        answer = await self._edit("/campaign/Create", body, repeatable=False)
        created = mapping.created_id(answer.body, "campaignId")
        if created is None:
            raise Uncertain("POST campaign/Create: no id in the answer", status=answer.status)
        return created

    async def _list(self, name: str, marker: str) -> int:
        """Return the list that carries the marker, or a new one."""
        async with aclosing(self._rows("/list/GetAll", {"keyword": marker})) as rows:
            async for row in rows:
                if mapping.is_our_list(row, marker):
                    return int(row["id"])
        body = {"name": mapping.list_name(name, marker), "type": mapping.LIST_OF_PEOPLE}
        answer = await self._send("/list/CreateEmptyList", body)
        created = mapping.created_id(answer.body, "id")
        if created is None:
            raise Passing("POST list/CreateEmptyList: no id in the answer", status=answer.status)
        return int(created)

    async def has_begun(self, campaign: str) -> bool:
        """Read the status. To start one that was made by hand would enrol the whole list that it draws from."""
        return await self._status(campaign) not in mapping.UNSTARTED

    async def put_name(self, campaign: str, name: str, marker: str) -> None:  # noqa: ARG002
        """Rename; the marker stays in the name of the list. What is not sent would be reset, so it is read before."""
        settings = mapping.settings(await self._campaign(campaign), name)
        if settings is None:
            raise Passing("GET campaign/GetById: no list in the answer")
        await self._change("/campaign/UpdateSettings", campaign, settings)

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Replace the tree. A campaign that was started keeps its form: then another one is refused."""
        await self._change("/campaign/UpdateSequence", campaign, {"sequence": sequences.sequence(steps)})

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set days and hours. The pace is the seats' own there."""
        await self._change("/campaign/UpdateSchedule", campaign, {"schedule": mapping.schedule(schedule)})

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Replace the seats."""
        self._takes.pop(campaign, None)
        await self._change("/campaign/UpdateAccounts", campaign, {"linkedInAccountIds": mapping.accounts(senders)})

    async def set_active(self, campaign: str, active: bool) -> None:
        """Start, go on or pause, as the status asks for; a refusal is none where it then is what was asked for."""
        before = await self._status(campaign)
        verb = mapping.switch(before, active)
        if verb is None:
            return
        try:
            await self._send(f"/campaign/{verb}", params={"campaignId": campaign})
        except Refused as error:
            if isinstance(error, CredentialRefused) or error.status == 404:
                raise
            if mapping.stands(await self._status(campaign), active):
                return
            if before == mapping.STARTING:
                raise Passing(str(error), status=error.status, request_id=error.request_id) from None
            raise

    async def add_leads(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        """Add leads; the answer only counts them. Whoever is left open may be so because a seat is gone."""
        seats, is_paused = self._takes.get(campaign) or await self._look_before_adding(campaign)
        body = mapping.add_leads(mapping.campaign_number(campaign), leads, seats, resume_paused=is_paused)
        try:
            answer = await self._http.send("POST", f"{API}/campaign/AddLeadsToCampaignV2", body=body)
        except Refused as error:
            if not isinstance(error, CredentialRefused):
                await self._look_before_adding(campaign)  # raises where it is not the people who are to blame
            raise
        results = mapping.lead_results(leads, as_mapping(answer.body))
        if any(result.outcome is not Outcome.PUSHED for result in results):
            self._takes.pop(campaign, None)
        return results

    async def _look_before_adding(self, campaign: str) -> tuple[list[int], bool]:
        """Return a campaign's seats and whether it rests, as one does that had nobody when it was started.

        One that takes nobody is refused as one that is not there: its people are not to blame, and wait.
        """
        self._takes.pop(campaign, None)
        row = await self._campaign(campaign)
        seats = [seat for value in as_list(row.get("campaignAccountIds")) if (seat := mapping.whole(value)) is not None]
        status = row.get("status")
        if status == mapping.STARTING:
            raise Passing("the campaign is still starting", retry_after=STARTING_SECONDS)
        if not seats or status not in mapping.TAKING:
            raise Refused("the campaign takes nobody", status=404)
        self._takes[campaign] = (sorted(seats), status == mapping.PAUSED)
        return self._takes[campaign]

    async def find_leads(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:  # noqa: ARG002
        """Ask person by person: the campaign's own list shows people only when they are about to have their turn."""
        asked = [(address, await self.find_lead(campaign, address)) for address in addresses]
        return {address: lead for address, lead in asked if lead is not None}

    async def find_lead(self, campaign: str, address: str) -> str | None:
        """Ask for one person's campaigns. A person has no id there but the profile."""
        url = mapping.profile_url(address)
        return url if url and await self._enrolment(campaign, url) is not None else None

    async def _enrolment(self, campaign: str, url: str) -> Mapping[str, Any] | None:
        """Return a person's row in a campaign."""
        rows = await self._enrolments(url)
        return next((row for row in rows if str(row.get("campaignId")) == campaign), None)

    async def stop_lead(self, campaign: str, lead: str, *, for_good: bool) -> bool:  # noqa: ARG002
        """Stop for good, since nothing less is possible there. Whether anybody was stopped is seen only by looking."""
        url = mapping.profile_url(lead)
        if url is None:
            raise Refused("the person is not named by a profile")
        member = await self._member(url)
        body = {"campaignId": mapping.campaign_number(campaign), "leadUrl": url}
        try:
            await self._send("/campaign/StopLeadInCampaign", body | ({"leadMemberId": member} if member else {}))
        except Refused as error:
            if error.status != 400 or mapping.is_going(await self._enrolment(campaign, url)):
                raise
        row = await self._enrolment(campaign, url)
        return row is not None and not mapping.is_going(row)

    async def pause_lead(self, campaign: str, lead: str) -> None:  # noqa: ARG002
        """Nobody can be paused there, only stopped for good."""
        raise Refused("nobody can be paused there")

    async def resume_lead(self, campaign: str, lead: str) -> None:  # noqa: ARG002
        """Nor can anybody go on."""
        raise Refused("nobody can go on there")

    async def _member(self, url: str) -> str | None:
        """Return LinkedIn's number of a person."""
        try:
            answer = await self._send("/lead/GetLead", {"profileUrl": url})
        except Refused as error:
            if error.status not in UNKNOWN:
                raise
            return None
        return str(as_mapping(answer.body).get("linkedin_id") or "") or None

    async def _status(self, campaign: str) -> str:
        status = (await self._campaign(campaign)).get("status")
        if not isinstance(status, str):
            raise Passing("GET campaign/GetById: no status in the answer")
        return status

    async def _campaign(self, campaign: str) -> Mapping[str, Any]:
        """Read one campaign. A draft that cannot be read has been seen to be listed."""
        params = {"campaignId": mapping.campaign_number(campaign)}
        try:
            row = as_mapping((await self._http.get(f"{API}/campaign/GetById", params=params)).body)
        except Refused as error:
            if error.status != 404:
                raise
            async with aclosing(self._rows("/campaign/GetAll")) as rows:
                async for listed in rows:
                    if mapping.row_id(listed) == campaign:
                        return listed
            raise
        if mapping.row_id(row) is None:
            raise Passing("GET campaign/GetById: no campaign in the answer")
        return row
