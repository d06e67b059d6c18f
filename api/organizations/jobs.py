"""Takes away what is left of a company or an organization that is being deleted, after its sending has stopped."""

from uuid import UUID

from api.db.queries import beside
from api.worker.engine import Again, Engine

SQL = beside(__file__, "jobs.sql")
BATCH = 5000


async def erase_tenant(engine: Engine, org_id: UUID, subject: UUID, job_id: int) -> Again | None:  # noqa: ARG001
    """Erase by batches, each a transaction of its own; come back later while a provider must still stop something."""
    taken = 1
    while taken:
        async with engine.db.by_job(org_id) as tx:
            row = await tx.one(SQL.erase_tenant, {"subject": subject, "batch": BATCH})
            taken = row["taken"] if row else 0
        if taken is None:
            return Again(engine.settings.retry_seconds)
    return None
