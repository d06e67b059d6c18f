"""What has happened, as the rest of the house must know it."""

from api.events.routes import router
from api.http.subject import Subject

SUBJECT = Subject(company=(router,), examples={"sequence": 42})
