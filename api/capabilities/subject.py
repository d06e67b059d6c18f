"""What a company can do, as the rest of the house must know it."""

from api.capabilities.routes import router
from api.http.subject import Subject

SUBJECT = Subject(
    company=(router,),
    examples={"title": "Email outreach"},
)
