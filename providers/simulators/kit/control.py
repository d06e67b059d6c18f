"""A simulator's own controls: look inside, turn faults on, set the clock. No provider has such a thing."""

import hmac
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from providers.simulators.kit import clock, ledger, machines, options
from providers.simulators.kit.answers import stream
from providers.simulators.kit.clock import BadClockError
from providers.simulators.kit.faults import BadFaultError, Faults
from providers.simulators.kit.options import BadOptionError, Option
from providers.simulators.kit.store import Object, Store

_MOST_DELIVERIES = 10_000


class UnclearError(Exception):
    """The control cannot do what the request wants; says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def _complain(request: Request, failure: Exception) -> Response:
    del request
    status = failure.status if isinstance(failure, UnclearError) else 422
    return JSONResponse({"error": str(failure)}, status_code=status)


class _Guard:
    """Lets only those in who bring the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"]).get(b"authorization", b"") if scope["type"] == "http" else b""
        if hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
        else:
            answer = JSONResponse({"error": "the control API needs its bearer token"}, status_code=401)
            await answer(scope, receive, send)


@dataclass(frozen=True)
class Subject:
    """What a provider's controls look at and play: its campaigns and leads as they stand, and what can happen."""

    campaigns: Callable[[Store], list[Object]]
    campaign: Callable[[Store, Any], Object | None]
    leads: Callable[[Store, Any], list[Object]]
    events: Collection[str]
    play: Callable[[Store, Object], Object]
    numbered: bool = True
    """Whether a campaign's id is a number."""


class Control:
    """Answers the control requests; with a token, only those that bring it. `own` come before the common routes."""

    def __init__(
        self,
        store: Store,
        faults: Faults,
        known_options: Mapping[str, Option],
        token: str | None,
        subject: Subject,
        *,
        own: Sequence[Route] = (),
    ) -> None:
        self._store = store
        self._faults = faults
        self._known_options = known_options
        self._token = token
        self._subject = subject
        self._own = own

    def _campaign_key(self, text: str) -> int | str:
        if not self._subject.numbered:
            return text
        if not text.isdecimal():
            raise UnclearError(422, "campaign must be an id")
        return int(text)

    def app(self) -> Starlette:
        """Return the application."""
        campaign = "/campaigns/{campaign_id:int}" if self._subject.numbered else "/campaigns/{campaign_id}"
        routes = [
            *self._own,
            Route("/campaigns", self.list_campaigns),
            Route(campaign, self.read_campaign),
            Route(f"{campaign}/leads", self.list_leads),
            Route("/play", self.play, methods=["POST"]),
            Route("/ledger", self.read_ledger),
            Route("/ledger/count", self.count_ledger),
            Route("/faults", self.read_faults),
            Route("/faults", self.put_faults, methods=["PUT"]),
            Route("/faults/hits", self.read_hits),
            Route("/deliveries", self.list_deliveries),
            Route("/settings", self.read_settings),
            Route("/settings", self.put_settings, methods=["PUT"]),
            Route("/clock", self.read_clock),
            Route("/clock", self.put_clock, methods=["PUT"]),
        ]
        errors = (UnclearError, BadFaultError, BadOptionError, BadClockError)
        handlers: Any = dict.fromkeys(errors, _complain)
        guards = [Middleware(_Guard, token=self._token)] if self._token else []
        return Starlette(routes=routes, exception_handlers=handlers, middleware=guards)

    async def list_campaigns(self, request: Request) -> Response:
        """Return every campaign of every account."""
        del request
        return JSONResponse(self._subject.campaigns(self._store))

    async def read_campaign(self, request: Request) -> Response:
        """Return one campaign with its parts."""
        found = self._subject.campaign(self._store, request.path_params["campaign_id"])
        if found is None:
            raise UnclearError(404, "there is no such campaign")
        return JSONResponse(found)

    async def list_leads(self, request: Request) -> Response:
        """Return a campaign's leads."""
        return JSONResponse(self._subject.leads(self._store, request.path_params["campaign_id"]))

    async def play(self, request: Request) -> Response:
        """Make something happen to a lead now, and return the first webhook body that was queued."""
        wanted = await object_of(request)
        event, _, kind = str(wanted.get("event")).partition(":")
        if event not in tuple(self._subject.events):
            raise UnclearError(422, f"event must be one of: {', '.join(self._subject.events)}")
        if not machines.fits(event, kind):
            raise UnclearError(422, f"bounce has {machines.MEANINGS}, auto_reply {machines.languages()}; not {kind!r}")
        return JSONResponse(self._subject.play(self._store, wanted))

    async def read_ledger(self, request: Request) -> Response:
        """Return what each ask to add a lead did: an array with one line per object, or NDJSON."""
        campaign, since = request.query_params.get("campaign"), request.query_params.get("since")
        moment = clock.parse(since) if since else None
        if since and moment is None:
            raise UnclearError(422, "since must be an ISO 8601 time")
        key = self._campaign_key(campaign) if campaign else None
        lines = ledger.lines(self._store, key, clock.zulu(moment) if moment else None)
        if "application/x-ndjson" in request.headers.get("accept", ""):
            return stream((f"{line}\n" for line in lines), "application/x-ndjson")
        return stream(_array(lines), "application/json")

    async def count_ledger(self, request: Request) -> Response:
        """Return how many lines the ledger has, of one campaign or of all."""
        campaign = request.query_params.get("campaign")
        key = self._campaign_key(campaign) if campaign else None
        return JSONResponse({"lines": ledger.count(self._store, key)})

    async def read_faults(self, request: Request) -> Response:
        """Return the faults that are on."""
        del request
        return JSONResponse(self._faults.current())

    async def put_faults(self, request: Request) -> Response:
        """Replace the set of faults."""
        wanted = await json_of(request)
        with self._store.transaction():
            self._faults.replace_all(wanted)
        return JSONResponse(self._faults.current())

    async def read_hits(self, request: Request) -> Response:
        """Return how often each fault struck."""
        del request
        return JSONResponse(self._faults.hits())

    async def list_deliveries(self, request: Request) -> Response:
        """Return the last attempts to deliver webhooks, oldest first."""
        del request
        rows = self._store.all("select * from deliveries order by id desc limit ?", _MOST_DELIVERIES)
        names = ("at", "webhook_id", "event_type", "email", "status", "attempt", "error")
        return JSONResponse([{name: row[name] for name in names} for row in reversed(rows)])

    async def read_settings(self, request: Request) -> Response:
        """Return how the simulator plays and tells."""
        del request
        return JSONResponse(options.read(self._store, self._known_options))

    async def put_settings(self, request: Request) -> Response:
        """Change some settings; the others stay."""
        wanted = await object_of(request)
        with self._store.transaction():
            chosen = options.change(self._store, self._known_options, wanted)
        return JSONResponse(chosen)

    async def read_clock(self, request: Request) -> Response:
        """Return the simulator's time and its speed."""
        del request
        return self._clock()

    async def put_clock(self, request: Request) -> Response:
        """Set the clock's speed, move it on by some seconds, or set it to a time."""
        self._store.set_clock(await json_of(request))
        return self._clock()

    def _clock(self) -> Response:
        return JSONResponse({"at": self._store.clock.stamp(), "speed": self._store.clock.speed})


def _array(lines: Iterator[str]) -> Iterator[str]:
    yield "["
    for place, line in enumerate(lines):
        yield ("," if place else "") + "\n" + line
    yield "\n]\n"


async def json_of(request: Request) -> Any:
    """Return a request's JSON."""
    try:
        return json.loads(await request.body())
    except ValueError:
        raise UnclearError(422, "the body must be JSON") from None


async def object_of(request: Request) -> Object:
    """Return a request's JSON object."""
    wanted = await json_of(request)
    if not isinstance(wanted, dict):
        raise UnclearError(422, "the body must be an object")
    return cast("Object", wanted)
