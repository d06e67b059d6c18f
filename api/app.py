"""The API process: routers, one error shape, health, and the two OpenAPI documents."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import psycopg
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from api import documents
from api.api_tokens import routes as api_tokens
from api.audit_log import routes as audit_log
from api.auth import routes as auth
from api.auth.addresses import parse_networks
from api.campaigns.binding import router as binding
from api.campaigns.routes import router as campaigns
from api.campaigns.schemas import STEP_TYPES
from api.capabilities.routes import router as capabilities
from api.companies import routes as companies
from api.connections import routes as connections
from api.connections import senders as account_senders
from api.context import claim
from api.conversations.routes import router as conversations
from api.crypto import Vault
from api.db import Database
from api.entitlements.routes import router as entitlements
from api.errors import BadRequest, MethodNotAllowed, NotFound, Problem, TooLarge, Unprocessable, problem_from_database
from api.events.routes import router as events
from api.health import router as health
from api.hooks.routes import router as hooks
from api.leads.routes import router as leads
from api.lean import Handler, LeanReads
from api.limits import RateLimiter
from api.metrics import serve_metrics
from api.observability import RequestLog, request_id_var
from api.organizations.platform import router as platform
from api.organizations.routes import router as organization
from api.permissions import check_routes
from api.routing import PARTNER, PLATFORM, visible
from api.senders.routes import router as senders
from api.settings import Settings
from api.signing import Signer
from api.suppressions.routes import router as suppressions
from api.users import routes as users
from api.writes import ReplayedError
from providers.registry import PROVIDERS

log = structlog.stdlib.get_logger("outbound.api")
ROUTERS = (
    capabilities, senders, campaigns, leads, suppressions, conversations, events,
    auth.router, auth.guarded, companies.own_router, users.own_router, api_tokens.own_router, audit_log.own_router,
    organization, companies.router, users.router, api_tokens.router, entitlements, connections.router,
    account_senders.router, binding, audit_log.router,
    platform, hooks, health,
)  # fmt: skip
USE_NOTED_SECONDS = 30.0
STEP_TAGS = frozenset[object]().union(*STEP_TYPES.values())


class Application(FastAPI):
    """The framework's application with our own layers outside of it: the log, the last resort, the short way."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return everything that a request passes through."""
        inner = super().build_middleware_stack()
        if isinstance(inner, ServerErrorMiddleware):  # it would answer in plain text before the last resort can
            inner = inner.app
        return RequestLog(LastResort(LeanReads(inner, self.router.routes, HANDLERS)))


def create_app(settings: Settings) -> FastAPI:
    """Return the application; its pools open when it starts."""
    keys = Vault.from_settings(settings)
    operated = ("platform",) if settings.database_url_platform is not None else ()
    db = Database(settings, keys, tiers=("org", "company", "hook", *operated))
    app = Application(
        title="Outbound API", version="1", openapi_url=None, docs_url=None, redoc_url=None,
        lifespan=_lifespan(db, settings), redirect_slashes=False,
    )  # fmt: skip
    app.state.database, app.state.vault, app.state.signer = db, keys, Signer.from_settings(settings)
    app.state.limiter = RateLimiter(settings.rate_limit_per_minute, settings.processes)
    app.state.trusted_proxies = parse_networks(settings.trusted_proxies)
    app.state.budgets = json.dumps(
        {
            provider: {
                "burst": settings.burst(provider)[0],
                "burst_seconds": settings.burst(provider)[1],
                "minute": settings.requests_per_minute(provider),
                "hour": settings.requests_per_hour(provider),
            }
            for provider in PROVIDERS
        }
    )
    app.state.provider_urls = {
        environment: {provider: settings.provider_url(provider, environment) for provider in PROVIDERS}
        for environment in ("live", "test")
    }
    served = [router for router in ROUTERS if operated or router is not platform]
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    check_routes((method, route.path) for route in routes for method in route.methods or ())
    for router in served:
        # Not include_router: it wraps the routes, and each request is then matched twice.
        app.router.routes.extend(router.routes)
    documents.install(app, served)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return app


def _lifespan(db: Database, settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await db.open()
        stop_metrics = serve_metrics(settings.metrics_host, settings.metrics_port)
        noting = asyncio.create_task(_note_used(db))
        yield
        noting.cancel()
        with suppress(psycopg.Error, PoolTimeout):
            await db.note_used()
        stop_metrics()
        await db.close()

    return lifespan


async def _note_used(db: Database) -> None:
    while True:
        await asyncio.sleep(USE_NOTED_SECONDS)
        try:
            await db.note_used()
        except (psycopg.Error, PoolTimeout):
            log.warning("could not note which tokens were used")


async def _replayed(_: Request, error: Exception) -> Response:
    assert isinstance(error, ReplayedError)  # noqa: S101  # the handler is registered for it
    return error.response


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


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  # the handler is registered for it
    return answer(error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # the handler is registered for it
    credential = claim(request)
    path = request.url.path
    hidden = path.startswith((PARTNER, PLATFORM)) and (credential is None or not visible(credential.tier, path))
    if error.status_code == 405 and not hidden:
        response = answer(MethodNotAllowed())
        response.headers["Allow"] = ", ".join(sorted(_methods(request.scope)))
        return response
    return answer(BY_STATUS.get(error.status_code, NotFound if error.status_code < 500 else Problem)())


def _methods(scope: Scope) -> set[str]:
    """Return the methods that an address takes; the framework names those of its first route only."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return {method for route in routes if route.matches(scope)[0] != Match.NONE for method in route.methods or ()}


async def _database(_: Request, error: Exception) -> Response:
    problem = problem_from_database(error)
    if problem.status >= 500:
        log.error("database", sqlstate=getattr(error, "sqlstate", None), exc_info=error)
    return answer(problem)


async def _invalid(_: Request, error: Exception) -> Response:
    """Say where and what, never the input. A malformed id in the path is an id of nothing."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # the handler is registered for it
    found: list[dict[str, Any]] = list(error.errors())
    if any(item["loc"][0] == "path" for item in found):
        return answer(NotFound())
    if any(item["type"] == "json_invalid" for item in found):
        return answer(BadRequest("The body is not JSON.", code="invalid_json"))
    items = [{"pointer": _pointer(item["loc"]), "code": item["type"]} for item in found]
    first = f"{items[0]['pointer'] or 'the body'}: {_meaning(found[0])}"
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


def _pointer(loc: tuple[Any, ...]) -> str:
    if loc[0] in ("query", "header"):
        return f"?{loc[-1]}" if loc[0] == "query" else f"header {loc[-1]}"
    parts = [part for index, part in enumerate(loc) if index and not _is_tag(loc, index)]
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _is_tag(loc: tuple[Any, ...], index: int) -> bool:
    """Tell a step's type, which the library puts between a step's place and its field, from a field."""
    return loc[index] in STEP_TAGS and isinstance(loc[index - 1], int) and index < len(loc) - 1


class LastResort:
    """Turns whatever nobody handled into a problem document, and logs it with its traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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


BY_STATUS: dict[int, type[Problem]] = {400: BadRequest, 413: TooLarge}
HANDLERS: dict[type[Exception], Handler] = {
    Problem: _problem,
    ReplayedError: _replayed,
    RequestValidationError: _invalid,
    HTTPException: _http,
    psycopg.Error: _database,
    PoolTimeout: _database,
}
