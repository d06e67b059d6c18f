"""Reading leads by id and across the account."""

from starlette.responses import Response

from providers.simulators.kit.store import Object, Row
from providers.simulators.smartlead.leads.read import campaigns_of, shown
from providers.simulators.smartlead.requests import Call, Routes, answer
from providers.simulators.smartlead.validation import moment, page, text

routes = Routes()


@routes.on("GET", "/leads/global-leads", query={**page(100), "created_at_gt": moment, "email": text()})
def list_global(call: Call) -> Response:
    """List the account's leads with the campaigns they are in."""
    offset, limit = call.query.get("offset", 0), call.query.get("limit", 100)
    email = call.query["email"].strip().lower() if "email" in call.query else None
    where, values = "account_id = ?", [call.account.id]
    for condition, value in (("email = ?", email), ("created_at > ?", call.query.get("created_at_gt"))):
        if value is not None:
            where += f" and {condition}"
            values.append(value)
    rows = call.store.all(
        f"select * from leads where {where} order by id limit ? offset ?",  # noqa: S608 - built above
        *values,
        limit + 1,
        offset,
    )
    data = [_global(call, row) for row in rows[:limit]]
    return answer({"data": data, "skip": offset, "limit": limit, "hasMore": len(rows) > limit})


def _global(call: Call, lead: Row) -> Object:
    own = shown(lead)
    del own["is_unsubscribed"], own["unsubscribed_client_id_map"]
    campaigns = [
        {
            "campaign_id": row["campaign_id"],
            "lead_status": row["status"],
            "campaign_name": row["campaign_name"],
            "lead_added_at": row["created_at"],
            "campaign_status": row["campaign_status"],
            "email_lead_map_id": row["id"],
            "lead_last_seq_number": row["last_seq"],
        }
        for row in campaigns_of(call, lead["id"])
    ]
    stamps = {"created_at": lead["created_at"], "user_id": call.account.id}
    return {"id": str(lead["id"]), **own, **stamps, "campaigns": campaigns}


@routes.on("GET", "/leads/{lead_id}")
def read_by_id(call: Call) -> Response:
    """Read a lead by its id: an array of one."""
    lead = _own_lead(call)
    found = [] if lead is None else [{"id": lead["id"], **shown(lead), "created_at": lead["created_at"]}]
    return answer({"ok": True, "data": found})


@routes.on("GET", "/leads/{lead_id}/campaigns")
def list_campaigns(call: Call) -> Response:
    """List the campaigns a lead is in."""
    lead = _own_lead(call)
    rows = [] if lead is None else campaigns_of(call, lead["id"])
    return answer(
        [{"id": row["campaign_id"], "status": row["campaign_status"], "name": row["campaign_name"]} for row in rows]
    )


def _own_lead(call: Call) -> Row | None:
    return call.store.one(
        "select * from leads where id = ? and account_id = ?", call.params["lead_id"], call.account.id
    )
