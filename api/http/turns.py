"""Turns at work that keeps a processor busy: one at a time for each company, few for the whole process."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from api.errors import Unavailable


class Turns:
    """A caller that has waited for `patience` seconds is sent away to retry: no queue forms behind a long request."""

    def __init__(self, most: int, patience: float = 5.0) -> None:
        self._most, self._patience = asyncio.Semaphore(most), patience
        self._own: dict[UUID, asyncio.Lock] = {}
        self._waiting = Counter[UUID]()  # who waits or works: the lock stays until there is none

    @asynccontextmanager
    async def take(self, company_id: UUID) -> AsyncGenerator[None]:
        """Wait for a company's turn and keep it. Raises Unavailable where it does not come in time."""
        own = self._own.setdefault(company_id, asyncio.Lock())
        self._waiting[company_id] += 1
        try:
            async with asyncio.timeout(self._patience):
                await own.acquire()
                try:
                    await self._most.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError:
            self._leave(company_id)
            raise Unavailable("Other lists are just being read; try again.", retry_after=5) from None
        except BaseException:
            self._leave(company_id)
            raise
        try:
            yield
        finally:
            self._most.release()
            own.release()
            self._leave(company_id)

    def _leave(self, company_id: UUID) -> None:
        self._waiting[company_id] -= 1
        if not self._waiting[company_id]:
            del self._waiting[company_id], self._own[company_id]
