"""`/v1/auth`: logging in, refreshing, logging out, and setting a password with a link.

Every failed login gets one and the same answer, after one and the same work: a known address is not told from an
unknown one, nor a wrong password from a closed account. Tries are counted before the password is looked at.
"""

import hmac
import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import psycopg
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from api.access.access_tokens import ACCESS_SECONDS, Session, Signer
from api.access.addresses import client_address, is_undeclared_proxy, neighbourhood
from api.access.caller import Scoped, database, refused, vault
from api.access.permissions import effective
from api.access.vault import LINK_PREFIX, REFRESH_PREFIX, Vault
from api.auth import schemas
from api.auth.passwords import hash_password, needs_rehash, verify_password
from api.db.pool import Database, Row
from api.db.queries import beside
from api.errors import Conflict, LoginFailed, SessionEnded, TooManyRequests, Unauthorized, Unprocessable
from api.http.idempotency import Writing
from api.http.openapi.problems import problems, public_problems
from api.http.routes import Bounded, Guarded
from api.telemetry.metrics import LOGINS

SQL = beside(__file__)
DEVICE_PREFIX = "obx_dev_"
router = APIRouter(prefix="/v1/auth", route_class=Bounded, tags=["sessions"])
guarded = APIRouter(prefix="/v1/auth", route_class=Guarded, tags=["sessions"])
Pools = Annotated[Database, Depends(database)]
Keys = Annotated[Vault, Depends(vault)]


@router.post("/login", response_model=schemas.LoggedIn, responses=public_problems(401, 429))
async def login(body: schemas.Login, request: Request, db: Pools, keys: Keys) -> Response:
    """Open a session with a password. Ten tries in a quarter of an hour per account, then one every 90 seconds."""
    trusted = request.app.state.trusted_proxies
    address = client_address(request, trusted)
    # Behind a proxy that nobody declared all clients have one address: to count it would keep everybody out.
    counted = None if is_undeclared_proxy(request, trusted) else neighbourhood(address)
    account = keys.token_hmac(f"{body.organization}\n{body.email.strip().lower()}", purpose="account").hex()
    asked = {
        "slug": body.organization,
        "email": body.email,
        "address": keys.token_hmac(counted, purpose="address").hex() if counted else None,
        "known_device": _is_known_device(keys, account, body.device_token),
    }
    async with db.unscoped("hook") as tx:
        person = await tx.one(SQL.begin_login, {"ticket": db.tickets.sign_document("login", asked)}) or {}
    if person["wait_seconds"]:
        LOGINS.labels("throttled").inc()
        raise TooManyRequests(
            "Too many tries; wait before the next one.", retry_after=math.ceil(person["wait_seconds"])
        )
    password = body.password.get_secret_value()
    if not await verify_password(person["password_hash"], password):
        LOGINS.labels("refused").inc()
        raise _no_entry()
    rehash = await hash_password(password) if needs_rehash(person["password_hash"]) else None
    refresh_token = keys.new_secret(REFRESH_PREFIX)
    opened = await _open_session(db, {
        "org_id": str(person["org_id"]),
        "user_id": str(person["user_id"]),
        "password_hash": person["password_hash"],
        "rehash": rehash,
        "slug": body.organization,
        "email": body.email,
        "refresh_hmac": keys.token_hmac(refresh_token, purpose="refresh").hex(),
        "user_agent": request.headers.get("user-agent", "")[:400],
        "address": address,
    })  # fmt: skip
    LOGINS.labels("opened").inc()
    session = Session(opened["session_id"], person["org_id"], opened["company_id"], person["user_id"], opened["role"])
    return _tokens(request, session, refresh_token, device_token=_device_token(keys, account))


async def _open_session(db: Database, opening: dict[str, Any]) -> Row:
    try:
        async with db.unscoped("hook") as tx:
            return await tx.one(SQL.finish_login, {"ticket": db.tickets.sign_document("session-new", opening)}) or {}
    except psycopg.Error as error:
        raise (_no_entry() if refused(error) else error) from None


@router.post("/refresh", response_model=schemas.Tokens, responses=public_problems(401))
async def refresh(body: schemas.Refresh, request: Request, db: Pools, keys: Keys) -> Response:
    """Exchange a refresh token for the next pair. Each is good once; a second use ends the whole session.

    A repetition within ten seconds gets the same pair again, so that a lost answer logs nobody out.
    """
    if not keys.is_ours(body.refresh_token, REFRESH_PREFIX):
        raise _no_session()
    child = keys.child_of(body.refresh_token)
    asked = {
        "hmac": keys.token_hmac(body.refresh_token, purpose="refresh").hex(),
        "child_hmac": keys.token_hmac(child, purpose="refresh").hex(),
    }
    async with db.unscoped("hook") as tx:
        row = await tx.one(SQL.refresh_session, {"ticket": db.tickets.sign_document("refresh", asked)}) or {}
    if row["outcome"] not in ("fresh", "repeated"):
        raise _no_session()
    return _tokens(request, _session(row), child)


@router.post("/password", status_code=204, responses=public_problems())
async def set_password(body: schemas.PasswordSet, db: Pools, keys: Keys) -> Response:
    """Set a password with a link's token. The link is used up, and the person's sessions end."""
    if not keys.is_ours(body.token, LINK_PREFIX):
        raise _link_not_valid()
    asked = {"hmac": keys.token_hmac(body.token, purpose="link").hex()}
    async with db.unscoped("hook") as tx:
        row = await tx.one(SQL.link_lives, {"ticket": db.tickets.sign_document("link", asked)}) or {}
    if not row["lives"]:  # a stranger's guess costs one look, and no hashing
        raise _link_not_valid()
    asked["password_hash"] = await hash_password(body.password.get_secret_value())
    async with db.unscoped("hook") as tx:
        row = await tx.one(SQL.use_link, {"ticket": db.tickets.sign_document("link", asked)}) or {}
    if not row["used"]:
        raise _link_not_valid()
    return Response(status_code=204)


def _link_not_valid() -> Unprocessable:
    return Unprocessable(
        "This link is not valid any more; ask for a new one.",
        code="link_not_valid",
        errors=[{"pointer": "/token", "code": "link_not_valid"}],
    )


@guarded.get("/me", response_model=schemas.Me, responses=problems())
async def me(tx: Scoped) -> Response:
    """Return who the credential speaks for, and what it may do."""
    auth = tx.auth
    document = {
        "organization_id": str(auth.org_id),
        "company_id": str(auth.company_id) if auth.company_id else None,
        "user_id": str(auth.user_id) if auth.user_id else None,
        "tier": auth.tier,
        "auth_method": auth.auth_method,
        "role": auth.role,
        "permissions": sorted(effective(auth.role, auth.scopes)),
    }
    return JSONResponse(document)


@guarded.post("/dashboard-token", response_model=schemas.DashboardToken, responses=problems())
async def dashboard_token(request: Request, tx: Scoped) -> Response:
    """Exchange an API token, or a session, for an access token of at most ten minutes with which dashboards read.

    It shows what the credential may see, and no longer than that holds: revoking it ends the access token with the next
    request. Raises RuntimeError for a credential of nobody.
    """
    auth, signer = tx.auth, request.app.state.signer
    if auth.credential_id is None or auth.user_id is None or auth.role is None:
        raise RuntimeError("an API token or a session has a user and a role")
    row = await tx.one(SQL.credential_end, {"id": auth.credential_id}) or {}
    now = datetime.now(UTC)
    left = (row["expires_at"] - now).total_seconds() if row.get("expires_at") else ACCESS_SECONDS
    seconds = max(1, min(ACCESS_SECONDS, int(left)))
    session = Session(auth.credential_id, auth.org_id, auth.company_id, auth.user_id, auth.role)
    document = {
        "token": signer.sign(session, scopes=auth.scopes, seconds=seconds),
        "expires_at": (now.replace(microsecond=0) + timedelta(seconds=seconds)).isoformat(),
        "url": request.app.state.postgrest_url,
    }
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


@guarded.post("/logout", status_code=204, responses=problems(409))
async def logout(tx: Writing) -> Response:
    """End this session. Its access token is refused from the next request on."""
    if tx.auth.auth_method != "session":
        raise Conflict("This credential is a token; revoke it instead.", code="not_a_session")
    await tx.run(SQL.end_session, {"id": tx.auth.credential_id})
    return Response(status_code=204)


@guarded.post("/logout-everywhere", status_code=204, responses=problems(409))
async def logout_everywhere(tx: Writing) -> Response:
    """End every session of the person who asks."""
    if tx.auth.auth_method != "session":
        raise Conflict("This credential is a token; revoke it instead.", code="not_a_session")
    await tx.run(SQL.end_all_sessions, {"user_id": tx.auth.user_id})
    return Response(status_code=204)


def _session(row: Row) -> Session:
    return Session(row["session_id"], row["org_id"], row["company_id"], row["user_id"], row["role"])


def _tokens(request: Request, session: Session, refresh_token: str, device_token: str | None = None) -> Response:
    signer: Signer = request.app.state.signer
    document = {
        "access_token": signer.sign(session),
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "refresh_token": refresh_token,
    }
    if device_token is not None:
        document["device_token"] = device_token
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


def _device_token(keys: Vault, account: str) -> str:
    return DEVICE_PREFIX + keys.token_hmac(account, purpose="device").hex()


def _is_known_device(keys: Vault, account: str, device_token: str | None) -> bool:
    """Tell whether a device has logged in to this account before."""
    return device_token is not None and hmac.compare_digest(
        device_token.encode(), _device_token(keys, account).encode()
    )


def _no_entry() -> Unauthorized:
    return LoginFailed("Organization, address or password is wrong.")


def _no_session() -> Unauthorized:
    return SessionEnded("This refresh token is not good any more; log in again.")
