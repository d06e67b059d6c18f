"""Who changed what, as the rest of the house must know it."""

from api.audit_log.routes import own_router, router
from api.http.subject import Subject

SUBJECT = Subject(
    company=(own_router,),
    partner=(router,),
    examples={
        "action": "create_campaign",
        "credential_id": "0196a7c2-6f3e-7d51-8a44-0f6b7c9d2e13",
        "target": {"id": "0196a7c2-6f3e-7d51-8a44-0f6b7c9d2e11"},
    },
)
