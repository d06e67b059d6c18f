"""Listing campaigns."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.campaigns.rules import STATES
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.requests import PAGE, Call, Routes
from providers.simulators.kit.store import Object

routes = Routes()

_STATE = validation.number(among=STATES)


@routes.on(
    "GET",
    "/campaigns",
    "campaigns:read",
    query={
        **PAGE,
        "search": validation.text(),
        "tag_ids": validation.text(),
        "ai_sales_agent_id": validation.text("uuid"),
        "status": _STATE,
        "exclude_status": _STATE,
    },
)
def list_all(call: Call) -> Response:
    """List campaigns by falling id, which is no order in time."""
    rows = [row for row in call.every("campaign") if _matches(call, row)]
    return call.page(sorted(rows, key=lambda row: row["id"], reverse=True), down=True)


def _matches(call: Call, campaign: Object) -> bool:
    query = call.query
    if query.get("search", "").lower() not in campaign["name"].lower() or "ai_sales_agent_id" in query:
        return False
    if "tag_ids" in query:
        links = entities.of_parent(call.store, "tag_link", f"{call.workspace}/{campaign['id']}")
        if {link["tag_id"] for link in links}.isdisjoint(query["tag_ids"].split(",")):
            return False
    status = campaign["status"]
    return query.get("status", status) == status and query.get("exclude_status") != status
