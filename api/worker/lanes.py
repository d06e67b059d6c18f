"""A lane does all the outside work of one provider account, one run at a time and a few seconds per run.

One statement asks which steps of `api/tasks.py` are due; those are run in order, and the lane says when it is due
again. Before each request a gate makes sure that no transaction is open, that the account's budget has room, and that
this worker is still known to live: a worker that may have been given up for dead sends nothing. While a lane waits for
a provider, others work.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import structlog

from api.access.vault import SealedField
from api.db.open_transactions import assert_no_transaction
from api.db.pool import Tx
from api.db.queries import beside
from api.settings import request_spacing
from api.worker.engine import Again, Engine, Turn
from providers.contract import Access, Provider, ProviderClient
from providers.errors import CredentialRefused, Passing, ProviderError
from providers.models import Limits
from providers.registry import PROVIDERS

SQL = beside(__file__)
log = structlog.stdlib.get_logger("outbound.lanes")

AGAIN = 0.0  # what a step returns that was not done and goes on in the lane's next run
SHORT_WAIT = 0.05
LONGEST_WAIT = 10.0  # for a place in the account's budget; meanwhile others have the lane's turn
NO_SIMULATOR_SECONDS = 600.0
SPENT_SECONDS = 30.0
NOT_URGENT = 0.95  # of an hour: the rest is kept for pausing and stopping
POLLING = 0.5  # of an hour: polling leaves the rest to what is to be sent
BREAKER = (1, 6, 60)  # times `retry_seconds`, after the first, second and each later failure in a row
PROBE_SECONDS = 5.0


class LaneLostError(Passing):
    """This worker may have been given up for dead, so it sends nothing more."""


class BudgetSpentError(Passing):
    """The account has been sent as much as it may be in an hour, or just now; `retry_after` says when it may be
    more."""


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
    turn: Turn
    access: Access = field(init=False)
    client: ProviderClient = field(init=False)
    deadline: float = 0.0
    share: float = NOT_URGENT

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
        Raises BudgetSpentError when the hour's budget is used up, or its next place is not soon."""
        assert_no_transaction()
        interval, late = request_spacing(self.limits)
        params = {
            "account_id": self.account_id,
            "job_id": self.job_id,
            "interval": max(interval, spacing),
            "late": 0.0 if spacing > interval else late,
            "longest": LONGEST_WAIT,
            "per_hour": math.ceil(self.limits.requests_per_hour * self.share),
        }
        async with self.transaction() as tx:
            row = await tx.one(SQL.take_budget, params)
        if row and row["spent_seconds"] is not None:
            raise BudgetSpentError("the account's hour is used up", retry_after=row["spent_seconds"])
        wait = (row["wait_seconds"] or 0.0) if row else 0.0
        if row and not row["is_taken"]:
            raise BudgetSpentError("the account's next place is not soon", retry_after=wait)
        if wait > SHORT_WAIT:
            async with self.turn.outside():
                await asyncio.sleep(wait)
            async with self.transaction() as tx:
                row = await tx.one(SQL.heartbeat_age, params)
        age = row["heartbeat_age"] if row else None
        if age is None or age > self.engine.settings.stall_seconds / 2:
            raise LaneLostError("this worker's heartbeat is too old to send anything")


@dataclass(frozen=True)
class LaneStep:
    """A part of every lane's work, run when `name` is among what is due. It returns in how many seconds it wants to go
    on, `AGAIN` for at once, or None when it is done. `share` is the part of an hour's budget that it may use up: what
    is urgent, pausing and stopping, has some that nothing else may take."""

    name: str
    run: Callable[[Lane], Awaitable[float | None]]
    share: float = NOT_URGENT


def is_of_account(error: Passing) -> bool:
    """Tell whether a failure concerns the whole account, be it too much there or this worker's own."""
    return error.status in (403, 429) or isinstance(error, LaneLostError | BudgetSpentError)


Due = Mapping[str, float]  # in how many seconds each step is due


async def work_account(
    engine: Engine, org_id: UUID, account_id: UUID, job_id: int, *, steps: Sequence[LaneStep]
) -> Again:
    """Run one lane once. Return when there is more to do."""
    async with Turn(engine.turns) as turn:
        async with engine.db.by_job(org_id) as tx:
            row = await tx.one(SQL.open_lane, {"account_id": account_id})
            due, seen = await _ask(tx, account_id)
        if row is None:
            return Again(None, seen)
        if row["paused_seconds"] > 0:
            return Again(row["paused_seconds"] if due else None, seen)
        if not any(seconds <= 0 for seconds in due.values()):
            return Again(min(due.values(), default=None), seen)
        url = engine.settings.provider_url(row["provider"], row["environment"])
        if url is None:
            log.warning("no simulator for sandboxes", provider=row["provider"], account_id=str(account_id))
            return Again(NO_SIMULATOR_SECONDS, seen)
        lane = _lane(engine, org_id, account_id, job_id, turn=turn, row={**row, "base_url": url})
        by_the_way = frozenset({"read_senders"} if row["senders_stale"] else ())
        return await _run(lane, _Steps(steps, by_the_way), due, seen, failures=row["failures"])


@dataclass(frozen=True)
class _Steps:
    """All steps, and those that are run although they are not due, since the lane runs anyway."""

    in_order: Sequence[LaneStep]
    by_the_way: frozenset[str]


async def _ask(tx: Tx, account_id: UUID) -> tuple[Due, int]:
    rows = await tx.many(SQL.steps_of, {"account_id": account_id})
    return {row["step"]: row["due_in"] for row in rows if row["step"] is not None}, rows[0]["wakes"]


def _lane(engine: Engine, org_id: UUID, account_id: UUID, job_id: int, *, turn: Turn, row: dict[str, Any]) -> Lane:
    provider = PROVIDERS[row["provider"]]
    lane = Lane(
        engine, org_id, account_id, job_id, row["connection_id"], provider, engine.settings.limits(provider.key), turn,
        deadline=time.monotonic() + engine.settings.lane_seconds,
    )  # fmt: skip
    place = SealedField(org_id, "connections", "credential", row["connection_id"])
    settings = engine.settings
    lane.access = Access(
        api_key=engine.vault.unseal(bytes(row["credential"]), place).decode(),
        base_url=row["base_url"],
        timeout=settings.provider_timeout_seconds,
        read_timeout=settings.provider_read_timeout_seconds,
        gate=lane.gate,
        http=engine.http.of(provider.key),
        outside=turn.outside,
    )
    lane.client = provider.connect(lane.access)
    return lane


async def _run(lane: Lane, steps: _Steps, due: Due, seen: int, *, failures: int) -> Again:
    """Run what is due, and note what stopped the lane. Return when it must run again."""
    done: dict[str, float | None] = {}
    try:
        if failures:
            await _probe(lane)
            failures = 0
        due, seen = await _steps(lane, steps, due, seen, done)
    except CredentialRefused:
        log.warning("credential refused", org_id=str(lane.org_id), account_id=str(lane.account_id))
        async with lane.transaction() as tx:
            await tx.run(SQL.lock_entitlements, {"account_id": lane.account_id})
            await tx.run(SQL.lose_connections, {"account_id": lane.account_id})
        return Again(None, seen)
    except LaneLostError:
        log.warning("lane lost", org_id=str(lane.org_id), account_id=str(lane.account_id))
        return Again(lane.engine.settings.stall_seconds, seen)
    except BudgetSpentError as error:
        return Again(_until_budget(lane, error), seen)
    except ProviderError as error:
        return Again(await _pause(lane, error, failures), seen)
    return Again(_next(due, done, lane.engine.settings.sweep_seconds), seen)


async def _steps(lane: Lane, steps: _Steps, due: Due, seen: int, done: dict[str, float | None]) -> tuple[Due, int]:
    """Run each step that is due, and ask again after each. Return what is due in the end. Where the time is up each
    step still does a little, so that no backlog before it starves it, nor one whose share of the hour is used up."""
    for step in steps.in_order:
        if due.get(step.name, 1.0) > 0 and step.name not in steps.by_the_way - done.keys():
            continue
        lane.share = step.share
        try:
            done[step.name] = await step.run(lane)
        except BudgetSpentError as error:
            done[step.name] = _until_budget(lane, error)
        async with lane.transaction() as tx:
            due, seen = await _ask(tx, lane.account_id)
    return due, seen


def _until_budget(lane: Lane, error: BudgetSpentError) -> float:
    log.info("waits for the budget", account_id=str(lane.account_id), wait_seconds=error.retry_after)
    return min(error.retry_after or SPENT_SECONDS, SPENT_SECONDS)


def _next(due: Due, done: Mapping[str, float | None], patience: float) -> float | None:
    """Return in how many seconds a lane is due again: for what was left over at once, for what was run and is due still
    when its step said, or after a while."""
    waits = [delay for delay in done.values() if delay is not None]
    for name, seconds in due.items():
        if name not in done or seconds > 0:
            waits.append(max(seconds, 0.0))
        elif done[name] is None:
            waits.append(patience)
    return min(waits, default=None)


async def _probe(lane: Lane) -> None:
    """See whether an account that did not answer does again, by a request that changes nothing."""
    lane.share = 1.0
    await lane.provider.connect(replace(lane.access, timeout=PROBE_SECONDS)).account.verify()
    async with lane.transaction() as tx:
        await tx.run(SQL.account_answers, {"account_id": lane.account_id})


async def _pause(lane: Lane, error: ProviderError, failures: int) -> float:
    """Leave an account alone: as long as it says, else longer with each failure in a row."""
    is_silent = error.retry_after is None and (error.status is None or error.status >= 500)
    times = BREAKER[min(failures, len(BREAKER) - 1)] if is_silent else BREAKER[0]
    seconds = error.retry_after or times * lane.engine.settings.retry_seconds
    log.info("provider busy", account_id=str(lane.account_id), error=str(error), wait_seconds=seconds)
    params = {"account_id": lane.account_id, "seconds": seconds, "failures": failures + 1 if is_silent else 0}
    async with lane.transaction() as tx:
        await tx.run(SQL.pause_account, params)
    return seconds
