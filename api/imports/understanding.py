"""How a long list is to be read: its encoding, its header and its columns. A workbook is made into lines first."""

import asyncio
import codecs
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, Any

from api.db.queries import Query, beside
from api.errors import TooLarge
from api.imports.reading import Reading, in_turn
from api.imports.sealing import PIECE, seal_piece
from api.tables.encoding import Detector, Encoding
from api.tables.foreign import refuse_foreign
from api.tables.records import Record
from api.tables.table import MOST_COLUMNS, Table, find_header, read_workbook
from api.tables.windows import Layout, Place, Window, unpacked
from api.tables.workbook import Workbook, is_workbook

SQL = beside(__file__, "jobs.sql")
HEAD = 4  # pieces in which the header and a sample are looked for
SAMPLE = 200
MOST_UNPACKED = 512 * 1024 * 1024
END = 64 * 1024
MOST_ROWS = 1_000_000
UNPACKING = asyncio.Lock()  # one workbook at a time in a process: others must have slots, too


class BusyError(Exception):
    """Another workbook is being made into lines: try again in a moment."""


@dataclass(frozen=True)
class Understood:
    """A list's layout, what its columns are, where its first row begins, and how many bytes are read."""

    layout: Layout
    columns: list[dict[str, Any]] | None
    place: Place
    read_size: int


async def understand(reading: Reading) -> Understood | None:
    """Find out how a list is to be read; None where that is not to be known any more. Raises Unprocessable or TooLarge
    for what is no list that can be read, BusyError where another workbook is being read in this process."""
    imported = reading.imported
    head = await reading.pieces(0, HEAD - 1)
    if imported["media_type"] == "application/x-ndjson":
        mark = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
        return Understood(Layout("ndjson", "utf-8", mark), None, Place(mark, 1), imported["size"])
    if head.startswith(b"PK"):
        if UNPACKING.locked():
            raise BusyError
        async with UNPACKING:
            with tempfile.TemporaryFile() as file:
                await _copy(reading, file)
                if await in_turn(lambda: is_workbook(file)):
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
    is_last = len(head) >= imported["size"]
    plain = Window(Layout("csv", encoding.name, encoding.mark), head[start.offset :], start, is_last=is_last)
    header = find_header(plain.text, encoding.name, lambda names: reading.kind.rank(names, imported["column_map"]))
    layout = Layout(
        "csv",
        encoding.name,
        encoding.mark,
        _storable(header.record.cells),
        header.separator,
        None,
        header.record.line,
        header.are_quoted,
    )
    at = plain.at_line(header.state[0])
    place = Place(at.offset, at.line, header.state)
    window = Window(layout, head[place.offset :], place, is_last=is_last)
    sample = [record.cells for record in islice(window, SAMPLE) if record.fault is None]
    columns = _columns(reading, header.record.cells, sample)
    return Understood(layout, columns, place, imported["size"])


async def _copy(reading: Reading, file: IO[bytes]) -> None:
    for first in range(0, reading.imported["chunks"], HEAD):
        part = await reading.pieces(first, first + HEAD - 1)
        await in_turn(lambda part=part: file.write(part))


async def _workbook(reading: Reading, file: IO[bytes]) -> Understood | None:
    """Make the sheet that is the list into lines, which can be gone on with anywhere: a workbook cannot."""
    said = reading.imported["column_map"]

    def opened() -> tuple[Table, Sequence[Record]]:
        table = read_workbook(Workbook(file, MOST_COLUMNS, MOST_UNPACKED), lambda names: reading.kind.rank(names, said))
        return table, list(islice(table.records, SAMPLE))

    table, sample = await in_turn(opened)
    columns = _columns(reading, table.names, [record.cells for record in sample if record.fault is None])
    if not await _write(reading, SQL.remove_unpacked, {}):
        return None
    rows = islice(chain(sample, table.records), MOST_ROWS + 1)  # one more, so that the job says that there are more
    pieces, size = _in_pieces(unpacked(rows)), 0
    while piece := await in_turn(lambda: next(pieces, b"")):
        sealed = seal_piece(reading.engine.vault, reading.org_id, piece)
        params = {"piece_id": sealed["id"], "body": sealed["body"], "number": size // PIECE}
        if not await _write(reading, SQL.put_unpacked, params):
            return None
        size += len(piece)
        if size > MOST_UNPACKED:
            raise TooLarge(f"The sheet is more than {MOST_UNPACKED // 2**20} MiB of text; save it as CSV, in parts.")
    layout = Layout("xlsx", "utf-8", 0, _storable(table.names), None, table.sheet, table.header_line)
    return Understood(layout, columns, Place(0, 1), size)


async def _write(reading: Reading, query: Query, params: dict[str, Any]) -> bool:
    """Change what a workbook is made into. False where it is not to be made into lines any more: it was canceled, or
    another worker has done it."""
    async with reading.engine.db.by_job(reading.org_id) as tx:
        if await tx.one(SQL.lock_queued, reading.names) is None:
            return False
        await tx.run(query, {**reading.names, **params})
    return True


def _columns(reading: Reading, names: Sequence[str], sample: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    columns = reading.kind.understand(names, sample, reading.imported["column_map"])
    return [{**each, "name": each["name"].replace("\0", "")} for each in columns]


def _storable(names: Sequence[str]) -> list[str]:
    return [name.replace("\0", "") for name in names]


def _in_pieces(lines: Iterable[bytes]) -> Iterator[bytes]:
    kept = bytearray()
    for line in lines:
        kept += line
        while len(kept) >= PIECE:
            yield bytes(kept[:PIECE])
            del kept[:PIECE]
    if kept:
        yield bytes(kept)
