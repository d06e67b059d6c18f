"""The OpenAPI documents and `/docs`: the company's names no provider, the partner's needs an organization's token."""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from api.context import claim
from api.errors import NotFound
from api.leads.schemas import LeadsAdd
from api.permissions import PUBLIC, ROUTES

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
REFERENCE = "#/components/schemas/{model}"
ABOUT = """Campaigns, people and what came of them.

Send an API token, or a session's access token, as `Authorization: Bearer …`. Errors are
`application/problem+json`. Lists take `limit` and `cursor` and answer `{"data": […], "next_cursor": …}`.
Every answer carries `X-Request-Id`; tell us it when you ask.
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outbound API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"><link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """window.ui = SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false,
  validatorUrl: null, tryItOutEnabled: true
});
"""


def document(routers: Sequence[APIRouter], *, partner: bool) -> dict[str, Any]:
    """Return the OpenAPI document of a tier. The partner's includes the company's."""
    routes = [
        route
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        and (route.path.startswith("/v1/") or (partner and route.path.startswith("/partner/")))
    ]
    built = get_openapi(
        title="Outbound partner API" if partner else "Outbound API",
        version="1",
        description=ABOUT,
        routes=routes,
    )
    _secure(built)
    _, extra = models_json_schema([(LeadsAdd, "validation")], ref_template=REFERENCE)
    built["components"]["schemas"].update(extra["$defs"])
    # Our own problem document stands for every 422; FastAPI's shape is never sent.
    for name in ("HTTPValidationError", "ValidationError"):
        built["components"]["schemas"].pop(name, None)
    return built


def _secure(built: dict[str, Any]) -> None:
    """Say which addresses want a credential: the guard asks for it before any dependency that could say so."""
    scheme = {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token (`obx_co_…`, `obx_org_…`) or the access token of a session.",
    }
    built["components"]["securitySchemes"] = {"bearer": scheme}
    for path, operations in built["paths"].items():
        for method, operation in operations.items():
            if ROUTES[(method.upper(), path)] != PUBLIC:
                operation["security"] = [{"bearer": []}]


async def _known_partner(request: Request) -> None:
    """Return for an organization's credential; to everybody else, wrong tokens included, there is nothing here."""
    credential = claim(request)
    if credential is None or credential.tier != "org":
        raise NotFound()
    try:
        async with request.app.state.database.by_credential(credential):
            pass
    except psycopg.errors.InvalidAuthorizationSpecification:
        raise NotFound() from None


def install(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Add the documents' addresses to the application."""
    company = cache(lambda: document(routers, partner=False))
    partner = cache(lambda: document(routers, partner=True))

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return JSONResponse(company())

    @app.get("/partner/openapi.json", include_in_schema=False)
    async def partner_openapi(request: Request) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        await _known_partner(request)
        return JSONResponse(partner())

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        return HTMLResponse(PAGE)

    @app.get("/docs/{name}", include_in_schema=False)
    async def asset(name: Annotated[str, "a file name"]) -> Response:  # pyright: ignore[reportUnusedFunction]
        if name == "start.js":
            return Response(START, media_type="text/javascript")
        if name not in ASSETS or not re.fullmatch(r"[a-z0-9.-]+", name):
            raise NotFound()
        content = (resources.files("fastapi_swagger") / "resources" / name).read_bytes()
        return Response(content, media_type=ASSETS[name], headers={"Cache-Control": "max-age=86400"})
