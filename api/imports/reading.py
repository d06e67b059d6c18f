"""One list that is being read: its pieces, and windows over them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from api.db.lists import ListKind
from api.db.pool import Row
from api.db.queries import beside
from api.db.seen import Seen
from api.imports.sealing import PIECE, open_piece
from api.tables.windows import Layout, Place, Window
from api.worker.engine import Engine

SQL = beside(__file__, "jobs.sql")
T = TypeVar("T")
ONE_AT_A_TIME = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lists")


@dataclass
class Reading:
    """One list of an organization, and all that is needed to read on: `until` is when others should have a turn."""

    engine: Engine
    org_id: UUID
    imported: Row
    kind: ListKind
    until: float
    seen: Seen = field(default_factory=Seen)

    @property
    def names(self) -> dict[str, UUID]:
        """What its rows in the database are found by."""
        return {"company_id": self.imported["company_id"], "id": self.imported["id"]}

    @property
    def out_of_time(self) -> bool:
        """Whether others should have a turn."""
        return time.monotonic() > self.until

    async def pieces(self, first: int, last: int, *, is_unpacked: bool = False) -> bytes:
        """Return pieces of the list, put together. Raises RuntimeError where one is missing."""
        amount = -(-self.imported["read_size"] // PIECE) if is_unpacked else self.imported["chunks"]
        wanted = {**self.names, "first": first, "last": last, "is_unpacked": is_unpacked}
        async with self.engine.db.by_job(self.org_id) as tx:
            rows = await tx.many(SQL.pieces, wanted)
        if len(rows) != min(last + 1, amount) - first:
            raise RuntimeError("a piece of a list is missing")
        return b"".join([open_piece(self.engine.vault, self.org_id, row) for row in rows])

    async def window(self, layout: Layout, place: Place, size: int) -> Window:
        """Return so many bytes of the list from a place on, or a little more, as a window."""
        first = place.offset // PIECE
        body = await self.pieces(first, (place.offset + size) // PIECE, is_unpacked=layout.format == "xlsx")
        body = body[place.offset - first * PIECE :]
        return Window(layout, body, place, is_last=place.offset + len(body) >= self.imported["read_size"])


async def in_turn(work: Callable[[], T]) -> T:
    """Run what takes long beside the event loop; one such thing at a time in a process, or the loop starves."""
    return await asyncio.get_running_loop().run_in_executor(ONE_AT_A_TIME, work)


def layout_of(stored: Mapping[str, Any]) -> Layout:
    """Return a layout as the database keeps it, beside the columns."""
    return Layout(**{name: value for name, value in stored.items() if name != "columns"})


def place_of(stored: Mapping[str, Any]) -> Place:
    """Return a place as the database keeps it."""
    state = stored["state"]
    return Place(stored["offset"], stored["line"], None if state is None else tuple(state))  # pyright: ignore[reportArgumentType]
