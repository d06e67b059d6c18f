"""Whether a lead goes on in a campaign."""

from starlette.responses import Response

from providers.simulators.kit.store import Row
from providers.simulators.smartlead import enrolment, events
from providers.simulators.smartlead.enrolment import Enrolment
from providers.simulators.smartlead.requests import Call, RefusedError, Routes, done
from providers.simulators.smartlead.validation import nullable, number

routes = Routes()

PATH = "/campaigns/{campaign_id}/leads/{lead_id}"
MISSING = {"error": "Lead not found - Invalid lead_id."}


def link_of(call: Call) -> Row:
    """Return the row of the path's lead in the path's campaign, or refuse."""
    call.campaign()
    found = call.store.one(
        "select * from campaign_leads where campaign_id = ? and lead_id = ?",
        call.campaign_id,
        call.params["lead_id"],
    )
    if found is None:
        raise RefusedError(404, MISSING)
    return found


def enrolled(call: Call, map_id: int) -> Enrolment:
    """Return the lead of a campaign-lead row with all that belongs to it, or refuse."""
    found = enrolment.enrolment(call.store, map_id)
    if found is None:
        raise RefusedError(404, MISSING)
    return found


def put_status(call: Call, map_id: int, status: str) -> None:
    """Move a lead of a campaign to another status."""
    call.store.run("update campaign_leads set status = ?, last_activity_at = ? where id = ?", status, call.now, map_id)


@routes.on("POST", f"{PATH}/pause")
def pause(call: Call) -> Response:
    """Let the lead get nothing more for now."""
    put_status(call, link_of(call)["id"], "PAUSED")
    return done()


@routes.on("POST", f"{PATH}/resume", body={"resume_lead_with_delay_days": nullable(number(least=0))})
def resume(call: Call) -> Response:
    """Let a paused or stopped lead go on; the delay is taken, and not waited for."""
    link = link_of(call)
    if link["status"] in {"PAUSED", "STOPPED"} and not link["is_unsubscribed"]:
        put_status(call, link["id"], "INPROGRESS" if link["last_seq"] else "STARTED")
    return done()


@routes.on("POST", f"{PATH}/unsubscribe")
def unsubscribe(call: Call) -> Response:
    """Take the lead out of this campaign only."""
    events.unsubscribe(call.store, enrolled(call, link_of(call)["id"]), everywhere=False)
    return done()
