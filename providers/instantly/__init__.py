"""Instantly: its calls (`campaigns`, `leads`, `inbox`, `webhooks`, `block_list`), translation (`mapping`, `facts`,
`senders`, `timezones`) and its webhooks' bodies (`parser`).

Its reference is https://api.instantly.ai/openapi/api_v2.json; rate limits and webhook events have guides at
https://developer.instantly.ai.
"""

from providers.contract import Access, Provider, ProviderClient
from providers.instantly.block_list import InstantlyBlockList
from providers.instantly.calls import Calls
from providers.instantly.campaigns import InstantlyCampaigns
from providers.instantly.inbox import InstantlyInbox
from providers.instantly.leads import InstantlyLeads
from providers.instantly.parser import parse
from providers.instantly.senders import InstantlyAccount
from providers.instantly.timezones import ACCEPTED
from providers.instantly.webhooks import InstantlyWebhooks
from providers.models import Fact, Features, Limits, Traits


def connect(access: Access) -> ProviderClient:
    """Return a client for one workspace."""
    calls = Calls(access)
    return ProviderClient(
        account=InstantlyAccount(calls),
        campaigns=InstantlyCampaigns(calls),
        leads=InstantlyLeads(calls),
        inbox=InstantlyInbox(calls),
        webhooks=InstantlyWebhooks(calls),
        block_list=InstantlyBlockList(calls),
    )


INSTANTLY = Provider(
    key="instantly",
    title="Instantly",
    capability="email_outreach",
    url="https://api.instantly.ai",
    limits=Limits(
        leads_per_request=100,  # 1000 is the limit; about 100 is what its makers advise
        requests_per_minute=600,
        burst_seconds=1.0,
    ),
    features=Features(
        step_types=("email",),
        events=(
            Fact.SENT, Fact.OPENED, Fact.CLICKED, Fact.REPLIED, Fact.AUTO_REPLIED, Fact.BOUNCED,
            Fact.UNSUBSCRIBED, Fact.INTERESTED, Fact.LABELLED,
        ),
        warmup=True,
        track_opens=True,
        track_clicks=True,
        plain_text=True,
        stop_domain_on_reply=True,
        unsubscribe_header="theirs",
    ),
    traits=Traits(block_list=True),
    connect=connect,
    parse_webhook=parse,
    timezones=ACCEPTED,
)  # fmt: skip
