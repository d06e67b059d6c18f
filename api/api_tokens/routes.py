"""`/partner/v1/api-tokens`: the secrets that company programs show us."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from api.api_tokens.schemas import ApiTokenCreate, ApiTokenCreated
from api.context import OrgScoped, vault
from api.crypto import Vault, last_four, new_token
from api.errors import unknown_reference
from api.queries import beside
from api.routing import Guarded
from api.schemas import problems

SQL = beside(__file__)
router = APIRouter(prefix="/partner/v1/api-tokens", route_class=Guarded, tags=["api tokens"])


@router.post("", status_code=201, response_model=ApiTokenCreated, responses=problems())
async def create_api_token(body: ApiTokenCreate, tx: OrgScoped, keys: Annotated[Vault, Depends(vault)]) -> Response:
    """Create a company's API token. Keep the answer: the token is not shown again."""
    token = new_token("company")
    created = await tx.body(
        SQL.create_company_token,
        {**body.model_dump(), "hmac": keys.token_hmac(token), "last_four": last_four(token)},
    )
    if created is None:
        raise unknown_reference("company_id")
    return JSONResponse({**json.loads(created), "token": token}, status_code=201)
