"""What connections need of a provider: checking a key while it is given, and reading the senders behind it."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from uuid import UUID

import structlog

from api.db.open_transactions import assert_no_transaction
from api.db.pool import Tx
from api.db.queries import beside
from api.worker.lanes import AGAIN, Lane, is_of_account
from providers.contract import Access
from providers.errors import Passing, ProviderError, Refused
from providers.http import HttpClients
from providers.models import SenderSeen
from providers.registry import PROVIDERS

SQL = beside(__file__, "jobs.sql")
log = structlog.stdlib.get_logger("outbound.connections")
VERIFY_SECONDS = 6.0
SENDERS_SECONDS = 4.0  # what is not read by then, the lane reads


@dataclass(frozen=True)
class Verified:
    """A key that works, and the senders behind it; None where they could not be read in time."""

    senders: list[SenderSeen] | None


async def verify(provider: str, api_key: str, *, base_url: str, clients: HttpClients) -> Verified:
    """Ask the provider whether it knows the key, within ten seconds in all. Raises ProviderError or TimeoutError."""
    access = Access(api_key, base_url, VERIFY_SECONDS, _no_transaction, clients.of(provider))
    client = PROVIDERS[provider].connect(access)
    senders = None
    async with asyncio.timeout(VERIFY_SECONDS):
        await client.account.verify()
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(SENDERS_SECONDS):
            senders = await client.account.list_senders()
    return Verified(senders)


async def _no_transaction(spacing: float = 0.0) -> None:  # noqa: ARG001
    assert_no_transaction()


async def read_senders(lane: Lane) -> float | None:
    """Read what the account can send from, once an hour."""
    async with lane.transaction() as tx:
        row = await tx.one(SQL.senders_fresh, {"account_id": lane.account_id})
    if row is None or row["are_fresh"] is not False:
        return None
    seen = await lane.client.account.list_senders()
    async with lane.transaction() as tx:
        await store_senders(tx, lane.account_id, seen)
    return None


async def take_webhooks_away(lane: Lane) -> float | None:
    """Have nothing sent to connections that are closing, as long as there is a key to say so with."""
    async with lane.transaction() as tx:
        due = await tx.many(SQL.webhooks_to_take_away, {"account_id": lane.account_id})
    for row in due:
        url = lane.engine.hook_url(lane.org_id, row["connection_id"], row["hook_token"])
        try:
            await lane.client.webhooks.delete(row["external_id"], url)
        except Refused as error:  # the campaign is gone, and its webhook with it
            log.info("webhook not taken away", campaign_id=str(row["campaign_id"]), status=error.status)
        except Passing as error:
            if is_of_account(error):
                raise
            log.warning("webhook left behind", campaign_id=str(row["campaign_id"]), status=error.status)
            return None  # nothing that is only tidy may stand between a connection and its end
        async with lane.transaction() as tx:
            await tx.run(SQL.forget_webhook, row)
        if lane.out_of_time:
            return AGAIN
    return AGAIN if len(due) == 50 else None


async def finish_closing(lane: Lane) -> float | None:
    """Destroy the keys of connections that are closing, once nothing is left to be told."""
    async with lane.transaction() as tx:
        await tx.run(SQL.fail_answers, {"account_id": lane.account_id})
        await tx.run(SQL.finish_closing, {"account_id": lane.account_id})
    return None


async def lock_account(tx: Tx, account_id: UUID) -> None:
    """Lock an account: before the connections, senders and campaigns of its companies."""
    await tx.run(SQL.lock_account, {"account_id": account_id})


async def store_senders(tx: Tx, account_id: UUID, senders: Sequence[SenderSeen]) -> None:
    """Keep an account's senders, and give each company those that are its own."""
    rows = [
        {
            "external_id": sender.external_id,
            "address": sender.address,
            "display_name": sender.display_name,
            "status": "active" if sender.active else "disconnected",
            "daily_limit": sender.daily_limit,
            "warmup_status": sender.warmup_status,
            "health": asdict(sender.health),
        }
        for sender in senders
    ]
    account = {"account_id": account_id}
    await lock_account(tx, account_id)
    await tx.run(SQL.put_account_senders, {**account, "senders": json.dumps(rows)})
    await tx.run(SQL.inherit_senders, account)
    await tx.run(SQL.share_same, account)
    await tx.run(SQL.assign_unshared, account)
    await sync_senders(tx, account_id)


async def sync_senders(tx: Tx, account_id: UUID) -> None:
    """Make the senders of an account's companies what is assigned to them."""
    account = {"account_id": account_id}
    await tx.run(SQL.update_senders, account)
    await tx.run(SQL.disconnect_senders, account)
    await tx.run(SQL.add_senders, account)
