"""Polls for what no webhook brought: a campaign's figures now and then, and its facts when they have moved.

What comes by polling is recorded like what comes by webhook, under the same keys, so that both together give each event
once. A poll also checks that the provider's webhooks are still on: deleted or disabled ones are registered again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import structlog

from api.db.pool import Row
from api.db.queries import beside
from api.events.jobs import BATCH, project_facts
from api.worker.lanes import AGAIN, Lane
from providers.deliveries import moment_of
from providers.errors import Refused
from providers.models import Fact, HookState, ProviderEvent
from providers.reading import as_list, as_place

SQL = beside(__file__, "polling_jobs.sql")
AT_ONCE = 20  # campaigns that a query returns
log = structlog.stdlib.get_logger("outbound.polling")
UNTOLD = frozenset({Fact.SENT, Fact.BOUNCED, Fact.REQUEST_SENT})  # kinds that every webhook tells within minutes


async def poll_campaigns(lane: Lane) -> float | None:
    """Ask for the figures of the account's campaigns that are due, and for the facts of those whose have moved."""
    params = {"account_id": lane.account_id, "every": lane.engine.settings.poll_seconds}
    async with lane.transaction() as tx:
        if params["every"] == 0:
            await tx.run(SQL.forget_polls, params)
            return None
        due = await tx.many(SQL.campaigns_to_poll, {**params, "read_every": lane.provider.traits.read_every})
    moved: list[Row] = []
    for campaign in due:
        if await _has_moved(lane, campaign):
            moved.append(campaign)
        if lane.out_of_time:
            break
    left = await _read(lane, moved) if moved else 0
    return AGAIN if left or len(due) == AT_ONCE or (lane.out_of_time and len(due) > len(moved)) else None


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
        await _note(lane, campaign, read_at=None)
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


async def _read(lane: Lane, moved: Sequence[Row]) -> int:
    """Fetch what has happened in these campaigns since each was last polled, and write down what is new as it comes.
    Return how many wait for the next reading."""
    pages = await _begin(lane, moved)
    await _ask(lane, pages)
    async with lane.transaction() as tx:
        await tx.run(SQL.end_reading, {"account_id": lane.account_id})
    for campaign in pages.campaigns:
        await _note(lane, campaign, read_at=pages.began)
    return len(moved) - len(pages.campaigns)


async def _begin(lane: Lane, moved: Sequence[Row]) -> "_Pages":
    """Go on with a reading that was interrupted, for those of these campaigns that it was for; else begin one. What is
    read of lists that all campaigns share is kept for those of the reading alone, so from now on it is for no other."""
    async with lane.transaction() as tx:
        row = await tx.one(SQL.reading, {"account_id": lane.account_id})
        places = dict(row["reading"]) if row else {}
        since, began, ids = _round(places.pop("round", None))
        ours = [campaign for campaign in moved if campaign["external_id"] in ids]
        if since and began and ours:
            if len(ours) < len(ids):
                narrowed = {"name": "round", "place": _as_round(since, began, ours)}
                await tx.run(SQL.note_place, {"account_id": lane.account_id, **narrowed})
            return _Pages(lane, ours, places, since, began)
        began, since = datetime.now(UTC), min(campaign["since"] for campaign in moved).astimezone(UTC)
        params = {"account_id": lane.account_id, "round": _as_round(since, began, moved)}
        row = await tx.one(SQL.begin_reading, params)
    return _Pages(lane, moved, dict(row["reading"]) if row else {}, since, began)


def _as_round(since: datetime, began: datetime, campaigns: Sequence[Row]) -> str:
    return json.dumps([since.isoformat(), began.isoformat(), sorted(each["external_id"] for each in campaigns)])


def _round(kept: object) -> tuple[datetime | None, datetime | None, list[Any]]:
    """Return since when a reading is, when it began and for which campaigns; nothing of one in another form."""
    since, began, ids = as_place(kept, str, str, list) or (None, None, None)
    return moment_of(since), moment_of(began), as_list(ids)


async def _ask(lane: Lane, pages: "_Pages") -> None:
    """Ask for all campaigns at once. Where that is refused, it may be a place that is not known there any more: then
    from the beginning; else one by one, so that one of them keeps no other back."""
    moved = pages.campaigns
    try:
        await lane.client.inbox.read_facts([each["external_id"] for each in moved], pages.since, progress=pages)
    except Refused as error:
        log.warning("facts not told", account_id=str(lane.account_id), campaigns=len(moved), status=error.status)
        if pages.goes_on:
            await _ask(lane, await pages.from_the_beginning())
        elif len(moved) > 1:
            for campaign in moved:
                await _ask(lane, _Pages(lane, [campaign], {}, pages.since, pages.began, remembers=False))


class _Pages:
    """Writes down each page's facts as it comes, a batch per transaction, and where the reading of its list goes on."""

    def __init__(
        self,
        lane: Lane,
        campaigns: Sequence[Row],
        places: dict[str, Any],
        since: datetime,
        began: datetime,
        *,
        remembers: bool = True,
    ) -> None:
        self._lane = lane
        self._places = places
        self._remembers = remembers
        self.campaigns = campaigns
        self.since = since
        self.began = began
        self.goes_on = bool(places)

    async def from_the_beginning(self) -> "_Pages":
        """Forget all places, and return the same reading without them."""
        async with self._lane.transaction() as tx:
            await tx.run(SQL.forget_places, {"account_id": self._lane.account_id})
        return _Pages(self._lane, self.campaigns, {}, self.since, self.began)

    def place(self, name: str) -> Any:
        """Return where to go on in a list."""
        return self._places.get(name)

    async def keep(self, name: str, facts: Sequence[ProviderEvent], place: Any) -> None:
        """Write down a page. What is known already changes nothing, so a page may come twice."""
        for connection_id in {campaign["connection_id"] for campaign in self.campaigns}:
            ours = [campaign for campaign in self.campaigns if campaign["connection_id"] == connection_id]
            ids = {campaign["external_id"] for campaign in ours}
            theirs = [fact for fact in facts if fact.external_campaign_id in ids]
            for start in range(0, len(theirs), BATCH):
                await _write(self._lane, ours[0], theirs[start : start + BATCH], self.began)
        if self._remembers and place != self._places.get(name):
            self._places[name] = place
            params = {"account_id": self._lane.account_id, "name": name}
            async with self._lane.transaction() as tx:
                await tx.run(SQL.note_place, {**params, "place": json.dumps(place)})


async def _write(lane: Lane, campaign: Row, facts: Sequence[ProviderEvent], began: datetime) -> None:
    async with lane.transaction() as tx:
        new = await project_facts(tx, campaign["company_id"], campaign["connection_id"], facts)
        late = lane.engine.settings.poll_seconds
        if missed := [fact for fact in new if _should_have_come_by_webhook(fact, began, late)]:
            log.warning("facts that nobody told", connection_id=str(campaign["connection_id"]), facts=len(missed))
            await tx.run(SQL.note_missed, {"connection_id": campaign["connection_id"]})


def _should_have_come_by_webhook(fact: dict[str, Any], began: datetime, late: float) -> bool:
    """Tell whether a webhook has had time enough to bring a fact that only asking has shown."""
    return fact["type"] in UNTOLD and fact["timed"] and (began - fact["occurred_at"]).total_seconds() > late / 2


async def _note(lane: Lane, campaign: Row, *, read_at: datetime | None) -> None:
    figures = None if campaign["seen"] is None else json.dumps(campaign["seen"])
    async with lane.transaction() as tx:
        every = lane.engine.settings.poll_seconds
        await tx.run(SQL.note_polled, {**campaign, "figures": figures, "every": every, "read_at": read_at})
