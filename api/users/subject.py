"""People with a login, as the rest of the house must know them."""

from api.errors import METADATA, reference
from api.http.subject import Subject
from api.users.routes import own_router, router

SUBJECT = Subject(
    company=(own_router,),
    partner=(router,),
    constraints={"users_org_id_company_id_fkey": reference("company_id"), "users_metadata": METADATA},
    examples={"role": "company_member"},
    bodies={
        ("POST", "/partner/v1/users"): {
            "email": "$email",
            "name": "$mark",
            "role": "company_member",
            "company_id": "$company_id",
        },
        ("POST", "/v1/users"): {"email": "$email", "name": "$mark"},
    },
)
