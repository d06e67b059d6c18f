"""Do-not-contact lists, as the rest of the house must know them."""

from api.errors import reference
from api.http.subject import Subject
from api.suppressions.routes import router

SUBJECT = Subject(
    company=(router,),
    constraints={"suppressions_company": reference("company_id")},
    examples={"value": "maria@example.com"},
    bodies={("POST", "/v1/suppressions"): {"email": "$email"}},
)
