"""Smartlead: calls (`client`, `inbox`), translation (`mapping`, `facts`) and webhooks (`webhooks`)."""

from providers.base import Gate
from providers.models import Features, ProviderEvent
from providers.smartlead.client import SmartleadClient
from providers.smartlead.webhooks import parse


class Smartlead:
    """What is known of Smartlead without an account."""

    # 400 leads a request is today's limit and 100 the oldest one on record: 100 is safe everywhere.
    # A second reply to a mail moves no counter.
    # A second reply to one mail moves no figure.
    features = Features(capability="email_outreach", leads_per_request=100, pauses_leads=True, look_every=4)

    def client(self, api_key: str, *, base_url: str, timeout: float, gate: Gate) -> SmartleadClient:
        """Return a client for one account."""
        return SmartleadClient(api_key, base_url=base_url, timeout=timeout, gate=gate)

    def parse_webhook(self, body: bytes) -> list[ProviderEvent]:
        """Return the facts of one webhook body."""
        return parse(body)


SMARTLEAD = Smartlead()
