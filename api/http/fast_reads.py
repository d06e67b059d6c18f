"""The short way for reads: matched, checked, read in one round trip and answered, with nothing in between.

What a read needs of the framework is its routes, its parameters' validation and its errors, and that is all that is
used here: the very same route objects and fields. Everything else takes the framework's whole way. On the reference
machine this more than halves a read's CPU time; `tests/api/test_fast_reads.py` holds both ways against each other.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.caller import Reader, reader
from api.http.pagination import Page, page
from api.http.routes import Guarded

Handler = Callable[[Request, Exception], Awaitable[Response]]


@dataclass(frozen=True)
class FastRoute:
    """One read: its endpoint, and where its arguments come from."""

    route: Guarded
    reads: str
    page: str | None
    request: str | None
    query: tuple[ModelField, ...]
    defaults: Mapping[str, Any]

    async def answer(self, request: Request) -> Response:
        """Check the caller and the parameters as the framework would, then run the endpoint. Raises
        RequestValidationError as the framework does."""
        await self.route.guard(request)
        values, errors = request_params_to_args(self.route.dependant.path_params, request.path_params)
        if request.scope["query_string"]:
            found, more = request_params_to_args(self.query, request.query_params)
            values, errors = {**values, **found}, errors + more
        else:
            values.update(self.defaults)
        if errors:
            raise RequestValidationError(errors)
        values[self.reads] = Reader(request.app.state.database, request.scope["access"])
        if self.page is not None:
            values[self.page] = Page(values.pop("limit"), values.pop("cursor"))
        if self.request is not None:
            values[self.request] = request
        return await self.route.endpoint(**values)


class FastReads:
    """Answers the reads that can go the short way; passes everything else on."""

    def __init__(self, app: ASGIApp, routes: Iterable[object], handlers: Mapping[type[Exception], Handler]) -> None:
        self._app = app
        self._handlers = handlers
        self._errors = tuple(handlers)
        self._fixed: dict[str, FastRoute] = {}
        self._open: dict[int, list[tuple[tuple[str, ...], FastRoute]]] = {}
        for route in routes:
            fast = _fast(route) if isinstance(route, Guarded) else None
            if fast is None:
                continue
            segments = tuple(fast.route.path.split("/"))
            if "{" in fast.route.path:
                self._open.setdefault(len(segments), []).append((segments, fast))
            else:
                self._fixed[fast.route.path] = fast

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        match = self.find(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if match is None:
            await self._app(scope, receive, send)
            return
        fast, scope["path_params"] = match
        scope["route"] = fast.route
        request = Request(scope, receive, send)
        try:
            response = await fast.answer(request)
        except self._errors as error:
            handler = next(self._handlers[kind] for kind in type(error).__mro__ if kind in self._handlers)
            response = await handler(request, error)
        await response(scope, receive, send)

    def paths(self) -> list[str]:
        """Return the addresses that go the short way."""
        return [*self._fixed, *(fast.route.path for lot in self._open.values() for _, fast in lot)]

    def find(self, path: str) -> tuple[FastRoute, dict[str, str]] | None:
        """Return the read at a path, and the parameters in it."""
        fast = self._fixed.get(path)
        if fast is not None:
            return fast, {}
        given = path.split("/")
        for segments, candidate in self._open.get(len(given), ()):
            parameters = _match(segments, given)
            if parameters is not None:
                return candidate, parameters
        return None


def _match(segments: tuple[str, ...], given: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for segment, value in zip(segments, given, strict=True):
        if segment[:1] == "{" and value:
            parameters[segment[1:-1]] = value
        elif segment != value:
            return None
    return parameters


def _fast(route: Guarded) -> FastRoute | None:
    """Return how a route's arguments are filled, or None where it needs more than reads and a page."""
    dependant = route.dependant
    known: dict[Callable[..., Any], str] = {reader: "reads", page: "page"}
    names: dict[str, str] = {}
    fields = list(dependant.query_params)
    for inner in dependant.dependencies:
        if inner.call is None or inner.call not in known or inner.name is None:
            return None
        names[known[inner.call]] = inner.name
        fields += inner.query_params
    if route.methods != {"GET"} or "reads" not in names or _needs_more(dependant):
        return None
    defaults, missing = request_params_to_args(fields, {})
    if missing:
        return None
    return FastRoute(route, names["reads"], names.get("page"), dependant.request_param_name, tuple(fields), defaults)


def _needs_more(dependant: Dependant) -> bool:
    return bool(dependant.header_params or dependant.cookie_params or dependant.body_params)
