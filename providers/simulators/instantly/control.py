"""The controls of this simulator alone: its campaigns and leads, and making things happen to them."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from providers.simulators.instantly import enrolment, events, inspection
from providers.simulators.kit.control import Control, UnclearError, object_of
from providers.simulators.kit.store import Object


class InstantlyControl(Control):
    """Answers the control requests."""

    def own_routes(self) -> Sequence[Route]:
        """Return what looks into campaigns and plays events."""
        return [
            Route("/campaigns", self.list_campaigns),
            Route("/campaigns/{campaign_id}", self.read_campaign),
            Route("/campaigns/{campaign_id}/leads", self.list_leads),
            Route("/emails", self.list_emails),
            Route("/play", self.play, methods=["POST"]),
        ]

    async def list_campaigns(self, request: Request) -> Response:
        """Return every campaign of every workspace."""
        del request
        return JSONResponse(inspection.campaigns(self.store))

    async def read_campaign(self, request: Request) -> Response:
        """Return one campaign with its counts."""
        found = inspection.campaign(self.store, request.path_params["campaign_id"])
        if found is None:
            raise UnclearError(404, "there is no such campaign")
        return JSONResponse(found)

    async def list_leads(self, request: Request) -> Response:
        """Return a campaign's or list's leads."""
        return JSONResponse(inspection.leads(self.store, request.path_params["campaign_id"]))

    async def list_emails(self, request: Request) -> Response:
        """Return the messages exchanged with an address."""
        return JSONResponse(inspection.emails(self.store, request.query_params.get("lead", "").lower()))

    async def play(self, request: Request) -> Response:
        """Make something happen to a lead now, and return the webhook body that was queued."""
        asked = await object_of(request)
        event = asked.get("event")
        if event not in events.EVENTS:
            raise UnclearError(422, f"event must be one of: {', '.join(events.EVENTS)}")
        lead_id = inspection.find_lead(self.store, asked.get("campaign_id"), str(asked.get("email", "")))
        who = None if lead_id is None else enrolment.enrolment(self.store, lead_id)
        if who is None:
            raise UnclearError(404, "the campaign has no such lead, or no mailbox to write from")
        step = max(1, int(asked.get("step") or 1)) - 1
        with self.store.transaction():
            body = events.happen(self.store, who, event, step, **_said(asked))
        return JSONResponse(body)


def _said(asked: Object) -> Object:
    if asked["event"] == "interest":
        value = asked.get("value")
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise UnclearError(422, "value must be an interest's number, or null")
        return {"value": value}
    if asked["event"] in ("reply", "auto_reply"):
        return {key: asked[key] for key in ("text", "by") if isinstance(asked.get(key), str)}
    return {}
