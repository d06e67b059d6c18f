"""The controls of this simulator alone: its messages, and what can be made to happen to a lead."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from providers.simulators.instantly import enrolment, events, inspection
from providers.simulators.instantly.state import OPTIONS
from providers.simulators.kit.control import Control, Subject, UnclearError
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.store import Object, Store


def control(store: Store, faults: Faults, token: str | None) -> Control:
    """Return the controls."""

    async def list_emails(request: Request) -> Response:
        return JSONResponse(inspection.emails(store, request.query_params.get("lead", "").lower()))

    subject = Subject(inspection.campaigns, inspection.campaign, inspection.leads, events.EVENTS, _play, numbered=False)
    return Control(store, faults, OPTIONS, token, subject, own=[Route("/emails", list_emails)])


def _play(store: Store, wanted: Object) -> Object:
    lead_id = inspection.find_lead(store, wanted.get("campaign_id"), str(wanted.get("email", "")))
    who = None if lead_id is None else enrolment.enrolment(store, lead_id)
    if who is None:
        raise UnclearError(404, "the campaign has no such lead, or no mailbox to write from")
    step = max(1, int(wanted.get("step") or 1)) - 1
    with store.transaction():
        return events.happen(store, who, wanted["event"], step, **_said(wanted))


def _said(wanted: Object) -> Object:
    if wanted["event"] == "interest":
        value = wanted.get("value")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise UnclearError(422, "value must be an interest's number, or null")
        return {"value": value}
    if wanted["event"].partition(":")[0] in ("reply", "auto_reply"):
        return {key: wanted[key] for key in ("text", "by") if isinstance(wanted.get(key), str)}
    return {}
