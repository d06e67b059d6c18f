"""Entries of a do-not-contact list out of a list that is too long for a request."""

from collections.abc import Callable, Sequence
from typing import Any

from api.db.lists import Added, Layout
from api.db.pool import Row as DatabaseRow
from api.db.pool import Tx
from api.db.seen import Seen
from api.errors import Unprocessable
from api.suppressions.adding import counted, put
from api.suppressions.reading import Row, column, json_row, rank, row_of_record
from api.tables.records import Record


class Entries:
    """Lists of whom a company does not contact."""

    columns = ("value", "result", "suppression_id", "reason")

    def check_map(self, said: str) -> None:  # noqa: ARG002
        """Raise Unprocessable: the columns of such a list are named."""
        raise Unprocessable("`map` names columns of a list of people; these have names.", code="map_invalid")

    def rank(self, names: Sequence[str], said: str | None) -> int:  # noqa: ARG002
        """Return how many names of a header are known."""
        return rank(names)

    def understand(
        self, names: Sequence[str], sample: Sequence[Sequence[str]], said: str | None  # noqa: ARG002
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Return what each column is. Raises Unprocessable where none can be an entry."""
        if not rank(names):
            raise Unprocessable(
                "The header row names no column `email`, `domain`, `linkedin_url` or `value`.",
                code="value_column_missing",
            )
        return [{"name": name.strip(), "field": column(name)} for name in names]

    def judge(self, layout: Layout) -> Callable[[Record], Row]:
        """Return the judge of single records."""
        if layout["columns"] is None:
            return lambda record: json_row(record.cells[0])
        fields = [each["field"] for each in layout["columns"]]
        return lambda record: row_of_record(fields, record)

    async def add(self, tx: Tx, imported: DatabaseRow, rows: Sequence[Row], seen: Seen) -> Added:  # noqa: ARG002
        """Add entries to the company's list, which knows what is on it."""
        results = await put(tx, imported["company_id"], rows, "import")
        return Added(counted(results), results)


ENTRIES = Entries()
