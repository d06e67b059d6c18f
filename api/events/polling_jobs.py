"""Polls for what no webhook brought: a campaign's figures now and then, and its facts when they have moved.

What comes by polling is recorded like what comes by webhook, under the same keys, so that both together give each event
once. A poll also checks that the provider's webhooks are still on: deleted or disabled ones are registered again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from api.db.pool import Row
from api.db.queries import beside
from api.events.jobs import project_facts
from api.worker.lanes import AGAIN, Lane
from providers.errors import Refused
from providers.models import Fact, HookState, ProviderEvent

SQL = beside(__file__, "polling_jobs.sql")
log = structlog.stdlib.get_logger("outbound.polling")
UNTOLD = frozenset({Fact.SENT, Fact.BOUNCED, Fact.REQUEST_SENT})  # kinds that every webhook tells within minutes


async def poll_campaigns(lane: Lane) -> float | None:
    """Ask for the figures of the account's campaigns that are due, and for the facts of those whose have moved."""
    params = {"account_id": lane.account_id, "every": lane.engine.settings.poll_seconds}
    async with lane.transaction() as tx:
        if params["every"] == 0:
            await tx.run(SQL.forget_polls, params)
            return None
        await tx.run(SQL.plan_polls, params)
        due = await tx.many(SQL.campaigns_to_poll, {**params, "read_every": lane.provider.traits.read_every})
    moved: list[Row] = []
    for campaign in due:
        if await _has_moved(lane, campaign):
            moved.append(campaign)
        if lane.out_of_time:
            break
    if moved:
        await _read(lane, moved)
    return AGAIN if lane.out_of_time and len(due) > len(moved) else None


async def _has_moved(lane: Lane, campaign: Row) -> bool:
    """Look at a campaign's webhook and figures; where those have not moved, it is done until next time."""
    if campaign["check_hook"]:
        await _check_hook(lane, campaign)
    try:
        campaign["seen"] = asdict(await lane.client.inbox.read_figures(campaign["external_id"]))
    except Refused:
        campaign["seen"] = None  # it is gone there
    has_moved = campaign["seen"] is not None and (campaign["seen"] != campaign["figures"] or campaign["look"])
    if not has_moved:
        await _note(lane, campaign, read=False)
    return has_moved


async def _check_hook(lane: Lane, campaign: Row) -> None:
    """Look whether a campaign's webhook still tells, and mend it where it does not, as far as the plan has webhooks."""
    url = lane.engine.hook_url(lane.org_id, campaign["connection_id"], campaign["hook_token"])
    state = HookState.MISSING
    try:
        state = await lane.client.webhooks.check(campaign["external_id"], url)
        if state is not HookState.WORKING:
            log.warning("webhook mended", campaign_id=str(campaign["id"]), state=state)
            await lane.client.webhooks.put(campaign["external_id"], url)
    except Refused as error:
        log.warning("webhook not mended", campaign_id=str(campaign["id"]), status=error.status)
    async with lane.transaction() as tx:
        await tx.run(SQL.note_hook, {**campaign, "state": state})


async def _read(lane: Lane, moved: Sequence[Row]) -> None:
    """Fetch what has happened in these campaigns since each was last polled, and write down what is new."""
    began = datetime.now(UTC)
    facts = await _facts(lane, moved)
    for connection_id in {campaign["connection_id"] for campaign in moved}:
        ours = [campaign for campaign in moved if campaign["connection_id"] == connection_id]
        await _write(lane, ours, facts, began)
    for campaign in moved:
        await _note(lane, campaign, read=True)


async def _facts(lane: Lane, moved: Sequence[Row]) -> list[ProviderEvent]:
    """Ask for all campaigns at once; where that is refused, one by one, so that one of them keeps no other back."""
    since = min(campaign["since"] for campaign in moved)
    try:
        return await lane.client.inbox.read_facts([campaign["external_id"] for campaign in moved], since)
    except Refused as error:
        log.warning("facts not told", account_id=str(lane.account_id), campaigns=len(moved), status=error.status)
        if len(moved) == 1:
            return []
    return [fact for campaign in moved for fact in await _facts(lane, [campaign])]


async def _write(lane: Lane, campaigns: Sequence[Row], facts: Sequence[ProviderEvent], began: datetime) -> None:
    ids = {campaign["external_id"] for campaign in campaigns}
    company_id: UUID = campaigns[0]["company_id"]
    connection_id: UUID = campaigns[0]["connection_id"]
    theirs = [fact for fact in facts if fact.external_campaign_id in ids]
    if not theirs:
        return
    async with lane.transaction() as tx:
        new = await project_facts(tx, company_id, connection_id, theirs)
        late = lane.engine.settings.poll_seconds
        if missed := [fact for fact in new if _should_have_come_by_webhook(fact, began, late)]:
            log.warning("facts that nobody told", connection_id=str(connection_id), facts=len(missed))
            await tx.run(SQL.note_missed, {"connection_id": connection_id})


def _should_have_come_by_webhook(fact: dict[str, Any], began: datetime, late: float) -> bool:
    """Tell whether a webhook has had time enough to bring a fact that only asking has shown."""
    return fact["type"] in UNTOLD and fact["timed"] and (began - fact["occurred_at"]).total_seconds() > late / 2


async def _note(lane: Lane, campaign: Row, *, read: bool) -> None:
    figures = None if campaign["seen"] is None else json.dumps(campaign["seen"])
    async with lane.transaction() as tx:
        every = lane.engine.settings.poll_seconds
        await tx.run(SQL.note_polled, {**campaign, "figures": figures, "every": every, "read": read})
