"""From an exception to the problem document that answers it; nothing that was sent stands in it."""

from collections.abc import Callable
from typing import Any

import psycopg
import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.caller import authenticate
from api.errors import (
    BadRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    RequestTimeout,
    TooLarge,
    Unavailable,
    Unprocessable,
    problem_from_database,
)
from api.http.fast_reads import Handler
from api.http.idempotency import ReplayedError
from api.http.routes import PARTNER, PLATFORM, visible
from api.telemetry.logs import request_id_var

log = structlog.stdlib.get_logger("outbound.api")


def answer(problem: Problem) -> Response:
    """Return the problem document, with the headers that belong to it."""
    headers: dict[str, str] = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    return JSONResponse(
        problem.document(request_id_var.get()),
        status_code=problem.status,
        headers=headers,
        media_type="application/problem+json",
    )


async def _replayed(_: Request, error: Exception) -> Response:
    assert isinstance(error, ReplayedError)  # noqa: S101  # the handler is registered for it
    return error.response


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # the handler is registered for it
    return answer(error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # the handler is registered for it
    credential = authenticate(request)
    path = request.url.path
    hidden = path.startswith((PARTNER, PLATFORM)) and (credential is None or not visible(credential.tier, path))
    if error.status_code == 405 and not hidden:
        response = answer(MethodNotAllowed())
        response.headers["Allow"] = ", ".join(sorted(_methods(request)))
        return response
    response = answer(BY_STATUS.get(error.status_code, NotFound if error.status_code < 500 else Problem)())
    if error.status_code in (408, 503):  # the rest of the body is not waited for
        response.headers["Connection"] = "close"
    return response


def _methods(request: Request) -> set[str]:
    """Return the methods that an address takes; the framework names those of its first route only."""
    routes = [route for route in request.app.state.every_route if isinstance(route, APIRoute)]
    return {
        method for route in routes if route.matches(request.scope)[0] != Match.NONE for method in route.methods or ()
    }


async def _database(_: Request, error: Exception) -> Response:
    problem = problem_from_database(error)
    if problem.status >= 500:
        log.error("database", sqlstate=getattr(error, "sqlstate", None), exc_info=error)
    return answer(problem)


async def _invalid(request: Request, error: Exception) -> Response:
    """Say where and what, never the input. A malformed id in the path is an id of nothing."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # the handler is registered for it
    faults: list[dict[str, Any]] = list(error.errors())
    if any(item["loc"][0] == "path" for item in faults):
        return answer(NotFound())
    if any(item["type"] == "json_invalid" for item in faults):
        return answer(BadRequest("The body is not JSON.", code="invalid_json"))
    tags: frozenset[object] = request.app.state.union_tags
    items = [{"pointer": _pointer(item["loc"], tags), "code": item["type"]} for item in faults]
    first = f"{items[0]['pointer'] or 'the body'}: {_meaning(faults[0])}"
    more = f" (and {len(items) - 1} more, see `errors`)" if len(items) > 1 else ""
    return answer(Unprocessable(f"{first}{more}.", errors=items))


def _meaning(item: dict[str, Any]) -> str:
    """Say what is wrong. The library's own words quote the input for some kinds of error; then the kind has to do."""
    if item["type"] == "union_tag_invalid":
        return f"`type` should be one of {item['ctx']['expected_tags']}"
    if item["type"] == "union_tag_not_found":
        return "`type` is missing"
    quotes = str(item["type"]).endswith(("_parsing", "_unicode"))
    return str(item["type"]).replace("_", " ") if quotes else str(item["msg"])


def _pointer(loc: tuple[Any, ...], tags: frozenset[object]) -> str:
    if loc[0] in ("query", "header"):
        return f"?{loc[-1]}" if loc[0] == "query" else f"header {loc[-1]}"
    parts = [part for index, part in enumerate(loc) if index and not _is_tag(loc, index, tags)]
    return "".join(f"/{_sendable(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _sendable(part: object) -> str:
    """Return a part of a pointer as text that has bytes; half of a surrogate pair has none."""
    return str(part).encode(errors="replace").decode()


def _is_tag(loc: tuple[Any, ...], index: int, tags: frozenset[object]) -> bool:
    """Tell the tag of a union, which the library puts between an item's place and its field, from a field."""
    return loc[index] in tags and isinstance(loc[index - 1], int) and index < len(loc) - 1


class UnhandledErrors:
    """Turns every exception that was not handled into a problem document, and logs it with its traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def watched(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            log.exception("unhandled")
            if started or scope["type"] != "http":
                raise
            await answer(Problem("Something went wrong on our side; tell us the request_id."))(scope, receive, send)


BY_STATUS: dict[int, Callable[[], Problem]] = {
    400: BadRequest, 408: RequestTimeout, 413: TooLarge, 503: lambda: Unavailable(retry_after=2),
}  # fmt: skip
HANDLERS: dict[type[Exception], Handler] = {
    Problem: _problem,
    ReplayedError: _replayed,
    RequestValidationError: _invalid,
    HTTPException: _http,
    psycopg.Error: _database,
    PoolTimeout: _database,
}
