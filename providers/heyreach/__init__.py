"""HeyReach: calls (`client`, `hooks`, `inbox`), translation (`mapping`, `facts`) and webhooks (`webhooks`)."""

from providers.base import Gate
from providers.heyreach.client import HeyReachClient
from providers.heyreach.webhooks import parse
from providers.models import Features, ProviderEvent


class HeyReach:
    """What is known of HeyReach without an account."""

    features = Features(
        capability="linkedin_outreach",
        leads_per_request=100,
        starts_before_leads=True,
        edits_at_rest=True,
        absence_proves=False,
        blocks=False,
        look_every=1,  # webhooks tell first replies only, and whether a second one counts is not said
        step_types=("connection_request", "message", "inmail", "profile_view", "follow"),
    )

    def client(self, api_key: str, *, base_url: str, timeout: float, gate: Gate) -> HeyReachClient:
        """Return a client for one workspace."""
        return HeyReachClient(api_key, base_url=base_url, timeout=timeout, gate=gate)

    def parse_webhook(self, body: bytes) -> list[ProviderEvent]:
        """Return the facts of one webhook body."""
        return parse(body)


HEYREACH = HeyReach()
