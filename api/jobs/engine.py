"""What every job needs of its process: settings, keys, and the worker's connections."""

from dataclasses import dataclass

from api.crypto import Vault
from api.db import Database
from api.settings import Settings


@dataclass(frozen=True)
class Engine:
    """One worker process."""

    settings: Settings
    vault: Vault
    db: Database

    def provider_url(self, provider: str) -> str:
        """Return where a provider is reached: a setting, so that a simulator can stand in."""
        return {"smartlead": self.settings.smartlead_url}[provider]

    def requests_per_minute(self, provider: str) -> int:
        """Return the request budget of one account."""
        return {"smartlead": self.settings.smartlead_requests_per_minute}[provider]
