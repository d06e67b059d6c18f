"""What every guarded route does before and after its endpoint: who may ask, how often, once, and on the record."""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, get_args

from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.access.caller import Access, authenticate
from api.access.permissions import ROUTES
from api.db.pool import Tx
from api.errors import BadRequest, NotFound, TooManyRequests, Unauthorized
from api.http.body import ONE_MEBIBYTE, TEN_MEBIBYTES, json_request, read_body
from api.http.idempotency import Write, Writes, Writing
from api.http.rooms import Exchange
from api.telemetry.metrics import RATE_LIMITED

PARTNER = "/partner/"
PLATFORM = "/platform/"
IDEMPOTENCY_KEY = "idempotency-key"
IF_MATCH = "if-match"
READING = frozenset({"GET", "HEAD"})


def visible(tier: str, path: str) -> bool:
    """Tell whether an address exists for a tier."""
    if path.startswith(PLATFORM):
        return tier == "platform"
    return tier != "platform" and (tier == "org" or not path.startswith(PARTNER))


class Bounded(APIRoute):
    """A route whose JSON body says that it is JSON and has a bounded size."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with the bounds before it."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def bounded(request: Request) -> Response:
            return await handler(json_request(request))

        return bounded


class Guarded(Bounded):
    """A route that looks at the credential before the body: a broken body tells a stranger nothing."""

    streams = False  # whether the endpoint takes its body piece by piece

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if not READING & set(options.get("methods") or READING):
            endpoint = _written(endpoint)
        self.permission = ROUTES.get((min(options.get("methods") or READING), path), "nobody")
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with the guard before it."""
        handler = super().get_route_handler()

        heeds = any(parameter.alias.lower() == IF_MATCH for parameter in self.dependant.header_params)

        async def guarded(request: Request) -> Response:
            await self.guard(request)
            if not heeds and IF_MATCH in request.headers and request.method not in READING:
                raise BadRequest("This address does not look at If-Match; leave it out.", code="if_match_not_heeded")
            if self.body_field is None and IDEMPOTENCY_KEY in request.headers and not self.streams:
                # The body is part of what the key stands for: read now, while no transaction waits for it.
                await read_body(request, TEN_MEBIBYTES if self.path.endswith("/leads") else ONE_MEBIBYTE)
            return await handler(request)

        return guarded

    async def guard(self, request: Request) -> None:
        """Raise Unauthorized, NotFound or TooManyRequests, or leave in the scope who asks and what the route needs."""
        credential = authenticate(request)
        if credential is None:
            raise Unauthorized()
        if not visible(credential.tier, self.path):
            raise NotFound()
        standing = await request.app.state.limiter.take(credential.subject)
        request.scope["answer_headers"] = standing.headers()
        if standing.retry_after is not None:
            RATE_LIMITED.inc()
            raise TooManyRequests(retry_after=standing.retry_after)
        exchange: Exchange = request.scope["exchange"]
        exchange.belong_to(credential.subject)
        request.scope["access"] = Access(credential, self.permission)


class Streaming(Guarded):
    """A guarded route whose body is longer than a process can keep."""

    streams = True


def _written(endpoint: Callable[..., Coroutine[Any, Any, Response]]) -> Callable[..., Coroutine[Any, Any, Response]]:
    """Wrap the endpoint of a write: a repeated one is answered from memory, a done one is noted, both in its own
    transaction. Endpoints that open their transactions themselves take a Write and do this through it."""
    signature = inspect.signature(endpoint, eval_str=True)
    parameters = signature.parameters.items()
    name = next((name for name, parameter in parameters if parameter.annotation == Writing), None)
    if name is None:
        if any(get_args(parameter.annotation)[:1] == (Tx,) for _, parameter in parameters):
            raise RuntimeError(f"{endpoint.__name__}: a write takes `tx: Writing`")
        return endpoint

    @functools.wraps(endpoint)
    async def run(*, the_write: Write, **values: Any) -> Response:
        tx: Tx = values[name]
        answered = await the_write.take_key(tx)
        if answered is None:
            answered = await the_write.finish(tx, await endpoint(**values))
        return answered

    the_write = inspect.Parameter("the_write", inspect.Parameter.KEYWORD_ONLY, annotation=Writes)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), the_write])  # pyright: ignore[reportAttributeAccessIssue]
    return run
