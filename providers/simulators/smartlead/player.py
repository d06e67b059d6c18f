"""Plays ACTIVE campaigns out: step 1 goes to one lead after the other, and some leads respond."""

from providers.simulators.kit.player import Pace, play
from providers.simulators.kit.store import Object, Row, Store
from providers.simulators.smartlead import enrolment, events
from providers.simulators.smartlead.script import script
from providers.simulators.smartlead.state import options

MOST_PER_TICK = 100


class Player:
    """Lets time pass in the campaigns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pace = Pace(MOST_PER_TICK)

    async def run(self) -> None:
        """Play for ever, as long as autoplay is on."""
        await play(self._store, lambda: options(self._store), self._pace, self._play)

    def _play(self, chosen: Object) -> None:
        due = self._pace.due(chosen)
        if due:
            for campaign in self._store.all("select id from campaigns where status = 'ACTIVE' and deleted_at is null"):
                self._send_first(campaign["id"], due)
        self._respond()

    def _send_first(self, campaign_id: int, most: int) -> None:
        waiting = self._store.all(
            "select id from campaign_leads where campaign_id = ? and status = 'STARTED' and last_seq = 0"
            " and is_unsubscribed = 0 order by id limit ?",
            campaign_id,
            most,
        )
        if not waiting:
            return
        with self._store.transaction():
            for row in waiting:
                self._send_to(row["id"])

    def _send_to(self, map_id: int) -> None:
        who = enrolment.enrolment(self._store, map_id)
        if who is None:
            return
        if who.lead["is_unsubscribed"]:
            self._store.run("update campaign_leads set status = 'STOPPED' where id = ?", map_id)
            return
        events.send(self._store, who, 1)
        now, campaign_id = self._store.clock.time(), who.campaign["id"]
        rows = [
            {"due_at": now + delay, "campaign_id": campaign_id, "map_id": map_id, "event": event}
            for delay, event in script(who.email)
        ]
        self._store.insert_all("script", rows)

    def _respond(self) -> None:
        due = self._store.all(
            "select s.* from script s join campaigns c on c.id = s.campaign_id"
            " where s.due_at <= ? and c.status = 'ACTIVE' and c.deleted_at is null order by s.due_at limit ?",
            self._store.clock.time(),
            MOST_PER_TICK,
        )
        if not due:
            return
        with self._store.transaction():
            for row in due:
                self._store.run("delete from script where id = ?", row["id"])
                self._perform(row)

    def _perform(self, row: Row) -> None:
        who = enrolment.enrolment(self._store, row["map_id"])
        if who is None or who.lead["is_unsubscribed"] or who.link["is_unsubscribed"]:
            return
        if who.link["status"] in {"PAUSED", "BLOCKED"}:
            return
        events.happen(self._store, who, row["event"])
