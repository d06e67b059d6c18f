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
