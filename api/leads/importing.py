"""People out of a list that is too long for a request: judged and added like those of a short one."""

from collections.abc import Callable, Sequence
from typing import Any

from api.db.lists import Added, Layout
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.db.seen import Seen
from api.errors import Conflict
from api.leads.adding import add_rows
from api.leads.columns import Column, columns_of, rank, read_map
from api.leads.reading import LeadRow, json_row, row_of_record
from api.tables.records import Record

SQL = beside(__file__, "queries.sql")


class People:
    """Lists of people, who are added to a campaign."""

    columns = ("email", "linkedin_url", "result", "lead_id", "reason", "notes")

    def check_map(self, said: str) -> None:
        """Raise Unprocessable for a `map` that cannot be."""
        read_map(said)

    def rank(self, names: Sequence[str], said: str | None) -> int:
        """Return how many names of a header are known."""
        return rank(names, read_map(said) if said else None)

    def understand(
        self, names: Sequence[str], sample: Sequence[Sequence[str]], said: str | None
    ) -> list[dict[str, Any]]:
        """Return what each column is. Raises Unprocessable where nobody can be found by any."""
        columns = columns_of(names, sample, read_map(said) if said else None)
        return [{"name": each.name, "field": each.field, "stands_in": each.stands_in} for each in columns]

    def judge(self, layout: Layout) -> Callable[[Record], LeadRow]:
        """Return the judge of single records."""
        if layout["columns"] is None:
            return lambda record: json_row(record.line, record.cells[0])
        columns = [Column(each["name"], each["field"], each["stands_in"]) for each in layout["columns"]]
        return lambda record: row_of_record(columns, record)

    async def add(self, tx: Tx, imported: Row, rows: Sequence[LeadRow], seen: Seen) -> Added:
        """Add people to the import's campaign. Raises Conflict where that takes nobody any more."""
        campaign = await tx.one(SQL.lock_campaign, {"id": imported["campaign_id"]})
        if campaign is None:
            raise Conflict("The campaign is deleted.", code="campaign_deleted")
        if campaign["status"] in ("completed", "archived"):
            raise Conflict(f"The campaign is {campaign['status']}.", code=f"campaign_{campaign['status']}")
        for row in rows:
            row.lead.source = row.lead.source or imported["source"]
        added = await add_rows(tx, campaign, rows, seen)
        if added.counts["added"] and campaign["status"] == "active":
            tx.wake(campaign["company_id"])
        for result in added.results:
            result["notes"] = "; ".join(f"{note['field']}: {note['code']}" for note in result["notes"])
        return added


PEOPLE = People()
