"""The simulator's own controls: look inside, turn faults on, make things happen. Loopback only, no key."""

import json
from collections.abc import Iterator
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from providers.simulators.smartlead import clock, events, faults, inside, ledger, people
from providers.simulators.smartlead.exchange import stream
from providers.simulators.smartlead.publishing import DEFAULTS, options
from providers.simulators.smartlead.state import Object, Store


class UnclearError(Exception):
    """The control cannot do what it was asked; says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def _complain(request: Request, failure: Exception) -> Response:
    del request
    status = failure.status if isinstance(failure, UnclearError) else 422
    return JSONResponse({"error": str(failure)}, status_code=status)


class Control:
    """Answers the control requests."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def app(self) -> Starlette:
        """Return the application."""
        routes = [
            Route("/ledger", self.read_ledger),
            Route("/faults", self.read_faults),
            Route("/faults", self.put_faults, methods=["PUT"]),
            Route("/faults/hits", self.read_hits),
            Route("/campaigns", self.list_campaigns),
            Route("/campaigns/{campaign_id:int}", self.read_campaign),
            Route("/campaigns/{campaign_id:int}/leads", self.list_leads),
            Route("/play", self.play, methods=["POST"]),
            Route("/deliveries", self.list_deliveries),
            Route("/settings", self.read_settings),
            Route("/settings", self.put_settings, methods=["PUT"]),
        ]
        handlers: Any = {UnclearError: _complain, faults.BadFaultError: _complain}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def read_ledger(self, request: Request) -> Response:
        """Return what each ask to add a lead did: an array with one line per object, or NDJSON."""
        campaign, since = request.query_params.get("campaign"), request.query_params.get("since")
        moment = clock.parse(since) if since else None
        if (since and moment is None) or (campaign and not campaign.isdigit()):
            raise UnclearError(422, "campaign must be an id and since an ISO 8601 time")
        lines = ledger.lines(self._store, int(campaign) if campaign else None, clock.zulu(moment) if moment else None)
        if "application/x-ndjson" in request.headers.get("accept", ""):
            return stream((f"{line}\n" for line in lines), "application/x-ndjson")
        return stream(_array(lines), "application/json")

    async def read_faults(self, request: Request) -> Response:
        """Return the faults that are on."""
        del request
        return JSONResponse(faults.current(self._store))

    async def put_faults(self, request: Request) -> Response:
        """Replace the set of faults."""
        asked = await _json(request)
        with self._store.transaction():
            faults.replace_all(self._store, asked)
        return JSONResponse(faults.current(self._store))

    async def read_hits(self, request: Request) -> Response:
        """Return how often each fault struck."""
        del request
        return JSONResponse(faults.hits(self._store))

    async def list_campaigns(self, request: Request) -> Response:
        """Return every campaign of every account."""
        del request
        return JSONResponse(inside.campaigns(self._store))

    async def read_campaign(self, request: Request) -> Response:
        """Return one campaign with its parts."""
        found = inside.campaign(self._store, request.path_params["campaign_id"])
        if found is None:
            raise UnclearError(404, "there is no such campaign")
        return JSONResponse(found)

    async def list_leads(self, request: Request) -> Response:
        """Return a campaign's leads."""
        return JSONResponse(inside.leads(self._store, request.path_params["campaign_id"]))

    async def play(self, request: Request) -> Response:
        """Make something happen to a lead now, and return the webhook body that was queued."""
        asked = await _object(request)
        event = asked.get("event")
        if event not in events.HAPPENINGS:
            raise UnclearError(422, f"event must be one of: {', '.join(events.HAPPENINGS)}")
        map_id = inside.find_lead(self._store, asked.get("campaign_id"), str(asked.get("email", "")))
        who = None if map_id is None else people.enrolment(self._store, map_id)
        if who is None:
            raise UnclearError(404, "the campaign has no such lead")
        step = int(asked.get("sequence_number") or 1)
        with self._store.transaction():
            if event == "reply":
                said = {key: asked[key] for key in ("text", "by") if isinstance(asked.get(key), str)}
                body = events.reply(self._store, who, step, **said)
            else:
                body = events.happen(self._store, who, event, step)
        return JSONResponse(body)

    async def list_deliveries(self, request: Request) -> Response:
        """Return the attempts to deliver webhooks."""
        del request
        return JSONResponse(inside.deliveries(self._store))

    async def read_settings(self, request: Request) -> Response:
        """Return how the simulator plays and tells."""
        del request
        return JSONResponse(options(self._store))

    async def put_settings(self, request: Request) -> Response:
        """Change some settings; the others stay."""
        asked = await _object(request)
        for name, value in asked.items():
            _check_setting(name, value)
        with self._store.transaction():
            self._store.put_setting("options", {**options(self._store), **asked})
        return JSONResponse(options(self._store))


def _array(lines: Iterator[str]) -> Iterator[str]:
    yield "["
    for place, line in enumerate(lines):
        yield ("," if place else "") + "\n" + line
    yield "\n]\n"


async def _json(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        raise UnclearError(422, "the body must be JSON") from None


async def _object(request: Request) -> Object:
    asked = await _json(request)
    if not isinstance(asked, dict):
        raise UnclearError(422, "the body must be an object")
    return cast("Object", asked)


def _check_setting(name: str, value: Any) -> None:
    amount = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
    fits: dict[str, bool] = {
        "autoplay": isinstance(value, bool),
        "pace_ms": amount >= 0,
        "dialect": str(value) in {"live", "minimal"},
        "invert_direction": isinstance(value, bool),
        "sign_secret": value is None or isinstance(value, str),
        "duplicates": 0 <= amount <= 1,
        "disorder": isinstance(value, bool),
    }
    if name not in fits:
        raise UnclearError(422, f"unknown setting {name!r}; these exist: {', '.join(DEFAULTS)}")
    if not fits[name]:
        raise UnclearError(422, f"{name} cannot be {value!r}")
