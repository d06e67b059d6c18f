"""Campaigns, as the rest of the house must know them."""

from api.campaigns.figures import router as figures
from api.campaigns.lifecycle import router as lifecycle
from api.campaigns.preparing import router as preparing
from api.campaigns.routes import router
from api.campaigns.sequence_schemas import STEP_TYPES
from api.errors import METADATA, check, reference, state
from api.http.subject import Subject

SUBJECT = Subject(
    company=(router, lifecycle, figures, preparing),
    constraints={
        "campaigns_company": reference("company_id"),
        "campaign_senders_sender": reference("sender_ids"),
        "campaigns_window": check("/schedule", "empty_window", "`start` must be before `end`."),
        "campaigns_metadata": METADATA,
        "campaigns_tenant_open": state(
            "company_suspended", "The company is suspended or being deleted; nothing can start."
        ),
    },
    examples={
        "failed_by_reason": {"not_accepted": 1},
        "body": "<p>Hello {{first_name}}, is {{custom.city}} still home?</p>",
        "days": [1, 2, 3, 4, 5],
        "end": "17:00",
        "max_new_leads_per_day": 100,
        "minutes_between_sends": 10,
        "pause_reason": None,
        "position": 1,
        "start": "09:00",
        "started_at": None,
        "subject": "Hello {{first_name}}",
        "timezone": "Europe/Lisbon",
    },
    union_tags=frozenset(tag for tags in STEP_TYPES.values() for tag in tags),
    bodies={
        ("POST", "/v1/campaigns"): {"name": "$mark", "capability": "email_outreach"},
        ("PUT", "/v1/campaigns/{campaign_id}/sequence"): {
            "steps": [{"type": "email", "delay_days": 0, "subject": "Hello", "body": "<p>Hi</p>"}]
        },
        ("POST", "/v1/campaigns/{campaign_id}/clone"): {"name": "$mark"},
        ("POST", "/v1/campaigns/{campaign_id}/sequence/preview"): {},
        ("PUT", "/v1/campaigns/{campaign_id}/senders"): {"sender_ids": ["$sender_id"]},
    },
)
