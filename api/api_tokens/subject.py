"""Tokens that programs carry, as the rest of the house must know them."""

from api.api_tokens.routes import own_router, router
from api.errors import reference
from api.http.subject import Subject

SUBJECT = Subject(
    company=(own_router,),
    partner=(router,),
    constraints={
        "api_tokens_org_id_company_id_fkey": reference("company_id"),
        "api_tokens_org_id_company_id_user_id_fkey": reference("user_id"),
    },
    examples={
        "last_four": "x3Qm",
        "last_used_at": None,
        "replaced_by": None,
        "scopes": ["campaigns:read", "leads:write"],
    },
    bodies={
        ("POST", "/partner/v1/api-tokens"): {"name": "$mark", "company_id": "$company_id"},
        ("POST", "/v1/api-tokens"): {"name": "$mark"},
    },
)
