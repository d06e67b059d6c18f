"""The control's worker: it hands over like ours, but tells the provider again without asking what it already knows.

Exists to show that the proof bites. It is a program of the tests; the product has no switch that does this.
"""

import asyncio
from functools import partial

from api.db.queries import Query
from api.settings import get_settings
from api.tasks import LANE, TASKS
from api.telemetry.logs import configure_logging
from api.worker.lanes import Lane, LaneStep, work_account
from api.worker.process import run_worker

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
    """Take every lead whose hand-over is uncertain for one that was never handed over."""
    async with lane.transaction() as tx:
        await tx.run(FORGET)
    return None


if __name__ == "__main__":
    names = [step.run.__name__ for step in LANE]
    assert {"recover_pushes", "settle_pushes"} <= set(names)
    naive = [
        LaneStep(step.name, forget) if name in ("recover_pushes", "settle_pushes") else step
        for name, step in zip(names, LANE, strict=True)
    ]
    configure_logging("json")
    asyncio.run(run_worker(get_settings(), {**TASKS, "account.work": partial(work_account, steps=naive)}))
