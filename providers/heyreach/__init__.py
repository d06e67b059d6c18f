"""HeyReach: its calls (`campaigns`, `leads`, `inbox`, `webhooks`), translation (`mapping`, `facts`,
`senders`, `sequences`) and its webhooks' bodies (`parser`).

Its reference is https://documenter.getpostman.com/view/23808049/2sA2xb5F75; creating and editing campaigns is described
at https://heyreach.io/blog/campaign-api.
"""

from providers.contract import Access, Provider, ProviderClient
from providers.heyreach.calls import Calls
from providers.heyreach.campaigns import HeyReachCampaigns
from providers.heyreach.inbox import HeyReachInbox
from providers.heyreach.leads import HeyReachLeads
from providers.heyreach.parser import parse
from providers.heyreach.senders import HeyReachAccount
from providers.heyreach.webhooks import HeyReachWebhooks
from providers.models import Fact, Features, Limits, Traits


def connect(access: Access) -> ProviderClient:
    """Return a client for one workspace."""
    calls = Calls(access)
    campaigns = HeyReachCampaigns(calls)
    return ProviderClient(
        account=HeyReachAccount(calls),
        campaigns=campaigns,
        leads=HeyReachLeads(calls, campaigns),
        inbox=HeyReachInbox(calls),
        webhooks=HeyReachWebhooks(calls),
    )


HEYREACH = Provider(
    key="heyreach",
    title="HeyReach",
    capability="linkedin_outreach",
    url="https://api.heyreach.io",
    limits=Limits(leads_per_request=100, requests_per_minute=300, burst_seconds=2.0),
    features=Features(
        step_types=("connection_request", "message", "inmail", "profile_view", "follow"),
        events=(Fact.REQUEST_SENT, Fact.REQUEST_ACCEPTED, Fact.SENT, Fact.REPLIED, Fact.AUTO_REPLIED),
        inmail=True,
    ),
    traits=Traits(
        starts_before_leads=True,
        edits_at_rest=True,
        absence_proves=False,
        read_every=1,  # webhooks tell first replies only, and whether a second one counts is not said
    ),
    connect=connect,
    parse_webhook=parse,
)
