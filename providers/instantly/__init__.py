"""Instantly: calls (`client`, `inbox`), translation (`mapping`, `facts`, `timezones`) and webhooks (`webhooks`)."""

from providers.base import Gate
from providers.instantly.client import InstantlyClient
from providers.instantly.webhooks import parse
from providers.models import Features, ProviderEvent


class Instantly:
    """What is known of Instantly without an account."""

    # 1000 leads a request is the limit; about 100 is what its makers advise.
    features = Features(capability="email_outreach", leads_per_request=100)

    def client(self, api_key: str, *, base_url: str, timeout: float, gate: Gate) -> InstantlyClient:
        """Return a client for one workspace."""
        return InstantlyClient(api_key, base_url=base_url, timeout=timeout, gate=gate)

    def parse_webhook(self, body: bytes) -> list[ProviderEvent]:
        """Return the facts of one webhook body."""
        return parse(body)


INSTANTLY = Instantly()
