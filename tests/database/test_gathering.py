"""Webhooks that wait at the same time are stored together, each once, and each is answered after its commit alone."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from api.access.vault import Vault
from api.db.pool import Database
from api.hooks.gathering import Gathering
from tests.database.tenants import seed_organization
from tests.support.in_process import settings_of

MANY = 150


async def gathered(postgresql: Connection[Any], work: Callable[[Gathering], Awaitable[list[Any]]]) -> list[Any]:
    settings = settings_of(postgresql)
    db = Database(settings, tiers=("hook",))
    await db.open()
    try:
        return await work(Gathering(db, Vault.from_settings(settings)))
    finally:
        await db.close()


def test_what_is_answered_is_there_and_each_body_once(postgresql: Connection[Any]) -> None:
    postgresql.autocommit = True
    one, two = seed_organization(postgresql, companies=2)
    postgresql.execute("delete from outbound.inbound_webhooks")
    looked: list[bool] = []

    async def send(webhooks: Gathering, hook: str, body: bytes) -> None:
        org_id = await webhooks.organization_of(hook)
        await webhooks.store(hook, org_id, body)
        stored = "select from outbound.inbound_webhooks where body_sha256 = %s"
        looked.append(bool(postgresql.execute(stored, [hashlib.sha256(body).digest()]).fetchall()))

    async def all_at_once(webhooks: Gathering) -> list[Any]:
        bodies = [f"body {number % 100}".encode() for number in range(MANY)]  # some come twice
        work = [send(webhooks, company.hook, body) for body in bodies for company in (one, two)]
        gone = asyncio.ensure_future(send(webhooks, one.hook, b"whose caller has gone"))
        results = asyncio.gather(*work, return_exceptions=True)
        await asyncio.sleep(0)
        gone.cancel()
        return await results

    async def closed(webhooks: Gathering) -> list[Any]:
        await webhooks.organization_of(two.hook)
        postgresql.execute("update ctx.credentials set closed_at = now() where hmac = decode(%s, 'hex')", [two.hook])
        with pytest.raises(psycopg.errors.InvalidAuthorizationSpecification):
            await send(webhooks, two.hook, b"after the path was closed")
        return []

    for work in (all_at_once, closed):
        assert [each for each in asyncio.run(gathered(postgresql, work)) if each is not None] == []
    assert looked == [True] * (2 * MANY)
    rows = postgresql.execute(
        "select company_id, count(*), count(distinct body_sha256) from outbound.inbound_webhooks group by 1"
    ).fetchall()
    assert {row[0]: row[1] == row[2] and row[1] in (100, 101) for row in rows} == {one.id: True, two.id: True}
    (jobs,) = (
        postgresql.execute("select count(*) from jobs.procrastinate_jobs where queue_name = 'webhook'").fetchone() or ()
    )
    assert jobs == 2
