"""The controls of this simulator alone: its campaigns and leads, and making things happen to them."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from providers.simulators.kit.control import Control, UnclearError, object_of
from providers.simulators.smartlead import enrolment, events, inspection


class SmartleadControl(Control):
    """Answers the control requests."""

    def own_routes(self) -> Sequence[Route]:
        """Return what looks into campaigns and plays events."""
        return [
            Route("/campaigns", self.list_campaigns),
            Route("/campaigns/{campaign_id:int}", self.read_campaign),
            Route("/campaigns/{campaign_id:int}/leads", self.list_leads),
            Route("/play", self.play, methods=["POST"]),
        ]

    def campaign_key(self, text: str) -> int | str:
        """Read a campaign's number."""
        if not text.isdigit():
            raise UnclearError(422, "campaign must be an id")
        return int(text)

    async def list_campaigns(self, request: Request) -> Response:
        """Return every campaign of every account."""
        del request
        return JSONResponse(inspection.campaigns(self.store))

    async def read_campaign(self, request: Request) -> Response:
        """Return one campaign with its parts."""
        found = inspection.campaign(self.store, request.path_params["campaign_id"])
        if found is None:
            raise UnclearError(404, "there is no such campaign")
        return JSONResponse(found)

    async def list_leads(self, request: Request) -> Response:
        """Return a campaign's leads."""
        return JSONResponse(inspection.leads(self.store, request.path_params["campaign_id"]))

    async def play(self, request: Request) -> Response:
        """Make something happen to a lead now, and return the webhook body that was queued."""
        asked = await object_of(request)
        event = asked.get("event")
        if event not in events.EVENTS:
            raise UnclearError(422, f"event must be one of: {', '.join(events.EVENTS)}")
        map_id = inspection.find_lead(self.store, asked.get("campaign_id"), str(asked.get("email", "")))
        who = None if map_id is None else enrolment.enrolment(self.store, map_id)
        if who is None:
            raise UnclearError(404, "the campaign has no such lead")
        step = int(asked.get("sequence_number") or 1)
        with self.store.transaction():
            if event == "reply":
                said = {key: asked[key] for key in ("text", "by") if isinstance(asked.get(key), str)}
                body = events.reply(self.store, who, step, **said)
            else:
                body = events.happen(self.store, who, event, step)
        return JSONResponse(body)
