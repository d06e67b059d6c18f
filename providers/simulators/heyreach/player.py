"""Plays campaigns out: one person after the other goes through the tree, and some respond."""

import json

from providers.simulators.heyreach import enrolment, events
from providers.simulators.heyreach.campaigns import schedules, steps
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.leads import enrolling
from providers.simulators.heyreach.state import options
from providers.simulators.kit.player import Pace, play
from providers.simulators.kit.store import Object, Row, Store

MOST_PER_TICK = 100
_GOING = "status in ('Pending', 'InSequence', 'Paused')"


class Player:
    """Lets time pass in the campaigns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pace = Pace(MOST_PER_TICK)

    async def run(self) -> None:
        """Play for ever; without autoplay only the provider's own changes of state go on."""
        await play(self._store, lambda: options(self._store), self._pace, self._tick, self._settle)

    @property
    def _now(self) -> str:
        return times.stamp(self._store.clock.now())

    def _tick(self, chosen: Object) -> None:
        # Who responded in time must have done so before the campaign goes on without it.
        now = self._now
        if self._respond(now) < MOST_PER_TICK:
            self._play(chosen, now)

    def _settle(self, chosen: Object) -> None:
        del chosen
        due = self._store.all("select * from campaigns where settles_at <= ?", self._now)
        for campaign in due:
            with self._store.transaction():
                self._settle_one(campaign)

    def _settle_one(self, campaign: Row) -> None:
        status = "IN_PROGRESS"
        if campaign["status"] == "SCHEDULED":
            enrolling.draw_list(self._store, campaign, self._now)
        elif campaign["status"] == "IN_PROGRESS" and not self._has_leads(campaign["id"]):
            status = "PAUSED"
        self._store.run(
            "update campaigns set status = ?, settles_at = null, started_at = coalesce(started_at, ?) where id = ?",
            status,
            self._now,
            campaign["id"],
        )

    def _has_leads(self, campaign_id: int) -> bool:
        return bool(self._store.value("select 1 from campaign_leads where campaign_id = ? limit 1", campaign_id))

    def _play(self, chosen: Object, now: str) -> None:
        fresh = self._pace.due(chosen)
        campaigns = self._store.all("select * from campaigns where status = 'IN_PROGRESS' and settles_at is null")
        for campaign in campaigns:
            if chosen["obey_hours"] and not schedules.is_open(json.loads(campaign["schedule"]), now):
                continue
            self._advance(campaign, fresh, now)
            self._finish(campaign)

    def _advance(self, campaign: Row, fresh: int, now: str) -> None:
        if campaign["sequence"] is None:
            return
        quotas = (("Pending", fresh), ("InSequence", MOST_PER_TICK))
        rows = [row for status, most in quotas for row in self._waiting(campaign, status, most, now)]
        if not rows:
            return
        tree = json.loads(campaign["sequence"])
        with self._store.transaction():
            for row in rows:
                who = enrolment.enrolment(self._store, row["id"])
                if who is not None:
                    steps.take(who, tree)

    def _waiting(self, campaign: Row, status: str, most: int, now: str) -> list[Row]:
        return self._store.all(
            "select l.id from campaign_leads l join li_accounts a on a.id = l.account_id"
            " where l.campaign_id = ? and l.due_at <= ? and l.status = ? and a.auth_is_valid"
            " order by l.due_at, l.id limit ?",
            campaign["id"],
            now,
            status,
            most,
        )

    def _finish(self, campaign: Row) -> None:
        going = f"select 1 from campaign_leads where campaign_id = ? and {_GOING} limit 1"  # noqa: S608
        if not self._has_leads(campaign["id"]) or self._store.value(going, campaign["id"]):
            return
        with self._store.transaction():
            self._store.run("update campaigns set status = 'FINISHED' where id = ?", campaign["id"])
            last = self._store.value("select max(id) from campaign_leads where campaign_id = ?", campaign["id"])
            who = enrolment.enrolment(self._store, last)
            if who is not None:
                events.finish_campaign(who)

    def _respond(self, now: str) -> int:
        due = self._store.all("select * from acts where due_at <= ? order by due_at limit ?", now, MOST_PER_TICK)
        if not due:
            return 0
        with self._store.transaction():
            for row in due:
                self._store.run("delete from acts where id = ?", row["id"])
                who = enrolment.enrolment(self._store, row["link_id"])
                if who is not None:
                    steps.perform(who, row["act"], json.loads(row["detail"]))
        return len(due)
