"""What people write back, as the rest of the house must know it."""

from api.conversations.routes import router
from api.http.subject import Subject

SUBJECT = Subject(
    company=(router,),
    examples={"direction": "outgoing"},
    bodies={
        ("PATCH", "/v1/conversations/{conversation_id}"): {"read": True},
        ("POST", "/v1/conversations/{conversation_id}/reply"): {"text": "$mark"},
    },
)
