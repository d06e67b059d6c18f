"""`/partner/v1/api-tokens` and `/v1/api-tokens`: the secrets of programs, each owned by the user it acts as."""

import json
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from api.access.caller import CompanyFilter, Reads, own_company, vault
from api.access.permissions import role_permissions
from api.access.strength import refuse_beyond
from api.access.vault import Vault, last_four
from api.api_tokens import schemas
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.errors import Conflict, Unprocessable, unknown_reference
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import json_response, or_404
from api.http.routes import Guarded

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1/api-tokens", route_class=Guarded, tags=["api tokens"])
own_router = APIRouter(prefix="/v1/api-tokens", route_class=Guarded, tags=["api tokens"])
Keys = Annotated[Vault, Depends(vault)]


@router.post("", status_code=201, response_model=schemas.ApiTokenCreated, responses=problems())
async def create_api_token(body: schemas.ApiTokenCreate, tx: Writing, keys: Keys) -> Response:
    """Create a token of a company, or without `company_id` of the organization. It is not shown again."""
    return await _create(tx, keys, body, body.company_id)


@own_router.post("", status_code=201, response_model=schemas.ApiTokenCreated, responses=problems())
async def create_own_api_token(body: schemas.ApiTokenCreate, tx: Writing, keys: Keys) -> Response:
    """Create a token of the company. It is not shown again."""
    return await _create(tx, keys, body, own_company(tx, body.company_id))


@router.get("", response_model=schemas.ApiTokenList, responses=problems())
@own_router.get("", response_model=schemas.ApiTokenList, responses=problems())
async def list_api_tokens(reads: Reads, page: PageDep, company_id: CompanyFilter = None) -> Response:
    """List tokens, newest first, without their secrets."""
    return json_response(await reads.body(SQL.list_tokens, {"company_id": company_id, **page.by_id()}))


@router.get("/{token_id}", response_model=schemas.ApiToken, responses=problems(404))
@own_router.get("/{token_id}", response_model=schemas.ApiToken, responses=problems(404))
async def get_api_token(token_id: UUID, reads: Reads) -> Response:
    """Return one token, without its secret."""
    return json_response(or_404(await reads.body(SQL.get_token, {"id": token_id})))


@router.delete("/{token_id}", status_code=204, responses=problems(404))
@own_router.delete("/{token_id}", status_code=204, responses=problems(404))
async def revoke_api_token(token_id: UUID, tx: Writing) -> Response:
    """Revoke a token. The next request that carries it is refused."""
    token = or_404(await tx.one(SQL.lock_token, {"id": token_id}))
    if token_id != tx.auth.credential_id:
        await refuse_beyond(tx, token["role"], token["scopes"])
    or_404(await tx.one(SQL.revoke_token, {"id": token_id}))
    return Response(status_code=204)


@router.post(
    "/{token_id}/rotate", status_code=201, response_model=schemas.ApiTokenCreated, responses=problems(404, 409)
)
@own_router.post(
    "/{token_id}/rotate", status_code=201, response_model=schemas.ApiTokenCreated, responses=problems(404, 409)
)
async def rotate_api_token(token_id: UUID, body: schemas.ApiTokenRotate, tx: Writing, keys: Keys) -> Response:
    """Make a token's successor, with the same rights. The old one works on for `overlap_seconds`."""
    old = or_404(await tx.one(SQL.lock_token, {"id": token_id}))
    if not old["working"] or old["replaced_by"] is not None:
        raise Conflict("This token was revoked, replaced or has expired.", code="token_not_active")
    person = old["user_id"] if old["kind"] == "person" else None
    ends = await _end(tx, body.expires_at or old["expires_at"])
    await refuse_beyond(tx, old["role"], old["scopes"], ends=ends or "infinity", person=person)
    token = keys.new_token(old["tier"])
    made = {
        **old,
        "expires_at": ends,
        "hmac": keys.token_hmac(token),
        "last_four": last_four(token),
    }
    fresh: UUID = or_404(await tx.one(SQL.add_successor, made))["id"]
    await tx.run(SQL.retire_token, {"id": token_id, "new_id": fresh, "overlap_seconds": body.overlap_seconds})
    return await _shown(tx, fresh, token)


async def _create(tx: Tx, keys: Vault, body: schemas.ApiTokenCreate, company_id: UUID | None) -> Response:
    role, person = "org_admin" if company_id is None else "company_admin", None
    if body.user_id is not None:
        user = await _user(tx, body.user_id)
        role, person = str(user["role"]), body.user_id if user["kind"] == "person" else None
    if beyond := sorted(set(body.scopes or ()) - role_permissions(role)):
        raise Unprocessable(
            f"The role {role} has no permission `{beyond[0]}`.",
            code="scope_beyond_role",
            errors=[{"pointer": "/scopes", "code": "scope_beyond_role"}],
        )
    scopes = body.scopes or (None if tx.auth.scopes is None else sorted(tx.auth.scopes))
    ends = await _end(tx, body.expires_at)
    await refuse_beyond(tx, role, scopes, ends=ends or "infinity", person=person)
    token = keys.new_token("org" if company_id is None else "company")
    params = {
        "company_id": company_id,
        "user_id": body.user_id,
        "role": role,
        "name": body.name,
        "scopes": scopes,
        "expires_at": ends,
        "hmac": keys.token_hmac(token),
        "last_four": last_four(token),
    }
    row = await tx.one(SQL.create_token, params)
    if row is None:
        raise unknown_reference("company_id" if body.user_id is None else "user_id")
    return await _shown(tx, row["id"], token)


async def _shown(tx: Tx, token_id: UUID, token: str) -> Response:
    created = json.loads(or_404(await tx.body(SQL.get_token, {"id": token_id})))
    return JSONResponse({**created, "token": token}, status_code=201)


async def _user(tx: Tx, user_id: UUID) -> Row:
    row = await tx.one(SQL.get_user_role, {"user_id": user_id})
    if row is None:
        raise unknown_reference("user_id")
    return row


async def _end(tx: Tx, wanted: datetime | None) -> datetime | None:
    """Return when a new token ends, by default with the token that makes it. None: never."""
    if wanted is not None:
        return wanted
    row = await tx.one(SQL.get_end, {"id": tx.auth.credential_id})
    return row["expires_at"] if row else None
