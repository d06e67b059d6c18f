"""Adding people to a campaign: one statement judges every row, joins whom we know, and enrols who is new."""

import json
from typing import Any

from api.db.pool import Row, Tx
from api.db.queries import beside
from api.http.responses import or_404

SQL = beside(__file__, "adding.sql")


async def add_rows(tx: Tx, campaign: Row, rows: list[dict[str, Any]]) -> Row:
    """Add the rows that `read_rows` gave; return how many were `added`, and the answer's `body`."""
    params = {
        "campaign_id": campaign["id"],
        "company_id": campaign["company_id"],
        "by_profile": campaign["capability"] == "linkedin_outreach",
        "rows": json.dumps(rows),
    }
    await tx.run(SQL.prepare, params)
    return or_404(await tx.one(SQL.add_leads, params))
