"""Adding to a do-not-contact list, each entry once."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from api.db.pool import Tx
from api.db.queries import beside
from api.suppressions.reading import Row, merged

SQL = beside(__file__, "queries.sql")


async def put(tx: Tx, company_id: UUID | None, rows: Sequence[Row], source: str) -> list[dict[str, Any]]:
    """Add what is good, each once, and return what became of every row."""
    entries = merged(rows)
    ids: dict[str, UUID] = {}
    added: set[int] = set()
    if entries:
        params = {"company_id": company_id, "source": source, "entries": json.dumps(list(entries.values()))}
        for written in await tx.many(SQL.put_suppressions, params):
            if written["id"] is not None:
                ids[written["key"]] = written["id"]
            if written["created"]:
                added.add(written["place"])
    if lost := [key for key in entries if key not in ids]:  # added by another caller at the same moment
        found = await tx.many(SQL.find_suppressions, {"company_id": company_id, "keys": lost})
        ids |= {row["key"]: row["id"] for row in found}
    return [
        {
            "index": place,
            "value": row.given,
            "result": "invalid" if row.entry is None else "added" if place in added else "known",
            "suppression_id": None if row.entry is None else ids.get(row.entry.key),
            "reason": row.reason,
        }
        for place, row in enumerate(rows)
    ]


def counted(results: Sequence[dict[str, Any]]) -> Counter[str]:
    """Return how many rows had which result."""
    return Counter(said["result"] for said in results)
