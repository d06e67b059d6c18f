"""A fourth provider, written by CONTRIBUTING.md alone: what a provider needs at least, in one folder and one line.

`python -m tests.support.toy serve` (or `worker`, `migrate`) is `outbound` with that one line added.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from providers.contract import FORGETFUL, Access, Progress, Provider, ProviderClient, Senders
from providers.errors import Refused
from providers.http import ProviderHttp, header_value
from providers.models import (
    Fact,
    Features,
    Figures,
    HookState,
    LeadResult,
    LeadToAdd,
    Limits,
    Message,
    Outcome,
    ProviderEvent,
    Schedule,
    SenderSeen,
    Settings,
    Step,
    Traits,
)


class ToyAccount:
    """What belongs to the account itself."""

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http

    async def verify(self) -> None:
        await self._http.get("/mailboxes")

    async def list_senders(self) -> list[SenderSeen]:
        rows = (await self._http.get("/mailboxes")).body
        return [SenderSeen(row["id"], row["address"], None, True, 50, "unknown") for row in rows]


class ToyCampaigns:
    """Campaigns: one document each, of which each verb writes one part."""

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http

    async def find(self, marker: str) -> str | None:
        rows = (await self._http.get("/campaigns")).body
        return next((row["id"] for row in rows if marker in row["name"]), None)

    async def create(self, name: str, marker: str, senders: Sequence[str]) -> str:
        body = {"name": f"{name} [{marker}]", "senders": list(senders)}
        return str((await self._http.send("POST", "/campaigns", body=body)).body["id"])

    async def has_begun(self, campaign: str) -> bool:
        return bool((await self._http.get(f"/campaigns/{campaign}")).body.get("active") is not None)

    async def put_name(self, campaign: str, name: str, marker: str) -> None:
        await self._put(campaign, name=f"{name} [{marker}]")

    async def put_sequence(self, campaign: str, steps: Sequence[Step]) -> None:
        await self._put(campaign, steps=[{"subject": step.subject, "body": step.body} for step in steps])

    async def put_settings(self, campaign: str, settings: Settings) -> None:
        """There are none."""

    async def put_schedule(self, campaign: str, schedule: Schedule) -> None:
        await self._put(campaign, timezone=schedule.timezone)

    async def put_senders(self, campaign: str, senders: Sequence[str]) -> None:
        await self._put(campaign, senders=list(senders))

    async def set_active(self, campaign: str, active: bool) -> None:
        await self._put(campaign, active=active)

    async def _put(self, campaign: str, **part: Any) -> None:
        await self._http.send("PATCH", f"/campaigns/{campaign}", body=part, repeatable=True)


class ToyLeads:
    """People, who are known by their addresses."""

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http

    async def add(self, campaign: str, leads: Sequence[LeadToAdd]) -> list[LeadResult]:
        body = [lead.address for lead in leads]
        await self._http.send("POST", f"/campaigns/{campaign}/leads", body=body)
        return [LeadResult(lead.key, Outcome.PUSHED, external_id=lead.address) for lead in leads]

    async def find_all(self, campaign: str, addresses: Sequence[str], since: datetime) -> Mapping[str, str]:
        there = set((await self._http.get(f"/campaigns/{campaign}/leads")).body)
        return {address: address for address in addresses if address in there}

    async def find(self, campaign: str, address: str) -> str | None:
        return (await self.find_all(campaign, [address], datetime.now(UTC))).get(address)

    async def stop(self, campaign: str, lead: str, *, for_good: bool) -> bool:
        await self._http.send("DELETE", f"/campaigns/{campaign}/leads/{lead}", repeatable=True)
        return True

    async def pause(self, campaign: str, lead: str) -> None:
        raise Refused("nobody can be paused there")

    async def resume(self, campaign: str, lead: str) -> None:
        raise Refused("nobody can go on there")


class ToyInbox:
    """Tells by webhook alone, and keeps no threads."""

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http

    async def read_figures(self, campaign: str) -> Figures:
        return Figures(sent=len((await self._http.get(f"/campaigns/{campaign}/leads")).body))

    async def read_facts(
        self, campaigns: Sequence[str], since: datetime, *, progress: Progress = FORGETFUL
    ) -> list[ProviderEvent]:
        return []

    async def read_thread(
        self, campaign: str, lead: str | None, address: str, *, senders: Senders | None = None
    ) -> list[Message]:
        return []

    async def reply(
        self, campaign: str, lead: str | None, address: str, text: str, *, senders: Senders | None = None
    ) -> None:
        raise Refused("nobody can be answered there")


class ToyWebhooks:
    """One address for each campaign."""

    def __init__(self, http: ProviderHttp) -> None:
        self._http = http

    async def put(self, campaign: str, url: str) -> None:
        await self._http.send("PATCH", f"/campaigns/{campaign}", body={"hook": url}, repeatable=True)

    async def check(self, campaign: str, url: str) -> HookState:
        there = (await self._http.get(f"/campaigns/{campaign}")).body.get("hook")
        return HookState.WORKING if there == url else HookState.MISSING

    async def delete(self, campaign: str, url: str) -> None:
        await self._http.send("PATCH", f"/campaigns/{campaign}", body={"hook": None}, repeatable=True)


def connect(access: Access) -> ProviderClient:
    """Return a client for one account."""
    http = ProviderHttp(access, headers={"X-Toy-Key": header_value(access.api_key)})
    return ProviderClient(ToyAccount(http), ToyCampaigns(http), ToyLeads(http), ToyInbox(http), ToyWebhooks(http))


def parse(body: bytes) -> list[ProviderEvent]:
    """Return the one fact of a body."""
    row = json.loads(body)
    fact = Fact(row["event"])
    return [ProviderEvent(fact, row["id"], None, row["campaign"], row["address"], None, datetime.now(UTC), {"step": 1})]


TOY = Provider(
    key="toy",
    title="Toy",
    capability="email_outreach",
    url="https://toy.example",
    limits=Limits(leads_per_request=7, requests_per_minute=6000, requests_per_burst=0),
    features=Features(step_types=("email",), events=(Fact.SENT, Fact.REPLIED), reply=False),
    traits=Traits(),
    connect=connect,
    parse_webhook=parse,
)
