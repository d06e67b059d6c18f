"""Deleting a lead, and setting the interest of an address."""

from starlette.responses import Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.leads import jobs, leads
from providers.simulators.instantly.leads.read import Choice, select
from providers.simulators.instantly.requests import Call, RefusedError, Routes, answer

routes = Routes()


@routes.on("DELETE", "/leads/{id}", "leads:delete")
def delete(call: Call) -> Response:
    """Delete one lead."""
    row = leads.find(call, call.params["id"])
    call.store.run("delete from leads where id = ?", row["id"])
    return answer(leads.shown(row))


@routes.on(
    "POST",
    "/leads/update-interest-status",
    body={
        "lead_email": validation.Required(validation.text()),
        "interest_value": validation.Required(validation.number(null=True)),
        "campaign_id": validation.text(),
        "list_id": validation.text(),
        "ai_interest_value": validation.number(),
        "disable_auto_interest": validation.boolean(),
    },
)
def set_interest(call: Call) -> Response:
    """Set the interest of every lead with this address, a moment later."""
    body = call.body
    choice = Choice(call.workspace, {"list_id": body.get("list_id")})
    choice.where("email = ?", body["lead_email"].strip().lower())
    if body.get("campaign_id"):
        choice.where("campaign = ?", body["campaign_id"])
    rows = select(call, choice, "id", 1000)
    if not rows:
        raise RefusedError(400, {"error": "Invalid lead email"})
    due = call.store.clock.time() + jobs.delay(call.store)
    wanted = body["interest_value"]
    event = "interest:" if wanted is None else f"interest:{int(wanted)}"
    call.store.insert_all("script", [{"due_at": due, "subject": row["id"], "event": event} for row in rows])
    message = "Lead interest status update background job submitted"
    return answer({"message": message}, int(call.options["interest_answer"]))
