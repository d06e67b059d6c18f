"""Looks up, once a day, what the DNS says of the domains that an account's mailboxes send from."""

import json
from dataclasses import asdict
from functools import lru_cache

from api.connections.mail_auth import look_up, resolver_of
from api.db.queries import beside
from api.worker.lanes import AGAIN, Lane

SQL = beside(__file__, "domain_jobs.sql")
resolver = lru_cache(maxsize=4)(resolver_of)


async def check_domains(lane: Lane) -> float | None:
    """Look up the domains whose last look is a day old. What fails is not known, and looked up again tomorrow."""
    asks = resolver(lane.engine.settings.dns_servers)
    async with lane.transaction() as tx:
        due = await tx.many(SQL.domains_due, {"account_id": lane.account_id})
    for row in due:
        found = None
        if asks is not None:
            async with lane.turn.outside():
                found = await look_up(asks, row["domain"])
        auth = None if found is None else json.dumps(asdict(found))
        async with lane.transaction() as tx:
            await tx.run(SQL.note_domain, {"account_id": lane.account_id, **row, "auth": auth})
        if lane.out_of_time:
            return AGAIN
    return AGAIN if len(due) == 10 else None
