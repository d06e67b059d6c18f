"""Reads long lists: a company's one after the other, batch by batch, each in a transaction together with its place.

A worker that ends in the middle has added what it had written down and nothing else; the next one goes on from there.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg
import structlog

from api.db.lists import ListKind
from api.db.queries import beside
from api.db.seen import Seen
from api.errors import Problem, Unprocessable
from api.imports.reading import Reading, in_turn, layout_of, place_of
from api.imports.sealing import PIECE, seal_results
from api.imports.understanding import MOST_ROWS, BusyError, understand
from api.tables.records import Record
from api.tables.windows import Layout, Place, Window
from api.worker.engine import Again, Engine

SQL = beside(__file__, "jobs.sql")
log = structlog.stdlib.get_logger("outbound.imports")
BATCH = 2000
WINDOW = 4 * PIECE
LONGEST_RECORD = 8 * PIECE
MOST_ATTEMPTS = 20
BUSY_SECONDS = 2.0
Judge = Callable[[Record], Any]


@dataclass(frozen=True)
class Batch:
    """Rows that were judged, the records that they were, and the place behind them."""

    records: Sequence[Record]
    rows: Sequence[Any]
    place: Place


async def import_lists(
    engine: Engine, org_id: UUID, company_id: UUID, job_id: int, *, kinds: Mapping[str, ListKind]  # noqa: ARG001
) -> Again | None:  # fmt: skip
    """Read a company's lists for a few seconds, and the rest in another turn."""
    until = time.monotonic() + engine.settings.lane_seconds
    while time.monotonic() <= until:
        async with engine.db.by_job(org_id) as tx:
            imported = await tx.one(SQL.next_import, {"company_id": company_id})
        if imported is None:
            return None
        reading = Reading(engine, org_id, imported, kinds[imported["kind"]], until)
        if imported["state"] not in ("queued", "running"):
            await _remove(reading)
        elif imported["attempts"] > MOST_ATTEMPTS:
            await _end(reading, "failed", "internal_error", "The list could not be read; tell us the import's id.")
        else:
            try:
                await _read(reading)
            except BusyError:
                async with engine.db.by_job(org_id) as tx:
                    await tx.run(SQL.was_not_tried, reading.names)
                return Again(BUSY_SECONDS)
    return Again(0.0)


async def _read(reading: Reading) -> None:
    """Read a list on, until it ends or others should have a turn."""
    imported = reading.imported
    try:
        if imported["state"] == "queued" and not await _start(reading):
            return
        layout, place = layout_of(imported["layout"]), place_of(imported["place"])
        judge = reading.kind.judge(imported["layout"])
        async with reading.engine.db.by_job(reading.org_id) as tx:
            stored = [bytes(row["seen"]) for row in await tx.many(SQL.seen, reading.names)]
        reading.seen = await in_turn(lambda: Seen(stored))
        while place is not None and place.offset < imported["read_size"]:
            place = await _read_window(reading, layout, place, judge)  # a turn adds something, however long it waited
            if reading.out_of_time:
                return
        if place is not None:
            await _end(reading, "completed")
    except Problem as problem:
        await _end(reading, "failed", problem.code, problem.detail)
    except psycopg.DataError as error:  # the same again each time
        log.exception("a list cannot be stored", id=str(imported["id"]), sqlstate=error.sqlstate)
        await _end(
            reading, "failed", "internal_error", "Something in the list cannot be stored; tell us the import's id."
        )


async def _start(reading: Reading) -> bool:
    """Find out how the list is to be read. False where it was canceled meanwhile."""
    found = await understand(reading)
    if found is None:
        return False
    layout, place = {**asdict(found.layout), "columns": found.columns}, _stored(found.place)
    reading.imported |= {"layout": layout, "place": place, "read_size": found.read_size}
    params = {**reading.names, "layout": json.dumps(layout), "place": json.dumps(place), "read_size": found.read_size}
    async with reading.engine.db.by_job(reading.org_id) as tx:
        return await tx.one(SQL.start_import, params) is not None


async def _read_window(reading: Reading, layout: Layout, start: Place, judge: Judge) -> Place | None:
    """Add what a window holds. Return where to go on, or None where the list is to be read no more."""
    size = WINDOW
    while True:
        window = await reading.window(layout, start, size)
        records, place = iter(window), start
        while True:
            batch = await in_turn(lambda: _batch(window, records, judge))  # noqa: B023
            if batch.place != place and not await _add(reading, batch):
                return None
            place = batch.place
            if len(batch.rows) < BATCH or reading.out_of_time:
                break
        if place != start:
            return place
        if size >= LONGEST_RECORD:
            raise Unprocessable(
                f"What begins on line {start.line} is longer than {LONGEST_RECORD // PIECE} MiB: close its quote, or "
                "send the list without it.",
                code="line_too_long",
            )
        size *= 2


def _batch(window: Window, records: Iterator[Record], judge: Judge) -> Batch:
    taken = list(islice(records, BATCH))
    return Batch(taken, [judge(record) for record in taken], window.place)


async def _add(reading: Reading, batch: Batch) -> bool:
    """Add rows and move on, in one transaction. False where the list is to be read no more: it was canceled, or another
    worker reads it."""
    async with reading.engine.db.by_job(reading.org_id) as tx:
        stands = await tx.one(SQL.lock_place, reading.names)
        if stands is None or stands["place"] != reading.imported["place"]:
            return False
        done: int = stands["rows_read"]
        rows, records = batch.rows[: MOST_ROWS - done], batch.records[: MOST_ROWS - done]
        counts = Counter[str](stands["counts"])
        if rows:
            added = await reading.kind.add(tx, reading.imported, rows, reading.seen)
            counts += added.counts
            for number, (record, result) in enumerate(zip(records, added.results, strict=True)):
                result["index"], result["line"] = done + number, record.line
            sealed = seal_results(reading.engine.vault, reading.org_id, added.results)
            written = {
                **reading.names, "results_id": sealed["id"], "body": sealed["body"], "first_row": done,
                "seen": reading.seen.add(added.keys),
            }  # fmt: skip
            await tx.run(SQL.put_results, written)
        reading.imported["place"] = _stored(batch.place)
        moved = {
            **reading.names, "place": json.dumps(reading.imported["place"]), "rows_read": done + len(rows),
            "counts": json.dumps(counts),
        }  # fmt: skip
        await tx.run(SQL.move_on, moved)
        if len(rows) < len(batch.rows):
            detail = f"The first {MOST_ROWS:,} rows have been read; send the rest in another list."
            ended = {**reading.names, "state": "failed", "reason": "too_many_rows", "detail": detail}
            await tx.run(SQL.end_import, ended)
            return False
    return True


def _stored(place: Place) -> dict[str, Any]:
    """Return a place as it comes back from the database."""
    return {**asdict(place), "state": None if place.state is None else list(place.state)}


async def _end(reading: Reading, state: str, reason: str | None = None, detail: str | None = None) -> None:
    """End an import, and take away what was sent."""
    async with reading.engine.db.by_job(reading.org_id) as tx:
        ended = await tx.run(SQL.end_import, {**reading.names, "state": state, "reason": reason, "detail": detail})
    if ended:
        log.info("import ended", org_id=str(reading.org_id), id=str(reading.imported["id"]), state=state, reason=reason)
    await _remove(reading)


async def _remove(reading: Reading) -> None:
    removed = 1
    while removed:
        async with reading.engine.db.by_job(reading.org_id) as tx:
            removed = await tx.run(SQL.remove_chunks, reading.names)
            if not removed:
                await tx.run(SQL.forget_chunks, reading.names)
