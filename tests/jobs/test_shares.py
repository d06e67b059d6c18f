"""A step whose share of the account's hour is used up keeps none of the steps behind it from running."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from api.worker import lanes
from api.worker.lanes import AGAIN, SPENT_SECONDS, BudgetSpentError, Lane, LaneStep


def test_the_steps_behind_one_that_waits_for_the_budget_are_run(monkeypatch: Any) -> None:
    ran: list[str] = []

    async def spent(_: Lane) -> float | None:
        ran.append("poll")
        raise BudgetSpentError("the account's hour is used up", retry_after=600.0)

    async def closes(_: Lane) -> float | None:
        ran.append("close")
        return AGAIN

    async def ask(*_: object) -> tuple[dict[str, float], int]:
        return {"poll": 0.0, "close": 0.0}, 7

    class Transaction:
        async def __aenter__(self) -> None: ...

        async def __aexit__(self, *_: object) -> None: ...

    monkeypatch.setattr(lanes, "_ask", ask)
    lane = cast(Lane, SimpleNamespace(account_id="a", share=1.0, transaction=Transaction))
    steps = lanes._Steps((LaneStep("poll", spent), LaneStep("close", closes)), frozenset())
    done: dict[str, float | None] = {}
    due, seen = asyncio.run(lanes._steps(lane, steps, {"poll": 0.0, "close": 0.0}, 0, done))
    assert ran == ["poll", "close"]
    assert done == {"poll": SPENT_SECONDS, "close": AGAIN}
    assert (lanes._next(due, done, 30.0), seen) == (AGAIN, 7)
