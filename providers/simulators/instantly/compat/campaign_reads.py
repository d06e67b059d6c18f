"""Finding a contact's campaigns, and telling why a campaign does not send."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.requests import Call, Routes, answer
from providers.simulators.instantly.senders.mailboxes import senders
from providers.simulators.kit.store import Object

routes = Routes()

_REASONS = {
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
    "/campaigns/search-by-contact",
    "campaigns:read",
    query={"search": validation.text(), "sort_column": validation.text(), "sort_order": validation.text()},
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


@routes.on("GET", "/campaigns/{id}/sending-status", "campaigns:read", query={"with_ai_summary": validation.boolean()})
def sending_status(call: Call) -> Response:
    """Tell why a campaign does or does not send."""
    campaign = call.find("campaign")
    return answer({"diagnostics": None, "summary": summary(call, campaign, campaign)})


def summary(call: Call, owner: Object, campaign: Object) -> Object:
    """Return what keeps a campaign, or a subsequence of it, from sending."""
    waiting = call.store.value("select 1 from leads where campaign = ? and due_at is not null limit 1", campaign["id"])
    status = _REASONS.get(owner["status"])
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
