"""Partners, as the rest of the house must know them."""

from api.errors import METADATA, state
from api.http.subject import Subject
from api.organizations.platform_routes import router as platform_router
from api.organizations.routes import router

SUBJECT = Subject(
    partner=(router,),
    platform=(platform_router,),
    constraints={
        "organizations_metadata": METADATA,
        "tenant_deleting": state("deleting", "It is being deleted."),
    },
    examples={"key": "smartlead", "slug": "alder"},
    bodies={
        ("POST", "/platform/v1/organizations"): {"name": "$mark", "slug": "$slug"},
        ("POST", "/platform/v1/organizations/{organization_id}/api-tokens"): {"name": "$mark"},
    },
)
