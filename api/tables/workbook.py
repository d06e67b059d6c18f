"""Workbooks (.xlsx): the rows of a sheet as texts, row by row, in bounded memory."""

import datetime
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any
from xml.etree import ElementTree

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from api.errors import TooLarge, Unprocessable
from api.tables.records import LONGEST_CELL, Record

MOST_UNPACKED = 24 * 1024 * 1024
MOST_PARTS = 2000
MOST_SHEETS = 50
MOST_TOO_WIDE = 50  # rows; a stray cell far to the right is nothing unusual
LAST_ROW = 1_048_576
UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
STRICT = b"purl.oclc.org/ooxml"
WHOLE = 1e15  # up to here a float holds every whole number
SHEETS = "xl/workbook.xml"
TYPES = "[Content_Types].xml"
SHEET_TYPE = "spreadsheetml.worksheet+xml"
BLOCK = 1024 * 1024
ROW = re.compile(rb"<(?:[\w.-]{1,40}:)?row[\s/>]")
LONGEST_ROW = 2 * 1024 * 1024  # of XML


def is_workbook(file: IO[bytes]) -> bool:
    """Whether a file is a zip archive with a workbook in it."""
    file.seek(0)
    return file.read(2) == b"PK" and SHEETS in _names(file)


def _names(file: IO[bytes]) -> list[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


class Workbook:
    """An open workbook. Raises Unprocessable for one that cannot be read, TooLarge for one that unpacks to too much."""

    def __init__(self, file: IO[bytes], most_columns: int, most_unpacked: int = MOST_UNPACKED) -> None:
        _check(file, most_unpacked)
        self._most_columns = most_columns
        try:
            self._book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except _BROKEN:
            raise _unreadable() from None
        self.sheets = [sheet.title for sheet in self._book.worksheets if sheet.sheet_state == "visible"][:MOST_SHEETS]

    def records(self, sheet: str) -> Iterator[Record]:
        """Yield the rows of a sheet that are not empty, with their numbers. Raises Unprocessable for a sheet that is
        damaged, or has too many columns all over."""
        rows: Any = self._book[sheet]
        rows.reset_dimensions()  # what a file says of its own size is not believed: rows would be filled up to it
        too_wide = 0
        try:
            for number, row in enumerate(rows.iter_rows(max_row=LAST_ROW, values_only=True), start=1):
                if not row:
                    continue
                if len(row) > self._most_columns:
                    too_wide += 1
                    if too_wide > MOST_TOO_WIDE:
                        raise Unprocessable(
                            f"The sheet has more than {self._most_columns} columns.", code="too_many_columns"
                        )
                cells = [_text(value) for value in row]
                while cells and not cells[-1]:
                    del cells[-1]
                if any(len(cell) > LONGEST_CELL for cell in cells):  # a program writes 32,767 signs at most
                    yield Record(number, [], "cell_too_long")
                elif any(map(str.strip, cells)):
                    yield Record(number, cells)
        except _BROKEN:
            raise _unreadable() from None


# What the library raises for files that are damaged or made up: it has no error of its own for most of them.
_BROKEN = (
    InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, IndexError, TypeError, AttributeError,
    NotImplementedError, EOFError, OSError, SyntaxError, AssertionError, OverflowError, RuntimeError, zlib.error,
    struct.error,
)  # fmt: skip


def _check(file: IO[bytes], most_unpacked: int) -> None:
    """Look at the archive before it is read: how much it unpacks to, and that no part defines entities. Sheets are read
    row by row; all other parts are in memory as a whole."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            sheets = _sheets(archive)
            size = sum(part.file_size for part in parts if part.filename in sheets)
            rest = sum(part.file_size for part in parts if part.filename not in sheets)
            if len(parts) > MOST_PARTS or size + rest > most_unpacked or rest > MOST_UNPACKED:
                raise TooLarge(
                    f"The workbook unpacks to more than {most_unpacked // 2**20} MiB, or {MOST_UNPACKED // 2**20} MiB "
                    f"beside its sheets, or {MOST_PARTS} parts; save its sheet as CSV."
                )
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as text:
                        _check_part(text, may_be_strict=part.filename == SHEETS)
                if part.filename in sheets:
                    with archive.open(part) as text:
                        _check_rows(text)
    except _BROKEN:
        raise _unreadable() from None


def _sheets(archive: zipfile.ZipFile) -> set[str]:
    """Return the parts that are sheets and nothing else, as the archive's own list of types says."""
    types = archive.getinfo(TYPES)
    if types.file_size > BLOCK:
        raise _unreadable()
    text = archive.read(types)
    if b"<!" in text:
        raise _unreadable()
    kinds: dict[str, set[str]] = {}
    for each in ElementTree.fromstring(text):  # noqa: S314 - without entities, and no longer than a block
        kinds.setdefault(each.get("PartName", "").lstrip("/"), set()).add(each.get("ContentType", ""))
    return {name for name, declared in kinds.items() if all(kind.endswith(SHEET_TYPE) for kind in declared)}


def _check_part(text: IO[bytes], *, may_be_strict: bool) -> None:
    before = b""
    while block := text.read(BLOCK):
        seen = before + block
        if b"<!DOCTYPE" in seen or b"<!ENTITY" in seen or (not before and seen.startswith(UTF_16)):
            raise _unreadable()
        if may_be_strict and STRICT in seen:
            raise Unprocessable(
                "This is a workbook in Strict Open XML; save it as an ordinary .xlsx.", code="workbook_unreadable"
            )
        before = block[-len(STRICT) :]


def _check_rows(text: IO[bytes]) -> None:
    """Look at a sheet's rows: one is in memory as a whole, cell by cell, before anything of it is seen."""
    size = 0
    while block := text.read(BLOCK // 4):
        starts = [match.start() for match in ROW.finditer(block)]
        size += starts[0] if starts else len(block)
        if size > LONGEST_ROW:
            raise Unprocessable(
                f"A row of the sheet, or what stands behind its rows, is longer than {LONGEST_ROW // 2**20} MiB; save "
                "the sheet as CSV.",
                code="workbook_unreadable",
            )
        if starts:
            size = len(block) - starts[-1]


def _unreadable() -> Unprocessable:
    return Unprocessable(
        "The workbook is damaged or protected; open it, save it again without a password, or save the sheet as CSV.",
        code="workbook_unreadable",
    )


def _text(value: object) -> str:
    """Return a cell as a person sees it, more or less: formats are not applied."""
    if value is None or value in _ERRORS:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})
