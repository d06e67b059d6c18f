"""The page on which people unsubscribe, as the rest of the house must know it."""

from api.http.subject import Subject
from api.unsubscribe.routes import router

SUBJECT = Subject(
    public=(router,),
)
