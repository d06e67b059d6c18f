"""What every job needs of its process: settings, keys, and the worker's connections."""

from dataclasses import dataclass
from uuid import UUID

from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import SealedField, Vault
from api.db.pool import Database
from api.settings import Settings
from providers.http import HttpClients


@dataclass(frozen=True)
class Engine:
    """One worker process. `http` is its way to the providers."""

    settings: Settings
    vault: Vault
    db: Database
    http: HttpClients
    unsubscribe_links: UnsubscribeLinks

    def hook_url(self, org_id: UUID, connection_id: UUID, sealed_token: bytes) -> str:
        """Return where a connection's provider sends its webhooks."""
        place = SealedField(org_id, "connections", "hook_token", connection_id)
        return f"{self.settings.public_url}/hooks/{self.vault.unseal(bytes(sealed_token), place).decode()}"
