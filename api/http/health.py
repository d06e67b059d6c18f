"""Whether the process lives, and whether it can work."""

from typing import Annotated

import psycopg
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from psycopg_pool import PoolTimeout

from api.access.addresses import is_undeclared_proxy
from api.access.caller import database
from api.db.pool import Database
from api.errors import Unavailable

router = APIRouter(include_in_schema=False)
CLOCKS_DIFFER = 2.0  # seconds between this machine and the database, past which it should be known


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Answer as long as the process lives."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request, db: Annotated[Database, Depends(database)]) -> dict[str, str | list[str]]:
    """Answer 200 when Postgres answers, else 503 (Unavailable). `warnings` says what is amiss with the way that this
    request came, and that this machine's clock is not the database's: which only the API can see."""
    try:
        await db.ping("company")
    except (psycopg.Error, PoolTimeout):
        raise Unavailable("Postgres does not answer.", retry_after=2) from None
    warnings: list[str] = []
    if is_undeclared_proxy(request, request.app.state.trusted_proxies):
        warnings.append("undeclared_proxy")
    if abs(db.tickets.ahead) > CLOCKS_DIFFER:
        warnings.append("clocks_differ")
    return {"status": "ok", "warnings": warnings} if warnings else {"status": "ok"}


@router.get("/.well-known/jwks.json")
async def jwks(request: Request) -> JSONResponse:
    """Return the public keys of access tokens, for others who verify them."""
    return JSONResponse(request.app.state.signer.jwks(), headers={"Cache-Control": "public, max-age=300"})


@router.get("/.well-known/openid-configuration")
async def openid_configuration(request: Request) -> JSONResponse:
    """Return where the keys are, as those who take tokens of others ask for it (OpenID Connect Discovery). It is
    no way to log in."""
    document = {
        "issuer": request.app.state.signer.issuer,
        "jwks_uri": f"{request.app.state.public_url}/.well-known/jwks.json",
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }
    return JSONResponse(document, headers={"Cache-Control": "public, max-age=300"})
