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
    rows={
        "conversations": {
            "connection_id": "$connections",
            "campaign_id": "$campaigns",
            "lead_id": "$leads",
            "last_message_at": "2026-01-01T00:00:00Z",
        },
        "messages": {
            "conversation_id": "$conversations",
            "direction": "incoming",
            "state": "received",
            "text": "Hello",
        },
    },
)
