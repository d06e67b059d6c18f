"""A partner's clients, as the rest of the house must know them."""

from api.companies.routes import own_router, router
from api.errors import METADATA
from api.http.subject import Subject

SUBJECT = Subject(
    company=(own_router,),
    partner=(router,),
    constraints={"companies_metadata": METADATA},
    examples={"postal_address": "Acme Ltd, 1 High Street, Lisbon"},
    bodies={("POST", "/partner/v1/companies"): {"name": "$mark"}},
)
