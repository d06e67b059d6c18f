"""Marks whom new do-not-contact entries cover: who waits is taken out, who was handed over is stopped at the provider.

The entry itself keeps anybody from being handed over from its commit on; nothing here is waited for.
"""

from uuid import UUID

from api.db.queries import beside
from api.worker.engine import Engine

SQL = beside(__file__, "jobs.sql")
BATCH = 5000


async def mark_suppressed(engine: Engine, org_id: UUID, subject: UUID, job_id: int) -> None:  # noqa: ARG001
    """Mark by batches, each a transaction of its own, until nobody is left."""
    marked = 1
    while marked:
        async with engine.db.by_job(org_id) as tx:
            row = await tx.one(SQL.mark_suppressed, {"batch": BATCH})
            marked = row["marked"] if row else 0
