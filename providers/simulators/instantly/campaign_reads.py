"""Listing campaigns, finding a contact's, and telling why one does not send."""

from starlette.responses import Response

from providers.simulators.instantly import ajv, entities
from providers.simulators.instantly.campaign_rules import STATES
from providers.simulators.instantly.exchange import PAGE, Call, Routes, answer
from providers.simulators.instantly.mailboxes import senders
from providers.simulators.kit.store import Object

routes = Routes()

_STATE = ajv.number(among=STATES)
_TOLD = {
    -99: "campaign_account_suspended",
    -2: "campaign_bounce_protect",
    -1: "campaign_accounts_unhealthy",
    0: "campaign_draft",
    2: "campaign_paused",
    3: "campaign_completed",
    4: "campaign_running_subsequences",
}


@routes.on(
    "GET",
    "/campaigns",
    "campaigns:read",
    query={
        **PAGE,
        "search": ajv.text(),
        "tag_ids": ajv.text(),
        "ai_sales_agent_id": ajv.text("uuid"),
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


@routes.on(
    "GET",
    "/campaigns/search-by-contact",
    "campaigns:read",
    query={"search": ajv.text(), "sort_column": ajv.text(), "sort_order": ajv.text()},
)
def of_contact(call: Call) -> Response:
    """List the campaigns an address is in."""
    email = call.query.get("search", "").strip().lower()
    rows = call.store.all(
        "select distinct campaign from leads where workspace = ? and email = ? and campaign is not null",
        call.workspace,
        email,
    )
    found = [entities.find(call.store, call.workspace, "campaign", row["campaign"]) for row in rows]
    column = call.query.get("sort_column", "timestamp_created")
    campaigns = sorted(
        (campaign for campaign in found if campaign),
        key=lambda campaign: str(campaign.get(column, "")),
        reverse=call.query.get("sort_order") == "desc",
    )
    return answer({"items": [entities.shown(campaign) for campaign in campaigns]})


@routes.on("GET", "/campaigns/{id}/sending-status", "campaigns:read", query={"with_ai_summary": ajv.boolean()})
def sending_status(call: Call) -> Response:
    """Tell why a campaign does or does not send."""
    campaign = call.find("campaign")
    return answer({"diagnostics": None, "summary": summary(call, campaign, campaign)})


def summary(call: Call, owner: Object, campaign: Object) -> Object:
    """Return what keeps a campaign, or a subsequence of it, from sending."""
    waiting = call.store.value("select 1 from leads where campaign = ? and due_at is not null limit 1", campaign["id"])
    status = _TOLD.get(owner["status"])
    if status is None and not senders(call.store, call.workspace, campaign):
        status = "no_accounts_available"
    if status is None:
        status = "healthy" if waiting else "waiting_for_leads"
    words = {
        "campaign_accounts_unhealthy": "None of the sending accounts can be used.",
        "healthy": "The campaign is sending.",
    }
    return {
        "status": status,
        "status_message": words.get(status, status.replace("_", " ").capitalize() + "."),
        "issue_started_at": None,
        "last_healthy_send_at": None,
        "ai_summary": None,
    }
