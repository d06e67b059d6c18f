"""How a long list is to be read: its encoding, its header and its columns. A workbook is made into lines first."""

import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, Any

from api.db.queries import beside
from api.imports.progress import Reading, in_turn
from api.imports.sealing import PIECE, seal_piece
from api.tables.encoding import Detector, Encoding
from api.tables.foreign import refuse_foreign
from api.tables.table import MOST_COLUMNS, Table, find_header, read_workbook
from api.tables.windows import Layout, Place, Window, unpacked
from api.tables.workbook import Workbook, is_workbook

SQL = beside(__file__, "jobs.sql")
HEAD = 4  # pieces in which the header and a sample are looked for
SAMPLE = 200
MOST_UNPACKED = 512 * 1024 * 1024
END = 64 * 1024


@dataclass(frozen=True)
class Understood:
    """A list's layout, what its columns are, where its first row begins, and how many bytes are read."""

    layout: Layout
    columns: list[dict[str, Any]] | None
    place: Place
    read_size: int


async def understand(reading: Reading) -> Understood:
    """Find out how a list is to be read. Raises Unprocessable or TooLarge for what is no list that can be."""
    imported = reading.imported
    head = await reading.pieces(0, HEAD - 1)
    if imported["media_type"] != "application/x-ndjson":
        if head.startswith(b"PK"):
            with tempfile.TemporaryFile() as file:
                await _copy(reading, file)
                if await asyncio.to_thread(is_workbook, file):
                    return await _workbook(reading, file)
                file.seek(max(0, imported["size"] - END))
                refuse_foreign(head[:END] + file.read(), is_book=False)
        refuse_foreign(head, is_book=False)
    detector = Detector(imported["charset"])
    for first in range(0, imported["chunks"], HEAD):
        part = await reading.pieces(first, first + HEAD - 1)
        await in_turn(lambda part=part: detector.feed(part))
    return await in_turn(lambda: _text(reading, head, detector.finish()))


def _text(reading: Reading, head: bytes, encoding: Encoding) -> Understood:
    imported = reading.imported
    start = Place(encoding.mark, 1)
    if imported["media_type"] == "application/x-ndjson":
        return Understood(Layout("ndjson", encoding.name, encoding.mark), None, start, imported["size"])
    is_last = len(head) >= imported["size"]
    plain = Window(Layout("csv", encoding.name, encoding.mark), head[start.offset :], start, is_last=is_last)
    header = find_header(plain.text, encoding.name, lambda names: reading.kind.rank(names, imported["column_map"]))
    layout = Layout(
        "csv",
        encoding.name,
        encoding.mark,
        header.record.cells,
        header.separator,
        None,
        header.record.line,
        header.are_quoted,
    )
    place = plain.at_line(header.record.line)
    window = Window(layout, head[place.offset :], place, is_last=is_last)
    records = iter(window)
    next(records, None)  # the header itself
    place = window.place
    sample = [record.cells for record in islice(records, SAMPLE) if record.fault is None]
    columns = reading.kind.understand(layout.names, sample, imported["column_map"])
    return Understood(layout, columns, place, imported["size"])


async def _copy(reading: Reading, file: IO[bytes]) -> None:
    for first in range(0, reading.imported["chunks"], HEAD):
        file.write(await reading.pieces(first, first + HEAD - 1))


async def _workbook(reading: Reading, file: IO[bytes]) -> Understood:
    """Make the sheet that is the list into lines, which can be gone on with anywhere: a workbook cannot."""
    said = reading.imported["column_map"]

    def opened() -> tuple[Table, Sequence[Any]]:
        table = read_workbook(Workbook(file, MOST_COLUMNS, MOST_UNPACKED), lambda names: reading.kind.rank(names, said))
        return table, list(islice(table.records, SAMPLE))

    table, sample = await asyncio.to_thread(opened)
    columns = reading.kind.understand(table.names, [record.cells for record in sample], said)
    async with reading.engine.db.by_job(reading.org_id) as tx:
        await tx.run(SQL.remove_chunks, {**reading.names, "which": [True]})
    pieces, size = _in_pieces(unpacked(chain(sample, table.records))), 0
    while piece := await asyncio.to_thread(next, pieces, b""):
        sealed = seal_piece(reading.engine.vault, reading.org_id, piece)
        params = {**reading.names, "piece_id": sealed["id"], "body": sealed["body"], "number": size // PIECE}
        async with reading.engine.db.by_job(reading.org_id) as tx:
            await tx.run(SQL.put_unpacked, params)
        size += len(piece)
    layout = Layout("xlsx", "utf-8", 0, table.names, None, table.sheet, table.header_line)
    return Understood(layout, columns, Place(0, 1), size)


def _in_pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    kept = bytearray()
    for line in lines:
        kept += line
        while len(kept) >= PIECE:
            yield bytes(kept[:PIECE])
            del kept[:PIECE]
    if kept:
        yield bytes(kept)
