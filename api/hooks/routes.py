"""`/hooks/{path_token}`: where providers tell us things. Nothing is parsed here; what is answered 200 is stored."""

from typing import Annotated

import psycopg
from fastapi import APIRouter, Depends, Request, Response

from api.access.caller import refused, vault
from api.access.vault import Vault
from api.errors import NotFound
from api.hooks.gathering import Gathering
from api.http.body import read_body

router = APIRouter(include_in_schema=False)


async def gathering(request: Request) -> Gathering:
    """Return the webhooks that wait in this process."""
    return request.app.state.webhooks


@router.post("/hooks/{path_token}")
async def receive_webhook(
    path_token: str,
    request: Request,
    webhooks: Annotated[Gathering, Depends(gathering)],
    keys: Annotated[Vault, Depends(vault)],
) -> Response:
    """Store a body of at most 10 MiB for the connection that the path belongs to; 404 for any other path, before its
    body is read. No limit by network here: a provider calls for all tenants from few addresses."""
    if not keys.is_ours(path_token):
        raise NotFound()
    hook = keys.token_hmac(path_token, purpose="hook").hex()
    try:
        org_id = await webhooks.organization_of(hook)
        await webhooks.store(hook, org_id, await read_body(request))
    except psycopg.Error as error:
        if refused(error):
            raise NotFound() from None
        raise
    return Response(status_code=200)
