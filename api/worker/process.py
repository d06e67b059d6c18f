"""The worker process: procrastinate runs the lanes; a sweep and a rescue see to it that none is forgotten."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from uuid import UUID

import procrastinate
import procrastinate.worker
import psycopg
import structlog
from psycopg_pool import PoolTimeout

from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import Vault
from api.db.pool import Database
from api.settings import Settings
from api.worker.engine import Engine
from api.worker.lanes import SQL
from providers.http import HttpClients

log = structlog.stdlib.get_logger("outbound.worker")

Task = Callable[[Engine, UUID, UUID, int], Awaitable[None]]
RUNNING: set[int] = set()
TIDY_SECONDS = 3600.0
CLOCK_SECONDS = 30.0


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
    @app.task(name=name, queue=name.split(".", maxsplit=1)[0], pass_context=True)
    async def run(context: procrastinate.JobContext, org_id: str, subject: str) -> None:  # pyright: ignore[reportUnusedFunction]
        job_id = int(context.job.id or 0)
        structlog.contextvars.bind_contextvars(job_id=job_id, task=name)
        RUNNING.add(job_id)
        try:
            await function(engine, UUID(org_id), UUID(subject), job_id)
        except Exception:
            # The job is gone either way; what it left due, the sweep queues again.
            log.exception("job failed", org_id=org_id, subject=subject)
        finally:
            RUNNING.discard(job_id)


def _queue_worker(app: procrastinate.App, settings: Settings) -> procrastinate.worker.Worker:
    return procrastinate.worker.Worker(
        app,
        concurrency=settings.worker_concurrency,
        fetch_job_polling_interval=1.0,
        update_heartbeat_interval=settings.heartbeat_seconds,
        stalled_worker_timeout=settings.stall_seconds,
        delete_jobs="always",
        shutdown_graceful_timeout=10.0,
        install_signal_handlers=False,
    )


async def run_worker(settings: Settings, tasks: Mapping[str, Task]) -> None:
    """Work until SIGTERM or SIGINT; finish what is running first."""
    vault = Vault.from_settings(settings)
    db = Database(settings, tiers=("worker",))
    engine = Engine(settings, vault, db, HttpClients(), UnsubscribeLinks.from_settings(settings))
    await db.open()
    app = build_app(settings, engine, tasks)
    async with app.open_async():
        worker = _queue_worker(app, settings)
        rescuer = Rescuer(engine, worker)
        loops = [
            asyncio.create_task(_every(settings.sweep_seconds, lambda: sweep(engine), "sweep")),
            asyncio.create_task(_every(settings.stall_seconds / 2, rescuer.rescue, "rescue")),
            asyncio.create_task(_every(TIDY_SECONDS, lambda: tidy(engine), "tidy")),
            asyncio.create_task(_every(CLOCK_SECONDS, db.compare_clocks, "comparing clocks")),
        ]
        working = asyncio.create_task(worker.run())

        def stop() -> None:
            for loop in loops:  # first: a worker that ends beats no more, and would take its own jobs for stalled
                loop.cancel()
            working.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        try:
            with suppress(asyncio.CancelledError):
                await working
        except Exception:
            # Crash-only: the supervisor starts another process, and the rescue gives back the jobs of this one.
            log.exception("the queue's worker failed")
            os._exit(1)
        finally:
            for loop in loops:
                loop.cancel()
    await engine.http.aclose()
    await db.close()


async def tidy(engine: Engine) -> int:
    """Delete what has expired. Return how many rows."""
    async with engine.db.unscoped("worker") as tx:
        row = await tx.one(SQL.tidy)
    return int(row["tidied"]) if row else 0


async def sweep(engine: Engine) -> int:
    """Queue every lane that has something due and no job. Return how many."""
    async with engine.db.unscoped("worker") as tx:
        due = await tx.many(SQL.due_work)
    for row in due:
        async with engine.db.by_job(row["org_id"]) as tx:
            await tx.run(SQL.enqueue, {"task": row["task"], "subject": row["subject"], "delay": 0})
    if due:
        log.info("swept", lanes=len(due))
    return len(due)


class Rescuer:
    """Gives back jobs that no worker runs: those of dead workers, and this worker's own that it knows nothing of."""

    def __init__(self, engine: Engine, worker: procrastinate.worker.Worker) -> None:
        self._engine = engine
        self._worker = worker
        self._suspects: set[int] = set()

    async def rescue(self) -> int:
        """Return how many jobs were given back. A job must be a stranger twice, since both ends of it take a moment."""
        async with self._engine.db.unscoped("worker") as tx:
            taken = await tx.many(SQL.jobs_of_worker, {"worker_id": self._worker.worker_id})
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
        except (psycopg.Error, PoolTimeout):
            log.warning("postgres did not answer", during=name)
        except Exception:  # whatever it was, the next round must come
            log.exception("failed", during=name)
        await asyncio.sleep(seconds)
