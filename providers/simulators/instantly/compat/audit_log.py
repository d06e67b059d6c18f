"""Reading the audit log, newest first."""

import json

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.requests import PAGE, Call, Routes, items

routes = Routes()

_MOST = 1000


@routes.on(
    "GET",
    "/audit-logs",
    "audit_logs:read",
    query={
        **PAGE,
        "activity_type": validation.number(),
        **dict.fromkeys(("search", "start_date", "end_date"), validation.text()),
    },
)
def list_all(call: Call) -> Response:
    """List what was done; up to a thousand at a time."""
    query = call.query
    kind = query.get("activity_type")
    rows = call.store.all(
        "select * from audit_log where workspace = ? and id < ? and (? is null or activity_type = ?)"
        " and at >= ? and at < ? and fields like ? order by id desc limit ?",
        call.workspace,
        query.get("starting_after", "g"),
        kind,
        kind,
        query.get("start_date", ""),
        f"{query.get('end_date', '9999')}~",
        f"%{query.get('search', '')}%",
        call.limit(most=_MOST),
    )
    shown = [
        {
            "id": row["id"],
            "timestamp": row["at"],
            "organization_id": call.workspace,
            "activity_type": row["activity_type"],
            **json.loads(row["fields"]),
        }
        for row in rows
    ]
    return items(shown)
