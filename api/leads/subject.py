"""People, and who is in which campaign, as the rest of the house must know them."""

from api.errors import METADATA, reference
from api.http.subject import Subject
from api.leads.importing import PEOPLE
from api.leads.people import router as people_router
from api.leads.routes import router
from api.leads.schemas import LeadsAdd

SUBJECT = Subject(
    company=(router, people_router),
    lists={"leads": PEOPLE},
    constraints={"leads_company": reference("company_id"), "leads_metadata": METADATA},
    examples={
        "added": 1,
        "company_name": "Birch Software",
        "custom": {"city": "Lisbon"},
        "first_name": "Maria",
        "index": 0,
        "last_event_at": None,
        "last_name": "Costa",
        "linkedin_url": None,
        "received": 1,
    },
    models=(LeadsAdd,),
    bodies={
        ("POST", "/v1/campaigns/{campaign_id}/leads"): {"leads": [{"email": "$email"}]},
        ("POST", "/v1/campaigns/{campaign_id}/leads:inspect"): {"leads": [{"email": "$email"}]},
        ("PATCH", "/v1/leads/{lead_id}"): {"first_name": "$mark"},
    },
)
