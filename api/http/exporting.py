"""Whole lists as CSV, sent page by page, each page a read of its own."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from fastapi.responses import StreamingResponse

from api.access.caller import Reader
from api.db.queries import Query
from api.http.openapi.problems import problems

FORMULAS = tuple("=+-@\t\r")
Lines = Callable[[dict[str, Any]], Iterable[Sequence[Any]]]


def exported(description: str) -> dict[int | str, dict[str, Any]]:
    """Return how a route documents its answers."""
    return {200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": description}, **problems()}


def to_csv(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as CSV; what a spreadsheet would take for a formula is made a text."""
    out = io.StringIO()
    csv.writer(out).writerows([f"'{cell}" if str(cell or "")[:1] in FORMULAS else cell for cell in row] for row in rows)
    return out.getvalue()


async def export(
    reads: Reader, query: Query, params: dict[str, Any], *, columns: Sequence[str], lines: Lines, name: str
) -> StreamingResponse:
    """Stream what a query gives in pages of `rows` and `last`, from which the next one goes on by `after`. `lines`
    makes the lines of CSV out of a row.

    The first page is read before anything is sent, so that a refusal is still an answer of its own.
    """
    first = await reads.body(query, {**params, "after": None})

    async def pages() -> AsyncIterator[str]:
        document = json.loads(first or b"{}")
        yield to_csv([columns])
        while document.get("rows"):
            yield to_csv([line for row in document["rows"] for line in lines(row)])
            after = {**params, "after": document["last"]}
            document = json.loads(await reads.body(query, after) or b"{}")

    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(pages(), media_type="text/csv; charset=utf-8", headers=headers)
