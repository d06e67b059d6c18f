"""What a company has been sold, as the rest of the house must know it."""

from api.entitlements.routes import router
from api.errors import reference, state
from api.http.subject import Subject

SUBJECT = Subject(
    partner=(router,),
    constraints={
        "entitlements_company": reference("company_id"),
        "entitlements_provider": reference("provider"),
        "entitlements_turn": state("entitlement_state", "The entitlement is not in a state that allows this."),
    },
    bodies={
        ("PUT", "/partner/v1/companies/{company_id}/entitlements/{capability}"): {"provider": "heyreach"},
    },
)
