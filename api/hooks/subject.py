"""Where webhooks come in, as the rest of the house must know it."""

from api.hooks.routes import router
from api.http.subject import Subject

SUBJECT = Subject(
    public=(router,),
)
