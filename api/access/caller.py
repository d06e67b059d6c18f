"""Who is asking: from the Authorization header to a transaction scoped by the database. Nothing else names a tenant."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import psycopg
from fastapi import Depends, Request
from fastapi import Query as UrlQuery
from fastapi.security.utils import get_authorization_scheme_param

from api.access.access_tokens import Signer
from api.access.permissions import allows
from api.access.vault import Vault
from api.db.identity import AuthContext, Credential
from api.db.pool import Database, Params, Tx, is_expired
from api.db.queries import Query
from api.errors import Forbidden, Unprocessable, unknown_reference


@dataclass(frozen=True)
class Access:
    """One request's credential and the permission that its route needs. The route puts it into the request's scope."""

    credential: Credential
    permission: str

    def check(self, auth: AuthContext) -> None:
        """Raise Forbidden unless the role and the scopes that the database read include the route's permission."""
        if not allows(auth.role, auth.scopes, self.permission):
            raise Forbidden(f"This credential lacks the permission `{self.permission}`.")


def authenticate(request: Request) -> Credential | None:
    """Return what the Authorization header holds, or None when it cannot be a credential. No query is made."""
    scheme, token = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() != "bearer":
        return None
    keys: Vault = request.app.state.vault
    tier = keys.token_tier(token)
    if tier is not None:
        return Credential(tier, "platform" if tier == "platform" else "token", keys.token_hmac(token).hex())
    signer: Signer = request.app.state.signer
    session = signer.verify(token) if token.count(".") == 2 else None
    return None if session is None else Credential(session.tier, "session", session.hmac)


async def database(request: Request) -> Database:
    """Return the process's pools."""
    return request.app.state.database


async def vault(request: Request) -> Vault:
    """Return the process's keys."""
    return request.app.state.vault


async def access(request: Request) -> Access:
    """Return the request's credential and what its route needs of it."""
    return request.scope["access"]


async def _scoped(request: Request) -> AsyncIterator[Tx]:
    granted: Access = request.scope["access"]
    db: Database = request.app.state.database
    async with db.by_credential(granted.credential) as tx:
        granted.check(tx.auth)
        yield tx


# scope="function": the commit happens before the answer leaves, so a failed commit can still become a 5xx.
Scoped = Annotated[Tx, Depends(_scoped, scope="function")]


class Reader:
    """A credential's view of its tenant: each read is a read-only transaction of its own, in one round trip."""

    def __init__(self, db: Database, granted: Access) -> None:
        self._db = db
        self._granted = granted
        self.tier = granted.credential.tier

    async def body(self, query: Query, params: Params) -> bytes | None:
        """Return the JSON document that the statement builds, or None when it builds none."""
        return await self._db.read(self._granted.credential, self._granted.check, query, params)

    def one_company(self, company_id: UUID | None) -> UUID | None:
        """Return the company to read, None being a company credential's own; an organization must name one."""
        if company_id is None and self.tier != "company":
            raise company_required("?company_id")
        return company_id


# Every dependency is a coroutine: the framework sends plain functions and classes through a thread pool, four hops a
# request.
async def reader(request: Request) -> Reader:
    """Return the caller's view of its tenant."""
    return Reader(request.app.state.database, request.scope["access"])


Reads = Annotated[Reader, Depends(reader)]

CompanyFilter = Annotated[
    UUID | None, UrlQuery(alias="company_id", description="With an organization token: only this company's.")
]


def own_company(tx: Tx, company_id: UUID | None) -> UUID:
    """Return the company to write to: the credential's own, or, with an organization token, the one that was named."""
    if tx.auth.company_id is not None:
        if company_id not in (None, tx.auth.company_id):
            raise unknown_reference("company_id")
        return tx.auth.company_id
    if company_id is None:
        raise company_required("/company_id")
    return company_id


def company_required(pointer: str) -> Unprocessable:
    """Return the refusal of an organization's request that does not say which company it is about."""
    return Unprocessable(
        "With an organization token, say which company: `company_id`.",
        code="company_id_required",
        errors=[{"pointer": pointer, "code": "missing"}],
    )


def refused(error: psycopg.Error) -> bool:
    """Tell whether the database refused a credential, and not only a ticket of ours that was too old."""
    return error.sqlstate == "28000" and not is_expired(error)
