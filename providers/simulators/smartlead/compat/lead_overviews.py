"""One lead over all its campaigns, and what it was sent in one of them."""

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead import enrolment
from providers.simulators.smartlead.leads.change import MISSING
from providers.simulators.smartlead.leads.read import campaigns_of, shown
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, answer
from providers.simulators.smartlead.validation import number

routes = Routes()


@routes.on("GET", "/leads/{lead_id}/campaign-overview")
def campaign_overview(call: Call) -> Response:
    """Return a lead with how far it is in each of its campaigns."""
    found = "select * from leads where id = ? and account_id = ?"
    lead = call.store.one(found, call.params["lead_id"], call.account.id)
    if lead is None:
        raise RefusedError(404, MISSING)
    own = shown(lead)
    del own["is_unsubscribed"], own["unsubscribed_client_id_map"]
    places = [_place(call, row) for row in campaigns_of(call, lead["id"])]
    data = {"id": str(lead["id"]), **own, "esp_domain_type": 0, "email_campaign_leads_mappings": places}
    return answer({"ok": True, "message": "Campaign lead overview fetched successfully", "data": data})


def _place(call: Call, row: Row) -> Object:
    worth = call.store.value("select revenue from inbox_marks where map_id = ?", row["id"])
    campaign = {"id": row["campaign_id"], "name": row["campaign_name"], "status": row["campaign_status"]}
    return {
        "id": row["id"],
        "status": row["status"],
        "lead_category_id": row["category_id"],
        "revenue": worth or 0,
        "current_seq_num": row["last_seq"],
        "next_timestamp_to_reach": None,
        "email_campaign_id": row["campaign_id"],
        "email_campaign": campaign,
    }


@routes.on("GET", "/leads/{campaign_lead_map_id}/sequence-details", query={"campaignId": number()})
def sequence_details(call: Call) -> Response:
    """List the steps that a lead was sent; the path names the row in the campaign, not the lead."""
    map_id = call.params["campaign_lead_map_id"]
    campaign_id = call.store.value(
        "select x.campaign_id from campaign_leads x join campaigns c on c.id = x.campaign_id"
        " where x.id = ? and c.account_id = ? and c.deleted_at is null",
        map_id,
        call.account.id,
    )
    if campaign_id is None or campaign_id != call.query.get("campaignId", campaign_id):
        raise RefusedError(404, MISSING)
    steps = [_step(row) for row in enrolment.history(call.store, map_id) if row["kind"] == "SENT"]
    return answer({"ok": True, "message": "Lead sequence details fetched successfully", "data": steps})


def _step(row: Row) -> Object:
    return {
        "status": "SENT",
        "sent_time": row["time"],
        "status_message": "Message sent successfully!",
        "email_campaign_seq_id": row["sequence_id"],
    }
