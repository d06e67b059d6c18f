"""A campaign's leads as CSV, whose quoted fields may contain line breaks."""

import csv
import io
import json
from collections.abc import Iterator

from starlette.responses import Response

from providers.simulators.kit.answers import stream
from providers.simulators.kit.store import Row
from providers.simulators.smartlead.common import categories
from providers.simulators.smartlead.requests import Call, Routes

routes = Routes()

COLUMNS = (
    *("id", "campaign_lead_map_id", "status", "category", "is_interested", "created_at"),
    *("first_name", "last_name", "email", "phone_number", "company_name", "website", "location"),
    *("custom_fields", "linkedin_profile", "company_url", "is_unsubscribed", "unsubscribed_client_id_map"),
    *("last_email_sequence_sent", "open_count", "click_count", "reply_count"),
)
_CHUNK = 1000


@routes.on("GET", "/campaigns/{campaign_id}/leads-export")
def export(call: Call) -> Response:
    """Return all leads of a campaign as CSV."""
    call.campaign()
    return stream(_pages(call), "text/csv")


def _pages(call: Call) -> Iterator[str]:
    yield _csv([list(COLUMNS)])
    last = 0
    while rows := _page(call, last):
        yield _csv([_cells(row) for row in rows])
        last = rows[-1]["campaign_lead_map_id"]


def _page(call: Call, after: int) -> list[Row]:
    return call.store.all(
        "select l.*, c.id as campaign_lead_map_id, c.status, c.category_id, c.last_seq, c.is_replied,"
        " (select coalesce(sum(open_count), 0) from messages m where m.map_id = c.id) as open_count,"
        " (select coalesce(sum(click_count), 0) from messages m where m.map_id = c.id) as click_count"
        " from campaign_leads c join leads l on l.id = c.lead_id"
        " where c.campaign_id = ? and c.id > ? order by c.id limit ?",
        call.campaign_id,
        after,
        _CHUNK,
    )


def _cells(row: Row) -> list[object]:
    category = categories.named(row["category_id"]) or {"name": "", "sentiment_type": None}
    derived = {
        "category": category["name"],
        "is_interested": json.dumps(category["sentiment_type"] == "positive"),
        "is_unsubscribed": json.dumps(bool(row["is_unsubscribed"])),
        "unsubscribed_client_id_map": "{}",
        "last_email_sequence_sent": row["last_seq"] or None,
        "reply_count": row["is_replied"],
    }
    return [derived.get(column) if column in derived else row[column] for column in COLUMNS]


def _csv(rows: list[list[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()
