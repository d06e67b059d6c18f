"""Pool bleed: many tenants share a few connections while requests are cancelled, time out or fail half-way."""

import asyncio
import json
import logging
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from pydantic import SecretStr

from api.db.identity import Credential
from api.db.pool import Database, Tx
from api.db.queries import beside
from api.ops.isolation.actors import Place, Tenant
from api.ops.isolation.attackers import TIERS
from api.ops.isolation.report import Section
from api.settings import Settings

SQL = beside(__file__, "bleed.sql")
POOL = 5
CLIENTS = 32
ENDS = {"answered": 46, "read in one flush": 30, "cancelled": 10, "timed out": 4, "failed": 5, "spoiled": 5}


class _StruckError(Exception):
    """What a request fails with on purpose."""


@dataclass(frozen=True)
class Caller:
    """One tenant at one tier."""

    tier: str
    tenant: Tenant


async def bleed(place: Place, callers: list[Caller], section: Section, *, requests: int, seed: int) -> None:
    """Send requests of all callers over one small pool for each tier, and compare every row's owner with the asker."""
    tiers = tuple(sorted({caller.tier for caller in callers}))
    database = Database(_settings(place), tiers=tiers, tickets=place.tickets)
    rng = random.Random(seed)  # noqa: S311  # repeatable, not secret
    plan = [(rng.choice(callers), rng.choices(list(ENDS), list(ENDS.values()))[0]) for _ in range(requests)]
    gate = asyncio.Semaphore(CLIENTS)
    ended: Counter[str] = Counter()
    quiet = logging.getLogger("psycopg.pool")
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # it tells of every transaction that is rolled back, and that is the point here
    await database.open()
    try:
        async with asyncio.TaskGroup() as group:
            for caller, end in plan:
                await gate.acquire()
                task = group.create_task(_request(database, caller, end, section))
                task.add_done_callback(lambda _: gate.release())
                ended[end] += 1
        await _nothing_left(database, tiers, section)
    finally:
        await database.close()
        quiet.setLevel(level)
    section.notes.append(", ".join(f"{count} {end}" for end, count in sorted(ended.items())))


async def _request(database: Database, caller: Caller, end: str, section: Section) -> None:
    work = _ask(database, caller, end, section)
    with suppress(_StruckError, TimeoutError, psycopg.errors.QueryCanceled, asyncio.CancelledError):
        if end == "cancelled":
            async with asyncio.timeout(random.uniform(0.0005, 0.02)):  # noqa: S311
                await work
        else:
            await work


async def _ask(database: Database, caller: Caller, end: str, section: Section) -> None:
    door = (
        database.by_job(caller.tenant.org_id)
        if caller.tier == "worker"
        else database.by_credential(Credential(caller.tier, "token", caller.tenant.subjects[caller.tier]))
    )
    if end == "read in one flush" and caller.tier != "worker":
        asker = Credential(caller.tier, "token", caller.tenant.subjects[caller.tier])
        document = await database.read(asker, lambda _: None, SQL.owners_document, {})
        _compare(caller, json.loads(document or b"[]"), section)
        return
    async with door as tx:
        _compare(caller, await tx.many(SQL.owners), section)
        if end == "timed out":
            await tx.run(SQL.short_timeout)
        if end in ("timed out", "cancelled"):
            await tx.run(SQL.nap)
        if end == "failed":
            raise _StruckError
        if end == "spoiled":
            await tx.run(SQL.session_setting)
        else:
            _compare(caller, await tx.many(SQL.owners), section)


def _compare(caller: Caller, rows: list[dict[str, Any]], section: Section) -> None:
    section.counts["probes"] += 1
    tenant = caller.tenant
    for row in rows:
        strange = UUID(str(row["org_id"])) != tenant.org_id or (
            caller.tier == "company" and UUID(str(row["id"])) != tenant.company_id
        )
        if strange:
            section.fail("pool", f"{caller.tier} of {tenant.name} was shown a row of {row['org_id']}")
    section.counts["positives"] += 1
    if not rows:
        section.fail("pool", f"{caller.tier} of {tenant.name} saw nothing of its own", "failed positives")


async def _nothing_left(database: Database, tiers: tuple[str, ...], section: Section) -> None:
    for tier in tiers:
        for _ in range(POOL * 2):
            async with database.unscoped(tier) as tx:
                await _judge_idle(tx, tier, section)


async def _judge_idle(tx: Tx, tier: str, section: Section) -> None:
    section.counts["probes"] += 1
    row = await tx.one(SQL.signature)
    if row is None or row["signature"]:
        section.fail("pool", f"a connection of {tier} came back with a signature")
    if rows := await tx.many(SQL.owners):
        section.fail("pool", f"a connection of {tier} without a context saw {len(rows)} rows")


def _settings(place: Place) -> Settings:
    urls = {f"database_url_{tier}": SecretStr(place.urls.get(tier, "")) for tier in TIERS}
    return Settings.model_construct(None, **urls, pool_size=POOL, pool_timeout_seconds=60.0)  # no secret is needed here
