"""The control's worker: it hands over like ours, but tells the provider again without asking what it already knows.

Exists to show that the proof bites. It is a program of the tests; the product has no switch that does this.
"""

import asyncio

from api import tasks
from api.jobs.lanes import STEPS, Lane
from api.jobs.worker import run_worker
from api.observability import configure_logging
from api.queries import Query
from api.settings import get_settings

FORGET = Query(
    name="forget",
    shape="exec",
    about="",
    sql=b"""
    update outbound.campaign_leads as e set push_state = 'pending'
    where e.push_state in ('sending', 'uncertain') and e.deleted_at is null
    """,
)


async def forget(lane: Lane) -> float | None:
    """Take everybody whose hand-over is in doubt for somebody who was never handed over."""
    async with lane.transaction() as tx:
        await tx.run(FORGET)
    return None


if __name__ == "__main__":
    assert tasks.MODULES
    STEPS[5] = forget
    STEPS[40] = forget
    configure_logging("json")
    asyncio.run(run_worker(get_settings()))
