"""A lane does all the outside work of one provider account, one run at a time and a few seconds per run.

A lane runs the steps of `api/tasks.py` in order and queues itself again when one of them is not done. Before each
request a gate makes sure that no transaction is open, that the account's budget has room, and that this worker is
still known to live: a worker that may have been given up for dead sends nothing.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from api.access.vault import SealedField
from api.db.pool import Tx, assert_no_transaction
from api.db.queries import beside
from api.settings import request_spacing
from api.worker.engine import Engine
from providers.contract import Access, Provider, ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError
from providers.models import Limits
from providers.registry import PROVIDERS

SQL = beside(__file__)
log = structlog.stdlib.get_logger("outbound.lanes")

AGAIN = 0.0  # what a step returns that was not done and goes on in the lane's next run
LONG_WAIT = 0.05
NO_SIMULATOR_SECONDS = 600.0
SPENT_SECONDS = 30.0
NOT_URGENT = 0.95  # of an hour: the rest is kept for pausing and stopping


class LaneLostError(Passing):
    """This worker may have been given up for dead, so it sends nothing more."""


class BudgetSpentError(Passing):
    """The account has been sent as much as it may be in an hour; `retry_after` says when it may be sent more."""


@dataclass
class Lane:
    """One run over one account. `client` speaks to the provider; `transaction` to Postgres, never both at once."""

    engine: Engine
    org_id: UUID
    account_id: UUID
    job_id: int
    connection_id: UUID
    provider: Provider
    limits: Limits
    client: ProviderClient = field(init=False)
    deadline: float = 0.0
    urgent: bool = False

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """Open a transaction inside the lane's organization."""
        async with self.engine.db.by_job(self.org_id) as tx:
            yield tx

    @property
    def later(self) -> float:
        """In how many seconds to try again what fails for itself, not for the whole account."""
        return 12.0 * self.engine.settings.retry_seconds

    @property
    def out_of_time(self) -> bool:
        """Whether others should have a turn."""
        return time.monotonic() > self.deadline

    async def gate(self, spacing: float = 0.0) -> None:
        """Return when one request may be sent now; LaneLostError when this worker must not send. Where a request has a
        narrower budget at the provider, `spacing` is how many seconds at least lie between it and the one before.
        Raises BudgetSpentError when the hour's budget is used up."""
        assert_no_transaction()
        interval, late = request_spacing(self.limits)
        params = {
            "account_id": self.account_id,
            "job_id": self.job_id,
            "interval": max(interval, spacing),
            "late": 0.0 if spacing > interval else late,
            "per_hour": math.ceil(self.limits.requests_per_hour * (1.0 if self.urgent else NOT_URGENT)),
        }
        async with self.transaction() as tx:
            row = await tx.one(SQL.take_budget, params)
        if row and row["spent_seconds"] is not None:
            raise BudgetSpentError("the account's hour is used up", retry_after=row["spent_seconds"])
        wait = (row["wait_seconds"] or 0.0) if row else 0.0
        if wait > LONG_WAIT:
            await asyncio.sleep(wait)
            async with self.transaction() as tx:
                row = await tx.one(SQL.heartbeat_age, params)
        age = row["heartbeat_age"] if row else None
        if age is None or age > self.engine.settings.stall_seconds / 2:
            raise LaneLostError("this worker's heartbeat is too old to send anything")


@dataclass(frozen=True)
class LaneStep:
    """A part of every lane's work. It returns in how many seconds it wants to go on, `AGAIN` for at once, or None when
    it is done. What is urgent, pausing and stopping, may use the part of an hour's budget that nothing else may."""

    run: Callable[[Lane], Awaitable[float | None]]
    urgent: bool = False


def is_of_account(error: Passing) -> bool:
    """Tell whether a failure concerns the whole account, be it too much there or this worker's own."""
    return error.status in (403, 429) or isinstance(error, LaneLostError | BudgetSpentError)


async def work_account(
    engine: Engine, org_id: UUID, account_id: UUID, job_id: int, *, steps: Sequence[LaneStep]
) -> None:
    """Run one lane once and queue it again when there is more to do, now or later."""
    async with engine.db.by_job(org_id) as tx:
        row = await tx.one(SQL.open_lane, {"account_id": account_id})
    if row is None:
        return
    if row["paused_seconds"] > 0:
        await _again(engine, org_id, account_id, row["paused_seconds"])
        return
    url = engine.settings.provider_url(row["provider"], row["environment"])
    if url is None:
        log.warning("no simulator for sandboxes", provider=row["provider"], account_id=str(account_id))
        await _again(engine, org_id, account_id, NO_SIMULATOR_SECONDS)
        return
    lane = _lane(engine, org_id, account_id, job_id, {**row, "base_url": url})
    delay = await _run(lane, steps)
    if delay is not None:
        await _again(engine, org_id, account_id, delay)


def _lane(engine: Engine, org_id: UUID, account_id: UUID, job_id: int, row: dict[str, Any]) -> Lane:
    provider = PROVIDERS[row["provider"]]
    lane = Lane(
        engine, org_id, account_id, job_id, row["connection_id"], provider, engine.settings.limits(provider.key),
        deadline=time.monotonic() + engine.settings.lane_seconds,
    )  # fmt: skip
    place = SealedField(org_id, "connections", "credential", row["connection_id"])
    access = Access(
        api_key=engine.vault.unseal(bytes(row["credential"]), place).decode(),
        base_url=row["base_url"],
        timeout=engine.settings.provider_timeout_seconds,
        gate=lane.gate,
        http=engine.http.of(provider.key),
    )
    lane.client = provider.connect(access)
    return lane


async def _run(lane: Lane, steps: Sequence[LaneStep]) -> float | None:
    """Run the steps in order. Return in how many seconds the lane must run again, or None."""
    delays: list[float] = []
    try:
        for step in steps:
            lane.urgent = step.urgent
            delay = await step.run(lane)
            if delay is not None:
                delays.append(delay)
    except CredentialRefused:
        log.warning("credential refused", org_id=str(lane.org_id), account_id=str(lane.account_id))
        async with lane.transaction() as tx:
            await tx.run(SQL.lock_entitlements, {"account_id": lane.account_id})
            await tx.run(SQL.lose_connections, {"account_id": lane.account_id})
        return None
    except LaneLostError:
        log.warning("lane lost", org_id=str(lane.org_id), account_id=str(lane.account_id))
        return lane.engine.settings.stall_seconds
    except BudgetSpentError as error:
        log.info("hour used up", account_id=str(lane.account_id), wait_seconds=error.retry_after)
        return min(error.retry_after or SPENT_SECONDS, SPENT_SECONDS)
    except ProviderError as error:
        seconds = error.retry_after or lane.engine.settings.retry_seconds
        log.info("provider busy", account_id=str(lane.account_id), error=str(error), wait_seconds=seconds)
        async with lane.transaction() as tx:
            await tx.run(SQL.pause_account, {"account_id": lane.account_id, "seconds": seconds})
        return seconds
    return min(delays, default=None)


async def _again(engine: Engine, org_id: UUID, account_id: UUID, delay: float) -> None:
    async with engine.db.by_job(org_id) as tx:
        await tx.run(SQL.enqueue, {"task": "account.work", "subject": account_id, "delay": delay})
