"""Do-not-contact lists, as the rest of the house must know them."""

from api.errors import reference
from api.http.subject import Subject
from api.suppressions.importing import ENTRIES
from api.suppressions.routes import partner_router, router
from api.suppressions.schemas import OwnSuppressionCreate, SuppressionCreate, SuppressionsAdd

SUBJECT = Subject(
    company=(router,),
    partner=(partner_router,),
    models=(SuppressionCreate, OwnSuppressionCreate, SuppressionsAdd),
    lists={"suppressions": ENTRIES},
    constraints={"suppressions_company": reference("company_id")},
    rows={"block_list_entries": {"account_id": "$provider_accounts", "entry": "new@stop.example"}},
    examples={"value": "maria@example.com"},
    bodies={
        ("POST", "/v1/suppressions"): {"email": "$email"},
        ("POST", "/partner/v1/suppressions"): {"email": "$email"},
    },
)
