"""The worker process: procrastinate runs the lanes; a sweep and a rescue see to it that none is forgotten."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

import procrastinate
import procrastinate.jobs
import procrastinate.worker
import psycopg
import structlog
from psycopg_pool import PoolTimeout

from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import Vault
from api.db.pool import Database
from api.settings import Settings
from api.telemetry.metrics import ROUNDS
from api.worker.engine import Again, Engine
from api.worker.lanes import SQL
from providers.http import HttpClients

log = structlog.stdlib.get_logger("outbound.worker")

Task = Callable[[Engine, UUID, UUID, int], Awaitable[Again | None]]
RUNNING: set[int] = set()
TIDY_SECONDS = 3600.0
CLOCK_SECONDS = 30.0
SWEPT_AT_ONCE = 500  # lanes
LONGEST_REST = 1.0  # of the sweep
RECONCILED_AT_ONCE = 500  # organizations
RECONCILE_SECONDS = 10.0
SLOTS = {"list": 2, "suppression": 2, "tenant": 1}  # of the queues that a setting does not give some


def build_app(settings: Settings, engine: Engine, tasks: Mapping[str, Task]) -> procrastinate.App:
    """Return procrastinate's app with every task. A task gets the engine, the organization, the subject and the job."""
    connector = procrastinate.PsycopgConnector(
        conninfo=settings.database_url_worker.get_secret_value(),
        kwargs={"options": "-c search_path=jobs", "application_name": "outbound-queue"},
        min_size=1,
        max_size=4,
    )
    app = procrastinate.App(connector=connector)
    for name, function in tasks.items():
        _register(app, name, function, engine)
    return app


def _register(app: procrastinate.App, name: str, function: Task, engine: Engine) -> None:
    @app.task(name=name, queue=_queue(name), pass_context=True)
    async def run(  # pyright: ignore[reportUnusedFunction]
        context: procrastinate.JobContext, org_id: str, subject: str
    ) -> None:
        job_id = int(context.job.id or 0)
        structlog.contextvars.bind_contextvars(job_id=job_id, task=name)
        RUNNING.add(job_id)
        try:
            try:
                again = await function(engine, UUID(org_id), UUID(subject), job_id)
            except Exception:
                # The job is gone either way; its lane is due again after a while.
                log.exception("job failed", org_id=org_id, subject=subject)
                again = Again(engine.settings.sweep_seconds)
            await _settle(engine, UUID(org_id), name, UUID(subject), again or Again(None))
        except psycopg.errors.InvalidAuthorizationSpecification:
            log.info("organization is gone", org_id=org_id, subject=subject)
        except (psycopg.Error, PoolTimeout):
            log.warning("postgres did not answer", during="settling", org_id=org_id, subject=subject)
        finally:
            RUNNING.discard(job_id)


async def _settle(engine: Engine, org_id: UUID, task: str, subject: UUID, again: Again) -> None:
    async with engine.db.by_job(org_id) as tx:
        params = {"task": task, "subject": subject, "seconds": again.seconds, "seen": again.seen}
        await tx.run(SQL.settle, params)


def _queue(task: str) -> str:
    return task.split(".", maxsplit=1)[0]


class QueueWorker(procrastinate.worker.Worker):
    """The slots of one queue. The one listener of the process has it look for new jobs."""

    def look(self) -> None:
        """Look for a job now."""
        self._new_job_event.set()

    async def _periodic_deferrer(self) -> None:
        """Do nothing for ever: where it ends, the library looks no more at what else must not end."""
        await asyncio.Event().wait()

    async def _update_heartbeat(self) -> NoReturn:
        """Beat for as long as the worker works: a beat that fails is no reason to end, the next one comes."""
        while True:
            await asyncio.sleep(self.update_heartbeat_interval)
            try:
                await self.app.job_manager.update_heartbeat(self.worker_id or 0)
            except Exception:  # the library's own, and whatever stands behind it
                log.warning("a heartbeat failed", queues=self.queues, exc_info=True)


def _queue_workers(app: procrastinate.App, settings: Settings, tasks: Mapping[str, Task]) -> list[QueueWorker]:
    """Return a worker per queue, so that none of them takes the slots of another."""
    slots = {**SLOTS, "account": settings.worker_concurrency, "webhook": settings.webhook_concurrency}
    return [
        QueueWorker(
            app,
            queues=[queue],
            name=queue,
            concurrency=slots[queue],
            fetch_job_polling_interval=3.0,
            listen_notify=False,
            update_heartbeat_interval=settings.heartbeat_seconds,
            stalled_worker_timeout=settings.stall_seconds,
            delete_jobs="always",
            shutdown_graceful_timeout=10.0,
            install_signal_handlers=False,
        )
        for queue in sorted({_queue(name) for name in tasks})
    ]


async def run_worker(settings: Settings, tasks: Mapping[str, Task]) -> None:
    """Work until SIGTERM or SIGINT; finish what is running first."""
    vault = Vault.from_settings(settings)
    db = Database(settings, tiers=("worker",))
    engine = Engine(settings, vault, db, HttpClients(), UnsubscribeLinks.from_settings(settings))
    await db.open()
    app = build_app(settings, engine, tasks)
    async with app.open_async():
        workers = _queue_workers(app, settings, tasks)
        loops = [asyncio.create_task(loop) for loop in _loops(engine, app, workers)]
        working = [asyncio.create_task(worker.run()) for worker in workers]
        stopping = asyncio.Event()

        def stop() -> None:
            if stopping.is_set():
                return
            stopping.set()
            for loop in loops:  # first: a worker that ends beats no more, and would take its own jobs for stalled
                loop.cancel()
            for task in working:
                task.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.is_set():
            # Crash-only: the supervisor starts another process, and the rescue gives back the jobs of this one.
            ended = next(task for task in working if task.done())
            log.error("a worker of the queue ended", exc_info=None if ended.cancelled() else ended.exception())
            os._exit(1)
        await asyncio.gather(*working, return_exceptions=True)
    await engine.http.aclose()
    await db.close()


def _loops(engine: Engine, app: procrastinate.App, workers: Sequence[QueueWorker]) -> list[Coroutine[Any, Any, None]]:
    settings = engine.settings
    rescuer = Rescuer(engine, workers)
    return [
        _every(0.0, lambda: sweep(engine), "sweep"),
        _every(RECONCILE_SECONDS, lambda: reconcile(engine), "reconcile"),
        _every(settings.stall_seconds / 2, rescuer.rescue, "rescue"),
        _every(TIDY_SECONDS, lambda: tidy(engine), "tidy"),
        _every(CLOCK_SECONDS, engine.db.compare_clocks, "comparing clocks"),
        _every(1.0, lambda: _listen(app, workers), "listening"),
    ]


async def _listen(app: procrastinate.App, workers: Sequence[QueueWorker]) -> float:
    """Have the workers look when the queue says that there are new jobs, as long as the connection lasts."""

    async def look(channel: str, notification: procrastinate.jobs.Notification) -> None:  # noqa: ARG001
        for worker in workers:
            worker.look()

    await app.job_manager.listen_for_jobs(on_notification=look, queues=None)
    return 0.0


async def tidy(engine: Engine) -> int:
    """Delete what has expired. Return how many rows."""
    async with engine.db.unscoped("worker") as tx:
        row = await tx.one(SQL.tidy)
    return int(row["tidied"]) if row else 0


async def sweep(engine: Engine) -> int:
    """Queue what is due of the lanes that have no job, and rest until more is. Return how many those were."""
    async with engine.db.unscoped("worker") as tx:
        row = await tx.one(SQL.sweep, {"amount": SWEPT_AT_ONCE, "patience": engine.settings.sweep_seconds})
    queued = (row["queued"] if row else None) or 0
    if queued:
        log.debug("swept", lanes=queued)
    soon = row["next_in"] if row and row["next_in"] is not None else LONGEST_REST
    await asyncio.sleep(0.0 if queued == SWEPT_AT_ONCE else min(max(soon, 0.05), LONGEST_REST))
    return queued


async def reconcile(engine: Engine) -> int:
    """Compare the lanes of some organizations with what is due, until the round is over. Return what was mended."""
    total = 0
    while True:
        async with engine.db.unscoped("worker") as tx:
            row = await tx.one(SQL.reconcile, {"amount": RECONCILED_AT_ONCE})
        if row is None or row["missing"] is None:
            return total
        total += int(row["missing"])
        if row["missing"]:
            log.warning("lanes were forgotten", lanes=row["missing"])
        await asyncio.sleep(0.2)


class Rescuer:
    """Gives back jobs that no worker runs: those of dead workers, and this worker's own that it knows nothing of."""

    def __init__(self, engine: Engine, workers: Sequence[procrastinate.worker.Worker]) -> None:
        self._engine = engine
        self._workers = workers
        self._suspects: set[int] = set()

    async def rescue(self) -> int:
        """Return how many jobs were given back. A job must be a stranger twice, since both ends of it take a moment."""
        async with self._engine.db.unscoped("worker") as tx:
            ids = [worker.worker_id for worker in self._workers if worker.worker_id is not None]
            taken = await tx.many(SQL.jobs_of_workers, {"worker_ids": ids})
            strangers = {int(row["id"]) for row in taken} - RUNNING
            params = {
                "stall_seconds": self._engine.settings.stall_seconds,
                "forgotten": sorted(strangers & self._suspects),
            }
            row = await tx.one(SQL.rescue, params)
        self._suspects = strangers
        rescued = int(row["rescued"]) if row else 0
        if rescued:
            log.warning("rescued", jobs=rescued)
        return rescued


async def _every(seconds: float, action: Callable[[], Awaitable[float]], name: str) -> None:
    while True:
        try:
            await action()
            ROUNDS.labels(name, "done").inc()
        except (psycopg.Error, PoolTimeout) as error:
            ROUNDS.labels(name, "failed").inc()
            reason = "took too long" if isinstance(error, psycopg.errors.QueryCanceled) else "postgres did not answer"
            log.warning(f"{name} did not end", reason=reason)
            await asyncio.sleep(LONGEST_REST)
        except Exception:  # whatever it was, the next round must come
            ROUNDS.labels(name, "failed").inc()
            log.exception("failed", during=name)
            await asyncio.sleep(LONGEST_REST)
        await asyncio.sleep(seconds)
