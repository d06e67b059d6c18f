"""What every job needs of its process, and what it says when it ends."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import SealedField, Vault
from api.db.pool import Database
from api.settings import Settings
from providers.http import HttpClients


@dataclass(frozen=True)
class Again:
    """In how many seconds a task is to run again, 0 for at once. `seen` is how often its lane had been given another
    time when it looked, where it looked: who has given it one since is not overruled."""

    seconds: float | None
    seen: int | None = None


@dataclass(frozen=True)
class Engine:
    """One worker process. `http` is its way to the providers; `turns` are the lanes that work at the same time, without
    those that wait for a provider."""

    settings: Settings
    vault: Vault
    db: Database
    http: HttpClients
    unsubscribe_links: UnsubscribeLinks
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))

    def hook_url(self, org_id: UUID, connection_id: UUID, sealed_token: bytes) -> str:
        """Return where a connection's provider sends its webhooks."""
        place = SealedField(org_id, "connections", "hook_token", connection_id)
        return f"{self.settings.public_url}/hooks/{self.vault.unseal(bytes(sealed_token), place).decode()}"


class Turn:
    """A lane's share of the process, which it gives back while it waits for a provider."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns = turns
        self._taken = False

    async def __aenter__(self) -> "Turn":
        await self._turns.acquire()
        self._taken = True
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._taken:
            self._taken = False
            self._turns.release()

    @asynccontextmanager
    async def outside(self) -> AsyncGenerator[None]:
        """Wait for something outside: others work meanwhile."""
        if self._taken:
            self._taken = False
            self._turns.release()
        try:
            yield
        finally:
            await self._turns.acquire()
            self._taken = True
