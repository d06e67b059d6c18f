"""What has happened, as the rest of the house must know it."""

from api.events.routes import router
from api.http.subject import Subject

SUBJECT = Subject(
    company=(router,),
    examples={"sequence": 42},
    rows={
        "stats_hourly": {
            "campaign_id": "$campaigns",
            "hour": "2026-01-02T00:00:00Z",
            "type": "message.opened",
            "amount": 1,
        },
        "stats_totals": {"campaign_id": "$campaigns", "type": "message.opened", "amount": 1},
        "campaign_lead_counts": {
            "campaign_id": "$campaigns",
            "status": "active",
            "push_state": "pushed",
            "amount": 1,
        },
    },
)
