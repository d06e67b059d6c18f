"""A company's mailboxes and seats, as the rest of the house must know them."""

from api.http.subject import Subject
from api.senders.routes import router

SUBJECT = Subject(
    company=(router,),
    examples={
        "address": "maria@example.com",
        "daily_limit": 50,
        "display_name": "Maria Costa",
        "health": {"problem": None, "warmup_score": 97, "sent_today": 12, "limits": {}},
    },
)
