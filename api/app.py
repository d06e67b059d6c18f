"""The API process: every subject, one error shape, health, and the two OpenAPI documents."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import psycopg
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from psycopg_pool import PoolTimeout
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp

from api.access.access_tokens import Signer
from api.access.addresses import parse_networks
from api.access.permissions import check_routes
from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import Vault
from api.api_tokens.subject import SUBJECT as API_TOKENS
from api.audit_log.subject import SUBJECT as AUDIT_LOG
from api.auth.subject import SUBJECT as AUTH
from api.campaigns.subject import SUBJECT as CAMPAIGNS
from api.capabilities.subject import SUBJECT as CAPABILITIES
from api.companies.subject import SUBJECT as COMPANIES
from api.connections.subject import SUBJECT as CONNECTIONS
from api.conversations.subject import SUBJECT as CONVERSATIONS
from api.db.pool import Database
from api.entitlements.subject import SUBJECT as ENTITLEMENTS
from api.errors import register_constraints
from api.events.subject import SUBJECT as EVENTS
from api.hooks.gathering import Gathering
from api.hooks.subject import SUBJECT as HOOKS
from api.http.error_answers import HANDLERS, UnhandledErrors
from api.http.fast_reads import FastReads
from api.http.health import router as health
from api.http.intake import Intake
from api.http.openapi import pages
from api.http.openapi.examples import COMMON
from api.http.rate_limits import RateLimiter, taking_requests
from api.http.subject import Subject, examples, routers
from api.http.turns import Turns
from api.imports.subject import SUBJECT as IMPORTS
from api.leads.subject import SUBJECT as LEADS
from api.organizations.subject import SUBJECT as ORGANIZATIONS
from api.senders.subject import SUBJECT as SENDERS
from api.settings import Settings
from api.stats.subject import SUBJECT as STATS
from api.suppressions.subject import SUBJECT as SUPPRESSIONS
from api.telemetry.logs import RequestLog
from api.unsubscribe.subject import SUBJECT as UNSUBSCRIBE
from api.users.subject import SUBJECT as USERS
from providers.http import HttpClients
from providers.models import Limits
from providers.registry import PROVIDERS

log = structlog.stdlib.get_logger("outbound.api")
# In the order of the OpenAPI documents.
SUBJECTS = (
    CAPABILITIES, SENDERS, CAMPAIGNS, LEADS, SUPPRESSIONS, IMPORTS, CONVERSATIONS, EVENTS, STATS, AUTH, ORGANIZATIONS,
    COMPANIES, USERS, API_TOKENS, ENTITLEMENTS, CONNECTIONS, AUDIT_LOG, HOOKS, UNSUBSCRIBE,
)  # fmt: skip
ROUTERS = routers(SUBJECTS, health)
USE_NOTED_SECONDS = 30.0
LISTS_AT_ONCE = 2  # judged by this process


class Application(FastAPI):
    """The framework's application with our own layers outside of it: the log, the last resort, the fast reads."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return everything that a request passes through."""
        inner = super().build_middleware_stack()
        if isinstance(inner, ServerErrorMiddleware):  # it would answer in plain text before the last resort can
            inner = inner.app
        return RequestLog(UnhandledErrors(Intake(FastReads(inner, self.router.routes, HANDLERS))))


def create_app(settings: Settings) -> FastAPI:
    """Return the application; its pools open when it starts."""
    keys = Vault.from_settings(settings)
    operated = ("platform",) if settings.database_url_platform is not None else ()
    db = Database(settings, tiers=("org", "company", "hook", *operated))
    clients = HttpClients()
    app = Application(
        title="Outbound API", version="1", openapi_url=None, docs_url=None, redoc_url=None,
        lifespan=_lifespan(db, clients), redirect_slashes=False,
    )  # fmt: skip
    app.state.database, app.state.vault, app.state.signer = db, keys, Signer.from_settings(settings)
    app.state.public_url, app.state.postgrest_url = settings.public_url, settings.postgrest_url
    app.state.unsubscribe_links = UnsubscribeLinks.from_settings(settings)
    app.state.limiter = RateLimiter(settings.rate_limit_per_minute, taking_requests(db))
    app.state.trusted_proxies = parse_networks(settings.trusted_proxies)
    app.state.budgets = json.dumps({provider: _budget(settings.limits(provider)) for provider in PROVIDERS})
    app.state.provider_clients, app.state.lists = clients, Turns(LISTS_AT_ONCE)
    app.state.webhooks = Gathering(db, keys)
    app.state.list_kinds = {name: kind for subject in SUBJECTS for name, kind in subject.lists.items()}
    app.state.provider_urls = {
        environment: {provider: settings.provider_url(provider, environment) for provider in PROVIDERS}
        for environment in ("live", "test")
    }
    hidden = () if operated else routers([Subject(platform=subject.platform) for subject in SUBJECTS])
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    check_routes((method, route.path) for route in routes for method in route.methods or ())
    for router in ROUTERS:
        # Not include_router: it wraps the routes, and each request is then matched twice.
        app.router.routes.extend(router.routes if router not in hidden else ())
    app.state.every_route = routes
    app.state.union_tags = frozenset[object]().union(*(subject.union_tags for subject in SUBJECTS))
    for subject in SUBJECTS:
        register_constraints(subject.constraints)
    examples(SUBJECTS, COMMON)  # raises where two of them say different things of one name
    pages.install(app, SUBJECTS)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return app


def _budget(limits: Limits) -> dict[str, float]:
    """Return how many requests one account at a provider is sent at most, by window."""
    return {
        "burst": limits.requests_per_burst,
        "burst_seconds": limits.burst_seconds,
        "minute": limits.requests_per_minute,
        "hour": limits.requests_per_hour,
    }


def _lifespan(db: Database, clients: HttpClients) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await db.open()
        noting = asyncio.create_task(_look_after(db))
        yield
        noting.cancel()
        with suppress(psycopg.Error, PoolTimeout):
            await db.note_used()
        await clients.aclose()
        await db.close()

    return lifespan


async def _look_after(db: Database) -> None:
    """Compare the clocks, and note which tokens were used, every half minute."""
    while True:
        try:
            await db.compare_clocks()
            await db.note_used()
        except (psycopg.Error, PoolTimeout):
            log.warning("could not note which tokens were used")
        await asyncio.sleep(USE_NOTED_SECONDS)
