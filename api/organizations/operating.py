"""The operator's hand without a request: for the command line and for the development seed."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from api.crypto import Vault
from api.db import Database
from api.organizations.tenants import Operator
from api.settings import Settings


@asynccontextmanager
async def operating(settings: Settings) -> AsyncGenerator[Operator]:
    """Open the platform's pool and return an operator; nothing of it outlives the block."""
    db = Database(settings, Vault.from_settings(settings), tiers=("platform",))
    await db.open()
    try:
        yield Operator(db)
    finally:
        await db.close()
