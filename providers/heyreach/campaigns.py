"""HeyReach's campaigns.

A campaign's name holds fifty characters, so our marker is in the name of the list that the campaign draws from.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from providers.errors import Passing, Refused, Uncertain
from providers.heyreach import mapping, sequences
from providers.heyreach.calls import API, Calls
from providers.models import Schedule, Settings, Step
from providers.reading import as_mapping


class HeyReachCampaigns:
    """The campaigns of one workspace. `takes` is what adding leads has read of each: its seats, and if it rests."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.takes: dict[str, tuple[list[int], bool]] = {}

    async def find(self, marker: str) -> str | None:
        """Look through all campaigns. A copy made by hand draws from the same list, and is the younger one."""
        rows = [row async for row in self._calls.rows("/campaign/GetAll") if mapping.has_marker(row, marker)]
        return min((str(row["id"]) for row in rows), key=int, default=None)

    async def create(self, name: str, marker: str, senders: Sequence[str]) -> str:
        """Create a draft that draws from a list of its own, which is made before and found again. Raises Uncertain when
        the answer has no id."""
        accounts = mapping.accounts(senders)
        list_id = await self._list(name, marker)
        body = mapping.new_campaign(name, list_id, accounts)
        answer = await self._calls.edit("/campaign/Create", body, repeatable=False)
        created = mapping.created_id(answer.body, "campaignId")
        if created is None:
            raise Uncertain("POST campaign/Create: no id in the answer", status=answer.status)
        return created

    async def _list(self, name: str, marker: str) -> int:
        """Return the list that carries the marker, or a new one."""
        async with aclosing(self._calls.rows("/list/GetAll", {"keyword": marker})) as rows:
            async for row in rows:
                if mapping.is_our_list(row, marker):
                    return int(row["id"])
        body = {"name": mapping.list_name(name, marker), "type": mapping.LIST_OF_PEOPLE}
        answer = await self._calls.send("/list/CreateEmptyList", body)
        created = mapping.created_id(answer.body, "id")
        if created is None:
            raise Passing("POST list/CreateEmptyList: no id in the answer", status=answer.status)
        return int(created)

    async def has_begun(self, campaign: str) -> bool:
        """Read the status. To start one that was made by hand would enrol the whole list that it draws from."""
        return await self._status(campaign) not in mapping.UNSTARTED

    async def put_name(self, campaign: str, name: str, marker: str) -> None:  # noqa: ARG002
        """Rename; the marker stays in the name of the list. What is not sent would be reset, so it is read before.
        Raises Passing when that lacks the list."""
        settings = mapping.settings(await self.read(campaign), name)
        if settings is None:
            raise Passing("GET campaign/GetById: no list in the answer")
        await self._calls.change("/campaign/UpdateSettings", campaign, settings)

    async def put_settings(self, campaign: str, settings: Settings) -> None:
        """None of them is of LinkedIn."""

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        """Replace the tree. A campaign that was started keeps its form: then another one is refused."""
        await self._calls.change("/campaign/UpdateSequence", campaign, {"sequence": sequences.sequence(steps)})

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        """Set days and hours. The pace is the seats' own there."""
        await self._calls.change("/campaign/UpdateSchedule", campaign, {"schedule": mapping.schedule(schedule)})

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        """Replace the seats."""
        self.takes.pop(campaign, None)
        await self._calls.change(
            "/campaign/UpdateAccounts", campaign, {"linkedInAccountIds": mapping.accounts(senders)}
        )

    async def set_active(self, campaign: str, active: bool) -> None:
        """Start, go on or pause, as the status needs; a refusal counts as success where the campaign is as wanted.
        Raises Passing while the provider is still starting it."""
        before = await self._status(campaign)
        verb = mapping.switch(before, active)
        if verb is None:
            return
        try:
            await self._calls.send(f"/campaign/{verb}", params={"campaignId": campaign})
        except Refused as error:
            if error.status == 404:
                raise
            if mapping.stands(await self._status(campaign), active):
                return
            if before == mapping.STARTING:
                raise Passing(str(error), status=error.status, request_id=error.request_id) from None
            raise

    async def _status(self, campaign: str) -> str:
        status = (await self.read(campaign)).get("status")
        if not isinstance(status, str):
            raise Passing("GET campaign/GetById: no status in the answer")
        return status

    async def read(self, campaign: str) -> Mapping[str, Any]:
        """Read one campaign. A draft that cannot be read has been seen to be listed. Raises Passing when the answer is
        no campaign."""
        params = {"campaignId": mapping.campaign_number(campaign)}
        try:
            row = as_mapping((await self._calls.http.get(f"{API}/campaign/GetById", params=params)).body)
        except Refused as error:
            if error.status != 404:
                raise
            async with aclosing(self._calls.rows("/campaign/GetAll")) as rows:
                async for listed in rows:
                    if mapping.row_id(listed) == campaign:
                        return listed
            raise
        if mapping.row_id(row) is None:
            raise Passing("GET campaign/GetById: no campaign in the answer")
        return row
