"""What an operator does to organizations, for the API and for the command line alike.

Every function opens one organization by itself; nothing here sees two tenants at once.
"""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.access.vault import Vault, last_four
from api.db.ids import new_id
from api.db.pool import Database, Row, Tx
from api.db.queries import beside
from api.errors import Conflict
from api.http.responses import check_match, or_404
from api.settings import Settings
from api.telemetry.logs import request_id_var

SQL = beside(__file__, "platform.sql")
OPERATOR = "operator"  # the subject of the command line's tickets


@dataclass(frozen=True)
class Operator:
    """A caller with a platform token (`subject` is its HMAC), or our own command line."""

    db: Database
    vault: Vault
    subject: str = OPERATOR

    async def list_ids(self, before: UUID | None, amount: int) -> Sequence[UUID]:
        """Return the ids of organizations, newest first."""
        async with self.db.by_operator(self.subject) as tx:
            rows = await tx.many(SQL.list_tenants, {"before": before, "amount": amount})
        return [row["org_id"] for row in rows]

    async def get(self, org_id: UUID) -> bytes:
        """Return one organization's document; NotFound when there is none."""
        async with self.db.by_operator(self.subject, org_id) as tx:
            return or_404(await tx.body(SQL.get_organization))

    async def create(self, name: str, slug: str, metadata: dict[str, str], *, sandbox: bool = False) -> dict[str, Any]:
        """Make an organization and its first token, and return both."""
        org_id = new_id()
        params = {"id": org_id, "name": name, "slug": slug, "metadata": json.dumps(metadata), "sandbox": sandbox}
        async with self.db.by_operator(self.subject, org_id) as tx:
            await tx.run(SQL.create_organization, params)
            token = await _new_token(tx, self.vault, "first token")
            await _note(tx, "create_organization")
            document = json.loads(or_404(await tx.body(SQL.get_organization)))
        return {**document, "api_token": token["token"]}

    async def change(self, org_id: UUID, change: dict[str, Any], if_match: str | None = None) -> bytes:
        """Change an organization and return its document."""
        async with self.db.by_operator(self.subject, org_id) as tx:
            locked = or_404(await tx.one(SQL.get_organization))
            check_match(if_match, locked["body"])
            await _change(tx, locked, change)
            await _note(tx, "update_organization")
            return or_404(await tx.body(SQL.get_organization))

    async def delete(self, org_id: UUID) -> bytes:
        """Begin to delete an organization: everything is paused and refused at once, and goes when it has stopped."""
        async with self.db.by_operator(self.subject, org_id) as tx:
            locked = or_404(await tx.one(SQL.get_organization))
            if locked["status"] != "deleting":
                await _change(tx, locked, {"status": "deleting"})
                await _note(tx, "delete_organization")
            return or_404(await tx.body(SQL.get_organization))

    async def new_org_token(self, org_id: UUID, name: str) -> Row:
        """Make one more token that speaks for an organization."""
        async with self.db.by_operator(self.subject, org_id) as tx:
            or_404(await tx.one(SQL.get_organization))
            token = await _new_token(tx, self.vault, name)
            await _note(tx, "create_org_token", {"id": str(token["id"])})
        return token

    async def stop(self, org_id: UUID, company_id: UUID | None = None) -> int:
        """Pause all that runs in an organization or a company, and return how many campaigns that were."""
        async with self.db.by_operator(self.subject, org_id) as tx:
            row = or_404(await tx.one(SQL.stop, {"company_id": company_id}))
            await _note(tx, "stop", {"company_id": str(company_id)} if company_id else {})
        return int(row["paused"])


@asynccontextmanager
async def operating(settings: Settings) -> AsyncGenerator[Operator]:
    """Open the platform's pool and return an operator without a request; nothing of it outlives the block."""
    db = Database(settings, tiers=("platform",))
    await db.open()
    try:
        yield Operator(db, Vault.from_settings(settings))
    finally:
        await db.close()


async def _change(tx: Tx, locked: Row, change: dict[str, Any]) -> None:
    if locked["status"] == "deleting":
        raise Conflict("The organization is being deleted.", code="deleting")
    metadata = change.get("metadata")
    params = {name: change.get(name) for name in ("name", "slug", "status")}
    await tx.run(SQL.update_organization, {**params, "metadata": None if metadata is None else json.dumps(metadata)})


async def _new_token(tx: Tx, keys: Vault, name: str) -> Row:
    token = keys.new_token("org")
    params = {"name": name, "hmac": keys.token_hmac(token), "last_four": last_four(token)}
    return {**or_404(await tx.one(SQL.create_org_token, params)), "token": token}


async def _note(tx: Tx, action: str, target: dict[str, str] | None = None) -> None:
    params = {
        "action": action,
        "target": json.dumps(target or {}),
        "request_id": request_id_var.get() or None,
        "credential_id": tx.auth.credential_id,
    }
    await tx.run(SQL.note_write, params)
