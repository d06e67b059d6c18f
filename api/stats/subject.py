"""Figures, as the rest of the house must know them."""

from api.http.subject import Subject
from api.stats.routes import partner_router, router

SUBJECT = Subject(
    company=(router,),
    partner=(partner_router,),
    examples={
        "day": "2026-11-22",
        "from": "2026-11-01",
        "group_by": "day",
        "sent": 120,
        "to": "2026-11-30",
    },
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
        "handover_counts": {"campaign_id": "$campaigns", "hour": "2026-01-02T00:00:00Z", "amount": 1},
    },
)
