"""Who is asking: from the Authorization header to a transaction scoped by the database. Nothing else names a tenant."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import psycopg
from fastapi import Depends, Request
from fastapi import Query as UrlQuery
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.crypto import Vault, token_tier
from api.db import Database, Params, Tx
from api.errors import NotFound, Unauthorized, Unprocessable, unknown_reference
from api.queries import Query

bearer = HTTPBearer(auto_error=False, description="An API token, `obx_co_…` or `obx_org_…`.", scheme_name="API token")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def database(request: Request) -> Database:
    """Return the process's pools."""
    return request.app.state.database


async def vault(request: Request) -> Vault:
    """Return the process's keys."""
    return request.app.state.vault


async def credential(credentials: Bearer) -> tuple[str, str]:
    """Return the tier a token claims and the token; 401 without a database query for anything malformed."""
    tier = token_tier(credentials.credentials) if credentials else None
    if credentials is None or tier is None:
        raise Unauthorized()
    return tier, credentials.credentials


Credential = Annotated[tuple[str, str], Depends(credential)]


async def org_credential(claimed: Credential) -> tuple[str, str]:
    """Return an organization's credential; to a company these addresses do not exist."""
    if claimed[0] != "org":
        raise NotFound()
    return claimed


async def _scoped(request: Request, claimed: Credential) -> AsyncIterator[Tx]:
    async with request.app.state.database.by_token(*claimed) as tx:
        yield tx


async def _org_scoped(
    request: Request, claimed: Annotated[tuple[str, str], Depends(org_credential)]
) -> AsyncIterator[Tx]:
    async with request.app.state.database.by_token(*claimed) as tx:
        yield tx


# scope="function": the commit happens before the answer leaves, so a failed commit can still become a 5xx.
Scoped = Annotated[Tx, Depends(_scoped, scope="function")]
OrgScoped = Annotated[Tx, Depends(_org_scoped, scope="function")]


class Reader:
    """A credential's view of its tenant: each read is a read-only transaction of its own, in one round trip."""

    def __init__(self, db: Database, claimed: tuple[str, str]) -> None:
        self._db = db
        self.tier, self._token = claimed

    async def body(self, query: Query, params: Params) -> bytes | None:
        """Return the JSON document that the statement builds, or None when it builds none."""
        return await self._db.read(self.tier, self._token, query, params)

    def one_company(self, company_id: UUID | None) -> UUID | None:
        """Return the company to read, None being a company credential's own; an organization must name one."""
        if company_id is None and self.tier != "company":
            raise company_required("?company_id")
        return company_id


# Every dependency is a coroutine: the framework sends plain functions and classes through a thread pool, four hops a
# request.
async def _reader(request: Request, claimed: Credential) -> Reader:
    return Reader(request.app.state.database, claimed)


async def _org_reader(request: Request, claimed: Annotated[tuple[str, str], Depends(org_credential)]) -> Reader:
    return Reader(request.app.state.database, claimed)


Reads = Annotated[Reader, Depends(_reader)]
OrgReads = Annotated[Reader, Depends(_org_reader)]

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
    """Tell whether the database refused a credential."""
    return error.sqlstate == "28000"
