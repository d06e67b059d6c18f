"""Who is asking: from the Authorization header to a transaction scoped by the database. Nothing else names a tenant."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import psycopg
from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.crypto import Vault, token_tier
from api.db import Database, Tx
from api.errors import NotFound, Unauthorized, Unprocessable, unknown_reference

bearer = HTTPBearer(auto_error=False, description="An API token, `obx_co_…` or `obx_org_…`.", scheme_name="API token")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def database(request: Request) -> Database:
    """Return the process's pools."""
    return request.app.state.database


def vault(request: Request) -> Vault:
    """Return the process's keys."""
    return request.app.state.vault


def credential(credentials: Bearer) -> tuple[str, str]:
    """Return the tier a token claims and the token; 401 without a database query for anything malformed."""
    tier = token_tier(credentials.credentials) if credentials else None
    if credentials is None or tier is None:
        raise Unauthorized()
    return tier, credentials.credentials


Credential = Annotated[tuple[str, str], Depends(credential)]


def org_credential(claimed: Credential) -> tuple[str, str]:
    """Return an organization's credential; to a company these addresses do not exist."""
    if claimed[0] != "org":
        raise NotFound()
    return claimed


async def _scoped(request: Request, claimed: Credential) -> AsyncIterator[Tx]:
    async with database(request).by_token(*claimed) as tx:
        yield tx


async def _org_scoped(
    request: Request, claimed: Annotated[tuple[str, str], Depends(org_credential)]
) -> AsyncIterator[Tx]:
    async with database(request).by_token(*claimed) as tx:
        yield tx


# scope="function": the commit happens before the answer leaves, so a failed commit can still become a 5xx.
Scoped = Annotated[Tx, Depends(_scoped, scope="function")]
OrgScoped = Annotated[Tx, Depends(_org_scoped, scope="function")]

CompanyFilter = Annotated[
    UUID | None, Query(alias="company_id", description="With an organization token: only this company's.")
]


def own_company(tx: Tx, company_id: UUID | None) -> UUID:
    """Return the company to write to: the credential's own, or, with an organization token, the one that was named."""
    if tx.auth.company_id is not None:
        if company_id not in (None, tx.auth.company_id):
            raise unknown_reference("company_id")
        return tx.auth.company_id
    if company_id is None:
        raise Unprocessable(
            "With an organization token, say which company: `company_id`.",
            code="company_id_required",
            errors=[{"pointer": "/company_id", "code": "missing"}],
        )
    return company_id


def refused(error: psycopg.Error) -> bool:
    """Tell whether the database refused a credential."""
    return error.sqlstate == "28000"
