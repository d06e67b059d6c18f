"""The addresses of the OpenAPI documents and of `/docs`: the partner's document needs an organization's token."""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Annotated

import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from api.access.caller import authenticate
from api.errors import NotFound
from api.http.openapi.documents import document
from api.http.subject import Subject

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
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


# The page loads nothing from elsewhere and may not be framed: people paste tokens into it.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}


async def _known_partner(request: Request) -> None:
    """Return for an organization's credential; other callers, wrong tokens included, get 404."""
    credential = authenticate(request)
    if credential is None or credential.tier != "org":
        raise NotFound()
    try:
        async with request.app.state.database.by_credential(credential):
            pass
    except psycopg.errors.InvalidAuthorizationSpecification:
        raise NotFound() from None


def install(app: FastAPI, subjects: Sequence[Subject]) -> None:
    """Add the documents' addresses to the application."""
    company = cache(lambda: document(subjects, partner=False))
    partner = cache(lambda: document(subjects, partner=True))

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return JSONResponse(company())

    @app.get("/partner/openapi.json", include_in_schema=False)
    async def partner_openapi(request: Request) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        await _known_partner(request)
        return JSONResponse(partner())

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        return HTMLResponse(PAGE, headers=HEADERS)

    @app.get("/docs/{name}", include_in_schema=False)
    async def asset(name: Annotated[str, "a file name"]) -> Response:  # pyright: ignore[reportUnusedFunction]
        if name == "start.js":
            return Response(START, media_type="text/javascript", headers=HEADERS)
        if name not in ASSETS or not re.fullmatch(r"[a-z0-9.-]+", name):
            raise NotFound()
        content = (resources.files("fastapi_swagger") / "resources" / name).read_bytes()
        return Response(content, media_type=ASSETS[name], headers={**HEADERS, "Cache-Control": "max-age=86400"})
