"""Accounts at providers, as the rest of the house must know them."""

from api.connections.account_senders import router as account_senders
from api.connections.binding import router as binding
from api.connections.routes import router
from api.errors import reference
from api.http.subject import Subject

SUBJECT = Subject(
    partner=(router, account_senders, binding),
    constraints={"connections_company": reference("company_id"), "connections_provider": reference("provider")},
    examples={"api_key": "the-account's-key", "provider": "smartlead"},
    bodies={
        ("POST", "/partner/v1/connections"): {
            "company_id": "$spare_company_id",
            "provider": "smartlead",
            "credential": {"api_key": "$api_key"},
        },
        ("POST", "/partner/v1/connections/{connection_id}/rotate"): {"credential": {"api_key": "$api_key"}},
        ("PATCH", "/partner/v1/connections/{connection_id}"): {"weight": 2},
        ("PUT", "/partner/v1/campaigns/{campaign_id}/binding"): {"external_id": "$mark"},
        ("PUT", "/partner/v1/senders/{sender_id}"): {"company_id": "$company_id"},
    },
)
