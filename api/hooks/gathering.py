"""Stores webhooks that wait at the same time together: each is answered after the commit that holds it."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from api.access.caller import refused
from api.access.vault import SealedField, Vault
from api.db.ids import new_id
from api.db.pool import Database
from api.db.queries import beside

SQL = beside(__file__)
AT_ONCE, BYTES_AT_ONCE = 64, 4 * 1024 * 1024
KNOWN_SECONDS, MOST_KNOWN = 60.0, 10_000


@dataclass(frozen=True)
class _Waiting:
    """A sealed body that waits to be stored, and what its request waits for."""

    id: UUID
    sha256: bytes
    body: bytes
    stored: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Gathering:
    """The webhooks of one process, by the HMAC of their paths."""

    def __init__(self, db: Database, keys: Vault) -> None:
        self._db = db
        self._keys = keys
        self._waiting: dict[str, list[_Waiting]] = {}
        self._storing: dict[str, asyncio.Task[None]] = {}
        self._known: OrderedDict[str, tuple[UUID, float]] = OrderedDict()

    async def organization_of(self, hook: str) -> UUID:
        """Return whose connection a path belongs to; psycopg raises SQLSTATE 28000 when there is none. Remembered for a
        minute: what is stored is checked again."""
        org_id, until = self._known.get(hook, (None, 0.0))
        if org_id is None or until < time.monotonic():
            async with self._db.by_hook(hook) as tx:
                org_id = tx.auth.org_id
            self._known[hook] = (org_id, time.monotonic() + KNOWN_SECONDS)
            self._known.move_to_end(hook)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return org_id

    async def store(self, hook: str, org_id: UUID, body: bytes) -> None:
        """Return when the body is committed, by itself or with others of its connection. Raises psycopg's error, or
        PoolTimeout, where it is not."""
        row_id = new_id()
        sealed = self._keys.seal(body, SealedField(org_id, "inbound_webhooks", "body", row_id))
        waiting = _Waiting(row_id, hashlib.sha256(body).digest(), sealed)
        self._waiting.setdefault(hook, []).append(waiting)
        if hook not in self._storing:
            self._storing[hook] = asyncio.create_task(self._store(hook))
        await waiting.stored

    async def _store(self, hook: str) -> None:
        """Store what waits for a connection, until nothing does: what comes meanwhile goes together the next time."""
        try:
            while waiting := self._waiting.pop(hook, []):
                for batch in _batches(waiting):
                    await self._commit(hook, batch)
        finally:
            del self._storing[hook]

    async def _commit(self, hook: str, batch: Sequence[_Waiting]) -> None:
        params = {name: [getattr(each, name) for each in batch] for name in ("id", "sha256", "body")}
        try:
            await self._db.store(hook, SQL.accept_webhooks, params)
        except psycopg.Error as error:
            if len(batch) > 1 and _is_of_one(error) and not refused(error):
                for each in batch:  # what is wrong with one of them keeps no other back
                    await self._commit(hook, [each])
                return
            self._known.pop(hook, None)
            _answer(batch, error)
        except Exception as error:  # whatever it was, no request may wait for ever
            _answer(batch, error)
        else:
            _answer(batch, None)


def _is_of_one(error: psycopg.Error) -> bool:
    """Tell whether a batch may have failed for one of its bodies, or for a moment, and not for want of a database."""
    passing = (psycopg.errors.DeadlockDetected, psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
    return isinstance(error, passing) or not isinstance(error, psycopg.OperationalError)


def _batches(waiting: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """Return what waits in as few parts as the limits allow, in the order of their names: two processes that store the
    same bodies take them in the same order."""
    parts: list[list[_Waiting]] = []
    size = BYTES_AT_ONCE
    for each in sorted(waiting, key=lambda each: each.sha256):
        if size + len(each.body) > BYTES_AT_ONCE or len(parts[-1]) == AT_ONCE:
            parts.append([])
            size = 0
        parts[-1].append(each)
        size += len(each.body)
    return parts


def _answer(batch: Sequence[_Waiting], error: Exception | None) -> None:
    for each in batch:
        if each.stored.done():  # the caller has gone
            continue
        if error is None:
            each.stored.set_result(None)
        else:
            each.stored.set_exception(error)
