"""Keeps a company's do-not-contact lists in its account's own block list too: a second wall, behind ours.

Only where one company uses the account: what stands on a shared account's list would hold for its neighbours. What was
put there is remembered, so that nothing else of the list is ever taken off it.
"""

from typing import Any

import structlog

from api.db.queries import beside
from api.worker.lanes import AGAIN, Lane
from providers.errors import Refused

SQL = beside(__file__, "block_lists.sql")
log = structlog.stdlib.get_logger("outbound.suppressions")
ADDED_AT_ONCE, REMOVED_AT_ONCE = 500, 20
REFUSED_SECONDS = 86_400.0  # a key without the right to the list is given it by hand, if at all


async def sync_block_list(lane: Lane) -> float | None:
    """Put on the account's list what is missing there, take off what we have put there and is wanted no more."""
    if not lane.provider.traits.block_list:
        return None
    account = {"account_id": lane.account_id}
    async with lane.transaction() as tx:
        if await tx.one(SQL.begin_block_list, account) is None:
            return None
    try:
        if await _change(lane, account):
            return None
        seconds = 0.0
    except Refused as error:
        log.warning("block list refused", account_id=str(lane.account_id), status=error.status)
        seconds = REFUSED_SECONDS
    async with lane.transaction() as tx:
        await tx.run(SQL.look_again, {**account, "seconds": seconds})
    return None if seconds else AGAIN


async def _change(lane: Lane, account: dict[str, Any]) -> bool:
    """Change the list until it is right, and read it back; False where the lane's time is up before."""
    while True:
        async with lane.transaction() as tx:
            gone = [
                row["entry"] for row in await tx.many(SQL.entries_to_remove, {**account, "amount": REMOVED_AT_ONCE})
            ]
            fresh = [row["entry"] for row in await tx.many(SQL.entries_to_add, {**account, "amount": ADDED_AT_ONCE})]
        if gone:
            await lane.client.block_list.remove(gone)
            async with lane.transaction() as tx:
                await tx.run(SQL.note_removed, {**account, "entries": gone})
        if fresh:
            await lane.client.block_list.add(fresh)
            async with lane.transaction() as tx:
                await tx.run(SQL.note_added, {**account, "entries": fresh})
        if not gone and not fresh:
            break
        if lane.out_of_time:
            return False
    async with lane.transaction() as tx:
        unread = await tx.one(SQL.unread_entries, account)
    if unread and unread["amount"]:
        shown = await lane.client.block_list.entries()
        async with lane.transaction() as tx:
            await tx.run(SQL.note_read, {**account, "entries": sorted(shown)})
    return True
