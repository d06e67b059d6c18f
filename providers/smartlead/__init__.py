"""Smartlead: its calls (`campaigns`, `leads`, `inbox`, `webhooks`, `block_list`), translation (`mapping`, `facts`,
`senders`) and its webhooks' bodies (`parser`).

Its reference is https://api.smartlead.ai/api-reference, with a document at
https://api.smartlead.ai/api-reference/openapi.yaml.
"""

from providers.contract import Access, Provider, ProviderClient
from providers.models import Fact, Features, Limits, Traits
from providers.smartlead.block_list import SmartleadBlockList
from providers.smartlead.calls import Calls
from providers.smartlead.campaigns import SmartleadCampaigns
from providers.smartlead.inbox import SmartleadInbox
from providers.smartlead.leads import SmartleadLeads
from providers.smartlead.mapping import MOST_FIELDS
from providers.smartlead.parser import parse
from providers.smartlead.senders import SmartleadAccount
from providers.smartlead.webhooks import SmartleadWebhooks


def connect(access: Access) -> ProviderClient:
    """Return a client for one account."""
    calls = Calls(access)
    leads = SmartleadLeads(calls)
    return ProviderClient(
        account=SmartleadAccount(calls),
        campaigns=SmartleadCampaigns(calls),
        leads=leads,
        inbox=SmartleadInbox(calls, leads),
        webhooks=SmartleadWebhooks(calls),
        block_list=SmartleadBlockList(calls),
    )


SMARTLEAD = Provider(
    key="smartlead",
    title="Smartlead",
    capability="email_outreach",
    url="https://server.smartlead.ai",
    limits=Limits(
        leads_per_request=100,  # 400 is today's limit and 100 the oldest one on record: 100 is safe everywhere
        requests_per_minute=60,
        burst_seconds=2.0,
        requests_per_hour=1000,
    ),
    features=Features(
        step_types=("email",),
        events=(
            Fact.SENT, Fact.OPENED, Fact.CLICKED, Fact.REPLIED, Fact.AUTO_REPLIED, Fact.BOUNCED,
            Fact.UNSUBSCRIBED, Fact.INTERESTED, Fact.LABELLED,
        ),
        lead_pause=True,
        warmup=True,
        track_opens=True,
        track_clicks=True,
        plain_text=True,
        stop_domain_on_reply=True,
        unsubscribe_header="theirs",
        lead_fields=MOST_FIELDS,
    ),
    traits=Traits(
        read_every=4,  # a second reply to one mail moves no figure
        block_list=True,
    ),
    connect=connect,
    parse_webhook=parse,
)  # fmt: skip
