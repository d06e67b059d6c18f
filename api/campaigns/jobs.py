"""Makes the provider's campaign what ours says: created once, each part put when it differs, then started or paused."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from api.db.pool import Row
from api.db.queries import beside
from api.worker.lanes import AGAIN, Lane
from providers.errors import Refused, Uncertain
from providers.models import Schedule, Settings
from providers.templates import compiled_step, step_of

SQL = beside(__file__, "jobs.sql")
AT_ONCE = 20  # campaigns that a query returns
Put = Callable[[], Awaitable[None]]


def marker(campaign_id: UUID) -> str:
    """Return the text in the provider's campaign name by which a lost creation is found again."""
    return f"obx-{campaign_id.hex}"


async def sync_campaigns(lane: Lane) -> float | None:
    """Carry out the wishes of the account's campaigns, oldest first."""
    async with lane.transaction() as tx:
        due = await tx.many(SQL.campaigns_to_sync, {"account_id": lane.account_id})
    delays: list[float] = []
    for campaign in due:
        try:
            delay = await _sync(lane, campaign)
        except Refused as error:
            await _note(lane, "note_sync_error", campaign, reason=_reason(error))
            continue
        if delay is not None:
            delays.append(delay)
        if lane.out_of_time:  # checked after the work, so that no backlog before this step starves it
            return AGAIN
    return AGAIN if len(due) == AT_ONCE and not delays else min(delays, default=None)


async def _sync(lane: Lane, campaign: Row) -> float | None:
    async with lane.transaction() as tx:
        wanted = await tx.one(SQL.wanted, campaign)
    if wanted is None:
        return None
    wanted["connection_id"] = campaign["connection_id"]
    if wanted["external_id"] is None:
        delay = await _create(lane, wanted)
        if delay is not None:
            return delay
    external_id = str(wanted["external_id"])
    if wanted["managed"] and not await lane.client.campaigns.has_begun(external_id):
        # To begin a campaign that was made by hand there may do more than we can see from here.
        raise _PartRefusedError("not_begun")
    for part, content, put in _parts(lane, wanted):
        if wanted["managed"] and part != "webhook":
            continue
        digest = hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()
        if wanted["parts"].get(part) == digest:
            continue
        at_rest = part == "sequence" or (lane.provider.traits.edits_at_rest and part != "webhook")
        if at_rest and wanted["remote_status"] == "active":
            await lane.client.campaigns.set_active(external_id, False)
            wanted["remote_status"] = "paused"
            await _note(lane, "note_remote_status", wanted, remote_status="paused")
        await _put(part, put)
        await _note(lane, "note_part", wanted, part=part, digest=digest)
    await _note(lane, "note_synced", wanted)
    return None


class _PartRefusedError(Refused):
    """The provider refused one part of a campaign; the text is a neutral code."""


def _reason(error: Refused) -> str:
    if isinstance(error, _PartRefusedError):
        return str(error)
    return "campaign_lost" if error.status == 404 else "refused"


async def _put(part: str, put: Put) -> None:
    try:
        await put()
    except Refused as error:
        raise _PartRefusedError(f"{part}_refused", status=error.status) from error


async def _create(lane: Lane, wanted: Row) -> float | None:
    """Create the campaign, or find the one that an earlier attempt may have created. Return a wait, or None."""
    if wanted["create_age"] is not None:
        remaining = lane.engine.settings.settle_after_seconds - wanted["create_age"]
        if remaining > 0:
            return remaining
        wanted["external_id"] = await lane.client.campaigns.find(marker(wanted["id"]))
    if wanted["external_id"] is None:
        await _note(lane, "note_create_attempt", wanted)
        try:
            wanted["external_id"] = await lane.client.campaigns.create(
                wanted["name"], marker(wanted["id"]), wanted["senders"]
            )
        except Uncertain:
            return lane.engine.settings.settle_after_seconds
        except Refused as error:  # where campaigns cannot be made from here, one that was made by hand can be bound
            raise _PartRefusedError("creation_refused", status=error.status) from error
    await _note(lane, "note_created", wanted)
    return None


def _parts(lane: Lane, wanted: Row) -> list[tuple[str, object, Put]]:
    """Return each part of a campaign: its name, its content, and how to put it there. In the order that is accepted."""
    campaign, client = wanted["external_id"], lane.client
    steps = [compiled_step(step_of(row)) for row in wanted["steps"]]
    schedule = Schedule(
        timezone=wanted["timezone"],
        days=wanted["send_days"],
        start=wanted["send_from"],
        end=wanted["send_until"],
        minutes_between_sends=wanted["minutes_between_sends"],
        max_new_leads_per_day=wanted["max_new_leads_per_day"],
    )
    settings = Settings(
        track_opens=wanted["track_opens"],
        track_clicks=wanted["track_clicks"],
        plain_text=wanted["plain_text"],
        unsubscribe_header=wanted["unsubscribe"] in ("header", "both"),
        stop_domain_on_reply=wanted["stop_domain_on_reply"],
    )
    url = lane.engine.hook_url(lane.org_id, wanted["connection_id"], wanted["hook_token"])
    name_marker = marker(wanted["id"])
    return [
        ("name", wanted["name"], lambda: client.campaigns.put_name(campaign, wanted["name"], name_marker)),
        ("settings", vars(settings), lambda: client.campaigns.put_settings(campaign, settings)),
        ("sequence", [vars(step) for step in steps], lambda: client.campaigns.put_sequence(campaign, steps)),
        ("schedule", vars(schedule), lambda: client.campaigns.put_schedule(campaign, schedule)),
        ("senders", wanted["senders"], lambda: client.campaigns.put_senders(campaign, wanted["senders"])),
        ("webhook", hashlib.sha256(url.encode()).hexdigest(), lambda: client.webhooks.put(campaign, url)),
    ]


async def pause_campaigns(lane: Lane) -> float | None:
    """Pause at the provider what should not be sending: before anything that may take long."""
    return await _switch(lane, active=False)


async def start_before_leads(lane: Lane) -> float | None:
    """Start at the provider what should be sending, where people are taken by running campaigns only."""
    return await _switch(lane, active=True) if lane.provider.traits.starts_before_leads else None


async def start_campaigns(lane: Lane) -> float | None:
    """Start at the provider what should be sending, once every lead that waits has been handed over."""
    return None if lane.provider.traits.starts_before_leads else await _switch(lane, active=True)


async def _switch(lane: Lane, *, active: bool) -> float | None:
    async with lane.transaction() as tx:
        params = {"account_id": lane.account_id, "active": active, "at_once": lane.provider.traits.starts_before_leads}
        due = await tx.many(SQL.campaigns_to_switch, params)
    for campaign in due:
        try:
            await lane.client.campaigns.set_active(campaign["external_id"], active)
        except Refused:
            await _note(lane, "note_sync_error", campaign, reason="start_refused" if active else "pause_refused")
            continue
        await _note(lane, "note_remote_status", campaign, remote_status="active" if active else "paused")
        if lane.out_of_time:
            return AGAIN
    return AGAIN if len(due) == AT_ONCE else None


async def _note(lane: Lane, query: str, campaign: Row, **values: Any) -> None:
    async with lane.transaction() as tx:
        await tx.run(getattr(SQL, query), {**campaign, "every": lane.engine.settings.poll_seconds, **values})
