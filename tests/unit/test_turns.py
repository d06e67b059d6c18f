"""Lists are judged one at a time for each company and two at a time in all; who waits too long is sent away."""

import asyncio
from uuid import UUID, uuid4

import pytest

from api.errors import Unavailable
from api.http.turns import Turns


def test_one_at_a_time_for_each_company_and_two_in_all() -> None:
    one, two, three = uuid4(), uuid4(), uuid4()
    working: list[UUID] = []
    most: list[int] = []

    async def work(turns: Turns, company: UUID) -> None:
        async with turns.take(company):
            assert company not in working
            working.append(company)
            most.append(len(working))
            for _ in range(3):
                await asyncio.sleep(0)
            working.remove(company)

    async def run() -> Turns:
        turns = Turns(2, patience=60)
        await asyncio.gather(*(work(turns, company) for company in [one, one, two, three, one, two, three] * 5))
        return turns

    turns = asyncio.run(run())
    assert max(most) == 2 and len(most) == 35
    assert not turns._own and not turns._waiting


def test_who_waits_too_long_is_sent_away_and_keeps_nothing() -> None:
    company, other = uuid4(), uuid4()

    async def run() -> None:
        turns = Turns(1, patience=0.05)
        async with turns.take(company):
            for each in (company, other):
                with pytest.raises(Unavailable) as refused:
                    async with turns.take(each):
                        raise AssertionError("it is another's turn")
                assert refused.value.retry_after == 5
        async with turns.take(other):
            pass
        assert not turns._own and not turns._waiting

    asyncio.run(run())
