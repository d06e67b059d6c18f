"""`/hooks/{path_token}`: where providers tell us things. Nothing is parsed here; what is answered 200 is stored."""

import hashlib
from typing import Annotated

import psycopg
from fastapi import APIRouter, Depends, Request, Response

from api.access.caller import database, refused, vault
from api.access.vault import SealedField, Vault
from api.db.ids import new_id
from api.db.pool import Database
from api.db.queries import beside
from api.errors import NotFound
from api.http.body import read_body

SQL = beside(__file__)
router = APIRouter(include_in_schema=False)


@router.post("/hooks/{path_token}")
async def receive_webhook(
    path_token: str,
    request: Request,
    db: Annotated[Database, Depends(database)],
    keys: Annotated[Vault, Depends(vault)],
) -> Response:
    """Store a body of at most 10 MiB for the connection that the path belongs to; 404 for any other path, before its
    body is read. No limit by network here: a provider calls for all tenants from few addresses."""
    if not keys.is_ours(path_token):
        raise NotFound()
    connection = keys.token_hmac(path_token, purpose="hook").hex()
    try:
        async with db.by_hook(connection):
            pass
        body = await read_body(request)
        async with db.by_hook(connection) as tx:
            row_id = new_id()
            place = SealedField(tx.auth.org_id, "inbound_webhooks", "body", row_id)
            params = {
                "id": row_id,
                "sha256": hashlib.sha256(body).digest(),
                "body": keys.seal(body, place),
            }
            await tx.one(SQL.accept_webhook, params)
    except psycopg.Error as error:
        if refused(error):
            raise NotFound() from None
        raise
    return Response(status_code=200)
