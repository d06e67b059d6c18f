"""Taking a long list in: piece by piece into the database, sealed, so that no process ever holds more than a piece."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
from fastapi import Request, Response
from psycopg_pool import PoolTimeout

from api.access.caller import own_company
from api.access.vault import Vault
from api.db.ids import new_id
from api.db.lists import ListKind
from api.db.pool import Row, Tx
from api.db.queries import beside
from api.errors import Conflict, Unprocessable, unknown_reference
from api.http.body import stream_body
from api.http.idempotency import Write
from api.http.responses import json_response
from api.imports.sealing import PIECE, seal_piece

SQL = beside(__file__, "queries.sql")
LONGEST = 512 * 1024 * 1024
MOST_WAITING = 50


async def receive(request: Request, write: Write, kind: ListKind, wanted: Row) -> Response:
    """Take in a list, and answer once it is whole. What came of one that is not is taken away again.

    `wanted` is what the caller says of it: `kind`, `company_id`, `campaign_id`, `name`, `charset`, `column_map`. Raises
    Conflict or Unprocessable where the list is refused.
    """
    kind.check_map(wanted["column_map"])
    async with write.before() as tx:
        params = {**wanted, "id": new_id(), "company_id": await _company(tx, wanted)}
        org_id = tx.auth.org_id
        await tx.run(SQL.begin_import, params)
    try:
        size = chunks = 0
        vault: Vault = request.app.state.vault
        async for piece in stream_body(request, PIECE, LONGEST):
            async with write.before() as tx:
                sealed = seal_piece(vault, org_id, piece)
                await tx.run(SQL.put_chunk, {**params, **sealed, "import_id": params["id"], "number": chunks})
            size, chunks = size + len(piece), chunks + 1
        if not size:
            raise Unprocessable("The list is empty.", code="empty_list")
        async with write.transaction(last=True) as tx:
            if await tx.one(SQL.queue_import, {**params, "size": size, "chunks": chunks}) is None:
                raise Conflict("The list took too long to come; send it again.", code="import_abandoned")
            response = json_response(await tx.body(SQL.get_import, params), status=202)
            response.headers["Location"] = f"/v1/imports/{params['id']}"
            tx.wake(params["company_id"])
            return await write.finish(tx, response)
    except BaseException:
        await _abandon(write, params)
        raise


async def _abandon(write: Write, params: dict[str, Any]) -> None:
    """Take a list away that did not come whole; what cannot be reached now, the hourly tidying finds."""
    with suppress(psycopg.Error, PoolTimeout):
        async with write.before() as tx:
            await tx.run(SQL.abandon_chunks, params)
            await tx.run(SQL.abandon_import, params)


async def _company(tx: Tx, wanted: Row) -> UUID:
    """Return the company that a list is for. Raises what the list is refused with before any of it is read."""
    company_id: UUID | None = wanted["company_id"]
    if wanted["kind"] == "leads":
        if wanted["campaign_id"] is None:
            raise Unprocessable(
                "People are added to a campaign: say which, as in ?kind=leads&campaign_id=…",
                errors=[{"pointer": "?campaign_id", "code": "missing"}],
            )
        campaign = await tx.one(SQL.campaign_of_import, {"id": wanted["campaign_id"]})
        if campaign is None or company_id not in (None, campaign["company_id"]):
            raise unknown_reference("campaign_id")
        if campaign["status"] in ("completed", "archived"):
            raise Conflict(f"The campaign is {campaign['status']}.", code=f"campaign_{campaign['status']}")
        company_id = campaign["company_id"]
    elif wanted["campaign_id"] is not None:
        raise Unprocessable(
            "A do-not-contact list is a company's, and not a campaign's: leave `campaign_id` out.",
            errors=[{"pointer": "?campaign_id", "code": "extra_forbidden"}],
        )
    company_id = own_company(tx, company_id)
    company = await tx.one(SQL.company_of_import, {"company_id": company_id})
    if company is None:
        raise unknown_reference("company_id")
    if company["waiting"] >= MOST_WAITING:
        raise Conflict(
            f"{MOST_WAITING} lists of this company are waiting; send the next when one has ended.",
            code="too_many_imports", retry_after=60,
        )  # fmt: skip
    return company_id
