"""Workbooks as a program writes them."""

import io
from typing import Any

import openpyxl


def workbook(rows: list[list[Any]]) -> bytes:
    """Return a workbook with one sheet of these rows."""
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet("People")
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
