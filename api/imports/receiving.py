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
from api.http.body import check_length, stream_body
from api.http.idempotency import Write
from api.http.responses import json_response
from api.imports.sealing import PIECE, seal_piece
from api.tables.encoding import check_charset

SQL = beside(__file__, "queries.sql")
LONGEST = 512 * 1024 * 1024
MOST_WAITING = 50


async def receive(request: Request, write: Write, kind: ListKind, wanted: Row) -> Response:
    """Take in a list, and answer once it is whole. What came of one that is not is taken away again.

    `wanted` is what the caller says of it: `kind`, `company_id`, `campaign_id`, `name`, `source`, `media_type`,
    `charset`, `column_map`. Raises Conflict, TooLarge or Unprocessable where the list is refused.
    """
    check_length(request, LONGEST)
    async with write.before() as tx:
        is_repeated = await write.is_repeated(tx)
    if is_repeated:
        return await _repeat(request, write)
    _check(kind, wanted)
    async with write.before() as tx:
        params: dict[str, Any] = {**wanted, "id": new_id(), "company_id": await _company(tx, wanted), "chunks": 0}
        org_id = tx.auth.org_id
        await tx.run(SQL.begin_import, params)
    try:
        size = 0
        vault: Vault = request.app.state.vault
        async for piece in stream_body(request, PIECE, LONGEST):
            sealed = {**seal_piece(vault, org_id, piece), "import_id": params["id"], "number": params["chunks"]}
            params["chunks"] += 1
            async with write.before() as tx:
                await tx.run(SQL.put_chunk, {**params, **sealed})
            size += len(piece)
        if not size:
            raise Unprocessable("The list is empty.", code="empty_list")
        async with write.transaction(last=True) as tx:
            if await tx.one(SQL.queue_import, {**params, "size": size}) is None:
                raise Conflict("The list took too long to come; send it again.", code="import_abandoned")
            response = json_response(await tx.body(SQL.get_import, params), status=202)
            response.headers["Location"] = f"/v1/imports/{params['id']}"
            tx.wake(params["company_id"])
            return await write.finish(tx, response)
    except BaseException:
        await _abandon(write, params)
        raise


async def _repeat(request: Request, write: Write) -> Response:
    """Answer a list that was sent before as it was answered then, whatever has become of its campaign."""
    async for _ in stream_body(request, PIECE, LONGEST):
        pass  # its hash tells whether it is the same
    async with write.transaction(last=True):
        raise Conflict("This Idempotency-Key has just expired; send the list again.", code="idempotency_in_progress")


def _check(kind: ListKind, wanted: Row) -> None:
    """Raise Unprocessable for what is known to be wrong before anything is read."""
    if wanted["charset"]:
        check_charset(wanted["charset"])
    if wanted["column_map"] and wanted["media_type"] == "application/x-ndjson":
        raise Unprocessable("`map` names columns of a file; JSON has none.", code="map_invalid")
    if wanted["column_map"]:
        kind.check_map(wanted["column_map"])


async def _abandon(write: Write, params: dict[str, Any]) -> None:
    """Give up a list that did not come whole. One that is whole by now is the job's; what cannot be reached now, the
    hourly tidying finds."""
    with suppress(psycopg.Error, PoolTimeout):
        async with write.before() as tx:
            await tx.run(SQL.abandon_import, params)
            tx.wake(params["company_id"])


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
