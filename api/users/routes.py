"""`/partner/v1/users` and `/v1/users`: the people of an organization and of a company.

Inviting and resetting a password are the same thing: a single-use link, returned to the caller to deliver. A company
is answered alike whether or not an address is in use, since it may be in use by another company.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse

from api.access.caller import CompanyFilter, Reads, own_company, vault
from api.access.strength import beyond, refuse_beyond
from api.access.vault import LINK_PREFIX, Vault
from api.db.pool import Tx
from api.db.queries import beside
from api.errors import Conflict, NotFound, Unprocessable, unknown_reference
from api.http.idempotency import Writing
from api.http.openapi.problems import problems
from api.http.pagination import PageDep
from api.http.responses import IfMatch, check_match, json_response, or_404
from api.http.routes import Guarded
from api.users import schemas

SQL = beside(__file__)
LINK_LIFE = timedelta(days=3)
router = APIRouter(prefix="/partner/v1/users", route_class=Guarded, tags=["users"])
own_router = APIRouter(prefix="/v1/users", route_class=Guarded, tags=["users"])
Keys = Annotated[Vault, Depends(vault)]
Kind = Annotated[str | None, Query(pattern="^(person|service)$")]


@router.post("", status_code=201, response_model=schemas.UserInvited, responses=problems(409))
async def create_user(body: schemas.UserCreate, tx: Writing, keys: Keys) -> Response:
    """Invite a person to the organization or to one of its companies."""
    if body.role.startswith("company_") != (body.company_id is not None):
        raise _role_mismatch("`company_*` roles need a `company_id`, `org_*` roles must not have one.")
    await refuse_beyond(tx, body.role)
    if await tx.one(SQL.user_by_email, {"email": body.email, "company_id": None}) is not None:
        raise Conflict("This address is in use in the organization.", code="email_in_use")
    user_id = await _insert(tx, body, body.company_id)
    if user_id is None:
        raise unknown_reference("company_id")
    link = await _link(tx, keys, user_id)
    user = json.loads(or_404(await tx.body(SQL.get_user, {"id": user_id})))
    return JSONResponse({**user, "link": link}, status_code=201)


@own_router.post("", status_code=202, response_model=schemas.Invited, responses=problems())
async def invite_user(body: schemas.OwnUserCreate, tx: Writing, keys: Keys) -> Response:
    """Invite a colleague. The answer is the same whether or not the address is in use."""
    company_id = own_company(tx, body.company_id)
    await refuse_beyond(tx, body.role)
    if await tx.one(SQL.company_exists, {"company_id": company_id}) is None:
        raise unknown_reference("company_id")
    user_id = await _insert(tx, body, company_id)
    if user_id is None:
        known = await tx.one(SQL.user_by_email, {"email": body.email, "company_id": company_id})
        # Somebody who was invited to more than the caller may give is answered like an address in use.
        again = known is not None and known["status"] == "invited" and await beyond(tx, known["role"]) is None
        user_id = known["id"] if known is not None and again else None
    link = await _link(tx, keys, user_id) if user_id else _new_link(keys)[1]
    return JSONResponse({"link": link}, status_code=202)


@router.get("", response_model=schemas.UserList, responses=problems())
@own_router.get("", response_model=schemas.UserList, responses=problems())
async def list_users(reads: Reads, page: PageDep, company_id: CompanyFilter = None, kind: Kind = None) -> Response:
    """List users, newest first."""
    filters = {"company_id": company_id, "kind": kind}
    return json_response(await reads.body(SQL.list_users, {**filters, **page.by_id()}))


@router.get("/{user_id}", response_model=schemas.User, responses=problems(404))
@own_router.get("/{user_id}", response_model=schemas.User, responses=problems(404))
async def get_user(user_id: UUID, reads: Reads) -> Response:
    """Return one user."""
    return json_response(or_404(await reads.body(SQL.get_user, {"id": user_id})))


@router.patch("/{user_id}", response_model=schemas.User, responses=problems(404, 409, 412))
@own_router.patch("/{user_id}", response_model=schemas.User, responses=problems(404, 409, 412))
async def update_user(user_id: UUID, body: schemas.UserUpdate, tx: Writing, if_match: IfMatch = None) -> Response:
    """Change a user. A role stays on its level: nobody moves between an organization and a company."""
    user = or_404(await tx.one(SQL.lock_user, {"id": user_id}))
    check_match(if_match, user["body"])
    if (body.role or body.status) and user_id == tx.auth.user_id:
        raise Conflict("Nobody changes their own role or status.", code="own_user")
    if body.role is not None:
        if body.role.startswith("company_") != (user["company_id"] is not None):
            raise _role_mismatch("A role stays on its level.")
        await refuse_beyond(tx, body.role)
    await refuse_beyond(tx, user["role"])
    if body.status is not None and user["status"] == "invited":
        raise Conflict("An invited user can only be deleted.", code="user_invited")
    change = body.model_dump(exclude={"metadata"})
    change["metadata"] = None if body.metadata is None else json.dumps(body.metadata)
    await tx.run(SQL.update_user, {"id": user_id, **change})
    return json_response(await tx.body(SQL.get_user, user))


@router.delete("/{user_id}", status_code=204, responses=problems(404, 409))
@own_router.delete("/{user_id}", status_code=204, responses=problems(404, 409))
async def delete_user(user_id: UUID, tx: Writing) -> Response:
    """Delete a user. Their tokens and sessions are refused from the next request on."""
    user = or_404(await tx.one(SQL.lock_user, {"id": user_id}))
    if user_id == tx.auth.user_id:
        raise Conflict("Nobody deletes themselves.", code="own_user")
    await refuse_beyond(tx, user["role"])
    await tx.run(SQL.delete_user, user)
    return Response(status_code=204)


@router.post("/{user_id}/link", status_code=201, response_model=schemas.Link, responses=problems(404))
@own_router.post("/{user_id}/link", status_code=201, response_model=schemas.Link, responses=problems(404))
async def create_link(user_id: UUID, tx: Writing, keys: Keys) -> Response:
    """Make a new link with which the person sets a password; earlier ones stop working."""
    user = or_404(await tx.one(SQL.lock_user, {"id": user_id}))
    await refuse_beyond(tx, user["role"])
    return JSONResponse(await _link(tx, keys, user_id), status_code=201)


@router.post("/{user_id}/logout", status_code=204, responses=problems(404))
@own_router.post("/{user_id}/logout", status_code=204, responses=problems(404))
async def end_sessions(user_id: UUID, tx: Writing) -> Response:
    """End every session of a user."""
    user = or_404(await tx.one(SQL.lock_user, {"id": user_id}))
    await refuse_beyond(tx, user["role"])
    await tx.run(SQL.end_sessions, user)
    return Response(status_code=204)


async def _insert(tx: Tx, body: schemas.UserCreate | schemas.OwnUserCreate, company_id: UUID | None) -> UUID | None:
    params = {
        "company_id": company_id,
        "role": body.role,
        "name": body.name,
        "email": body.email,
        "metadata": json.dumps(body.metadata),
    }
    row = await tx.one(SQL.create_user, params)
    return None if row is None else row["id"]


def _role_mismatch(detail: str) -> Unprocessable:
    return Unprocessable(detail, code="role_mismatch", errors=[{"pointer": "/role", "code": "role_mismatch"}])


def _new_link(keys: Vault) -> tuple[str, dict[str, Any]]:
    token = keys.new_secret(LINK_PREFIX)
    expires = (datetime.now(UTC) + LINK_LIFE).isoformat()
    return token, {"token": token, "expires_at": expires}


async def _link(tx: Tx, keys: Vault, user_id: UUID) -> dict[str, Any]:
    token, link = _new_link(keys)
    params = {"id": user_id, "hmac": keys.token_hmac(token, purpose="link"), "expires_at": link["expires_at"]}
    row = or_404(await tx.one(SQL.new_link, params))
    if not row["made"]:
        raise NotFound()
    return link
