"""A round of polling that was interrupted goes on in the worker's next run, and each campaign gets its facts."""

import asyncio
import json
import secrets
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import Vault
from api.db.pool import Database
from api.events import polling_jobs
from api.worker.engine import Engine, Turn
from api.worker.lanes import AGAIN, Lane
from providers.contract import Access
from providers.errors import Passing
from providers.http import HttpClients
from providers.models import ProviderEvent
from providers.registry import PROVIDERS
from tests.database.tenants import put
from tests.providers.served import SERVED, SMALL, Served
from tests.support.clients import CountingGate
from tests.support.in_process import settings_of

Conn = psycopg.Connection[Any]
ROUNDS = [
    5, [], {}, ["x", "y", []], [None, None, None], ["2026-01-01", "x", ["7"]], [1, 2, ["7"]], ["2026", "2026", "7"],
]  # fmt: skip


class Polled:
    """An account at a provider with two campaigns, and what its polls have written down."""

    def __init__(self, conn: Conn, it: Served) -> None:
        self.conn, self.it, self.settings = conn, it, settings_of(conn)
        self.facts: list[ProviderEvent] = []
        conn.autocommit = True
        self.org = put(conn, "organizations", {"name": "T", "slug": "t"})
        conn.execute("select ctx.set_scope(%s, null, null, 'test')", [self.org])
        self.own = {"org_id": self.org, "company_id": put(conn, "companies", {"org_id": self.org, "name": "C"})}
        account = {"org_id": self.org, "provider": it.key, "credential_hmac": secrets.token_bytes(32)}
        self.account = put(conn, "provider_accounts", account)
        self.capability = "linkedin_outreach" if it.key == "heyreach" else "email_outreach"
        self.connection = put(conn, "connections", {
            **self.own, "capability": self.capability, "provider": it.key, "account_id": self.account,
            "status": "connected", "hook_hmac": secrets.token_bytes(32), "credential": b"x", "hook_token": b"x",
        })  # fmt: skip
        for name in (it.campaign, it.other):
            self.add(name)

    def add(self, name: str) -> None:
        campaign = put(self.conn, "campaigns", {
            **self.own, "name": name, "capability": self.capability, "status": "active", "synced_revision": 1,
            "started_at": "2026-01-01T00:00:00Z",
        })  # fmt: skip
        put(self.conn, "campaign_bindings", {
            **self.own, "campaign_id": campaign, "connection_id": self.connection, "external_id": name,
            "remote_status": "active",
        })  # fmt: skip
        self.conn.execute("update outbound.campaign_bindings set hook_checked_at = now()")
        self.due(name)

    def due(self, name: str, when: str = "0 s") -> None:
        """Say when a campaign is polled."""
        query = "update outbound.campaign_bindings set poll_at = now() + %s::interval where external_id = %s"
        self.conn.execute(query, [when, name])

    def begin_anew(self, reading: dict[str, Any]) -> None:
        """Have all campaigns polled from hours ago on, with this as what was kept."""
        kept = "update outbound.provider_accounts set reading = %s"
        self.conn.execute(kept, [json.dumps(reading)])
        long_ago = "read_at = now() - interval '9 hours', poll_at = now(), figures = null"
        self.conn.execute(f"update outbound.campaign_bindings set {long_ago}")  # noqa: S608 - words of our own

    def value(self, query: str, *params: Any) -> Any:
        (value,) = self.conn.execute(query, params).fetchone() or ()  # pyright: ignore[reportArgumentType, reportCallIssue]
        return value

    @property
    def reading(self) -> dict[str, Any]:
        return self.value("select reading from outbound.provider_accounts")

    def read_at(self, name: str) -> Any:
        return self.value("select read_at from outbound.campaign_bindings where external_id = %s", name)

    def poll(self, pages: int = 10_000) -> float | None:
        """Poll once as a worker that has just been started does, until so many pages were answered."""
        self.it.left = pages
        return asyncio.run(self._poll())

    async def _poll(self) -> float | None:
        settings, provider = self.settings, PROVIDERS[self.it.key]
        database = Database(settings, tiers=("worker",))
        await database.open()
        links = UnsubscribeLinks.from_settings(settings)
        engine = Engine(settings, Vault.from_settings(settings), database, HttpClients(), links)
        lane = Lane(
            engine, self.org, self.account, 0, self.connection, provider, settings.limits(provider.key),
            Turn(engine.turns), deadline=float("inf"),
        )  # fmt: skip
        try:
            async with httpx.AsyncClient(transport=httpx.MockTransport(self.it.answer)) as http:
                access = Access("key", "http://provider.example", 5.0, CountingGate(), http)
                lane.client = provider.connect(access)
                return await polling_jobs.poll_campaigns(lane)
        finally:
            await database.close()

    def interrupted(self, pages: int = 2) -> None:
        with pytest.raises(Passing):
            self.poll(pages)

    def poll_until_whole(self) -> int:
        """Poll two or three pages at a time, and return how often that was interrupted."""
        for times in range(60):
            try:
                while self.poll(2 + times % 2) == AGAIN:
                    pass
            except Passing:
                continue
            return times
        raise AssertionError("it never ends")

    def keys(self, name: str) -> set[str]:
        return {fact.key for fact in self.facts if fact.external_campaign_id == name}


@pytest.fixture(params=SERVED, ids=lambda kind: kind.key)
def polled(request: pytest.FixtureRequest, postgresql: Conn, monkeypatch: pytest.MonkeyPatch) -> Polled:
    """An account whose lists have several pages each, and two campaigns in them."""
    for module in ("calls", "inbox"):
        for name in ("PAGE", "REPLIES", "ROWS"):
            monkeypatch.setattr(f"providers.{request.param.key}.{module}.{name}", SMALL, raising=False)
    made = Polled(postgresql, request.param(shared=True))
    made.begin_anew({})

    async def write_down(_tx: Any, _company: UUID, _connection: UUID, facts: Sequence[ProviderEvent]) -> list[Any]:
        made.facts += facts
        return []

    monkeypatch.setattr(polling_jobs, "project_facts", write_down)
    return made


def expected(polled: Polled) -> dict[str, set[str]]:
    """Return what one reading of everything gives, and forget that there was one."""
    polled.poll()
    found = {name: polled.keys(name) for name in (polled.it.campaign, polled.it.other)}
    polled.facts.clear()
    polled.begin_anew({})
    polled.it.whole.clear()
    assert all(found.values())
    return found


def found(polled: Polled) -> dict[str, set[str]]:
    return {name: polled.keys(name) for name in (polled.it.campaign, polled.it.other)}


def test_a_round_that_is_interrupted_is_ended_and_forgotten(polled: Polled) -> None:
    wanted = expected(polled)
    polled.interrupted()
    since, began, names = polled.reading["round"]
    assert since < began
    assert names == sorted(wanted)
    assert polled.poll_until_whole() > 3
    assert found(polled) == wanted
    for name in wanted:
        assert polled.read_at(name).isoformat()[:19] == began[:19], "as of when it began"
    left = polled.reading
    assert "round" not in left
    assert all(place[0] is not None for place in left.values())


def test_a_campaign_that_comes_meanwhile_waits_and_begins_nothing_anew(polled: Polled) -> None:
    wanted, it = expected(polled), polled.it
    polled.due(it.other, "1 hour")
    for _ in range(3):
        polled.interrupted()
    polled.due(it.other)
    it.whole.clear()
    kept = polled.reading
    assert polled.poll() == AGAIN
    assert polled.keys(it.campaign) == wanted[it.campaign]
    assert polled.read_at(it.campaign).isoformat()[:19] == kept["round"][1][:19]
    assert sum(it.whole.values()) < sum(map(len, it.lists.values())) / SMALL, "only what was left"
    assert polled.poll() is None
    assert found(polled) == wanted


def test_a_campaign_that_is_left_out_of_a_run_misses_nothing(polled: Polled) -> None:
    """What is read of a list of all campaigns meanwhile is kept for the others alone."""
    wanted, it = expected(polled), polled.it
    polled.interrupted(9 if it.key == "heyreach" else 1)  # people come first there, by campaign
    polled.due(it.other, "1 hour")
    polled.interrupted(2)
    polled.due(it.other)
    polled.poll_until_whole()
    polled.poll()
    assert found(polled) == wanted


def test_a_place_that_the_provider_does_not_know_any_more_is_given_up(polled: Polled) -> None:
    wanted, it = expected(polled), polled.it
    polled.due(it.other, "1 hour")
    while it.cursors and not it.forgotten:
        polled.interrupted(3)
        it.forgotten = {place[0] for name, place in polled.reading.items() if name != "round"} - {None}
        it.forgotten = {cursor for cursor in it.forgotten if isinstance(cursor, str)}
    polled.poll()
    assert polled.keys(it.campaign) == wanted[it.campaign]


def test_what_an_earlier_version_kept_keeps_nothing_up(polled: Polled) -> None:
    wanted = expected(polled)
    odd = {"mails": 5, "replies": [3], "conversations": {}, "7:sent": "x", "7:gone": [1, "2026-13-45"]}
    for begun in ROUNDS:
        polled.facts.clear()
        polled.begin_anew({**odd, "round": begun})
        polled.poll()
        assert found(polled) == wanted, begun
        assert "round" not in polled.reading
