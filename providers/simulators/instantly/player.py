"""Lets time pass: steps go out when they are due, some leads respond, jobs end, campaigns are done."""

import json

from providers.simulators.instantly import enrolment, events
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.leads import interests, jobs
from providers.simulators.instantly.script import script
from providers.simulators.instantly.senders import mailboxes
from providers.simulators.instantly.state import options
from providers.simulators.instantly.webhooks.publishing import publish
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.player import Pace, play
from providers.simulators.kit.store import Object, Row, Store

MOST_PER_TICK = 40
HEALTH_EVERY = 5
_ACTIVE, _COMPLETED, _SUBSEQUENCES, _UNHEALTHY, _PROTECTED = 1, 3, 4, -1, -2
_NO_SENDER = 99
_ENOUGH_TO_JUDGE = 20
_SAID = {1: "Yes, tell me more.", 2: "Let us meet on Tuesday.", -1: "No, thank you.", None: "Who is this?"}


class Player:
    """Lets time pass in the campaigns."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._pace = Pace(MOST_PER_TICK)
        self._ticks = 0

    async def run(self) -> None:
        """Play for ever; without autoplay only what was begun goes on."""
        await play(self._store, lambda: options(self._store), self._pace, self._play, self._keep_up)

    def _keep_up(self, chosen: Object) -> None:
        self._ticks += 1
        self._go_on()
        if self._ticks % HEALTH_EVERY == 0:
            self._judge(chosen)

    def _campaigns(self) -> list[tuple[str, Object]]:
        rows = self._store.all(
            "select workspace, fields from entities where kind = 'campaign'"
            " and json_extract(fields, '$.status') in (1, 4) order by seq"
        )
        return [(row["workspace"], json.loads(row["fields"])) for row in rows]

    def _play(self, chosen: Object) -> None:
        fresh = self._pace.due(chosen)
        paused = self._store.all(
            "select id from entities where kind = 'subsequence' and json_extract(fields, '$.status') <> 1"
        )
        resting = json.dumps([row["id"] for row in paused])
        for _, campaign in self._campaigns():
            waiting = self._waiting(campaign["id"], fresh, resting)
            if waiting:
                with self._store.transaction():
                    for row in waiting:
                        self._send_to(row)

    def _waiting(self, campaign: str, fresh: int, resting: str) -> list[Row]:
        sql = (
            "select id, step from leads where campaign = ? and due_at is not null and {} and status = 1"
            " and (subsequence_id is null or subsequence_id not in (select value from json_each(?)))"
            " order by due_at, id limit ?"
        )
        first = self._store.all(sql.format("due_at = 0"), campaign, resting, fresh) if fresh else []
        now = self._store.clock.time()
        due = "due_at > 0 and due_at <= ?"
        return [*first, *self._store.all(sql.format(due), campaign, now, resting, MOST_PER_TICK)]

    def _send_to(self, row: Row) -> None:
        who = enrolment.enrolment(self._store, row["id"])
        step = row["step"] + 1
        if who is None:
            return
        if step >= len(who.steps):
            self._store.run("update leads set due_at = null, status = 3 where id = ?", row["id"])
            return
        events.send(self._store, who, step)
        if step == 0 and not who.lead["subsequence_id"]:
            now = self._store.clock.time()
            acts = script(who.lead["email"])
            rows = [{"due_at": now + delay, "subject": row["id"], "event": event} for delay, event in acts]
            self._store.insert_all("script", rows)

    def _go_on(self) -> None:
        stuck = self._faults.on("stuck_jobs")
        due = self._store.all(
            "select * from script where due_at <= ? and (event <> 'job' or not ?) order by due_at, id limit ?",
            self._store.clock.time(),
            stuck,
            MOST_PER_TICK,
        )
        if not due:
            return
        with self._store.transaction():
            for row in due:
                self._store.run("delete from script where id = ?", row["id"])
                self._perform(row)

    def _perform(self, row: Row) -> None:
        event = str(row["event"])
        if event == "job":
            jobs.finish(self._store, self._faults, row["subject"])
        elif event.startswith("interest:"):
            interests.later(self._store, row["subject"], event)
        else:
            self._respond(row["subject"], event, row["step"])

    def _respond(self, lead_id: str, event: str, step: int) -> None:
        who = enrolment.enrolment(self._store, lead_id)
        if who is None or who.lead["status"] in (-1, -2):
            return
        said = {}
        if event == "reply":
            opinions = [name.partition(":")[2] for _, name in script(who.lead["email"]) if name.startswith("interest")]
            opinion = opinions[0] if opinions else ""
            said = {"text": _SAID[int(opinion) if opinion else None]}
        events.happen(self._store, who, event, step, **said)

    def _judge(self, chosen: Object) -> None:
        for workspace, campaign in self._campaigns():
            change = self._verdict(workspace, campaign, chosen)
            if change:
                with self._store.transaction():
                    entities.save(self._store, workspace, "campaign", {**campaign, **change})
                    if change["status"] == _COMPLETED and chosen["completed_per"] == "campaign":
                        publish(self._store, campaign, self._completed(campaign))

    def _verdict(self, workspace: str, campaign: Object, chosen: Object) -> Object | None:
        if not mailboxes.senders(self._store, workspace, campaign):
            return {"status": _UNHEALTHY, "not_sending_status": _NO_SENDER}
        if chosen["bounce_protect"] and not campaign.get("disable_bounce_protect") and self._bounces(campaign, chosen):
            return {"status": _PROTECTED}
        if campaign.get("is_evergreen"):
            return None
        sending = self._store.value(
            "select max(subsequence_id is null) from leads where campaign = ? and due_at is not null", campaign["id"]
        )
        if sending:
            return None
        some = self._store.value("select 1 from leads where campaign = ? and contacted_at is not null", campaign["id"])
        status = _COMPLETED if sending is None else _SUBSEQUENCES
        return {"status": status} if some and status != campaign["status"] else None

    def _bounces(self, campaign: Object, chosen: Object) -> bool:
        row = self._store.one(
            "select sum(kind = 'sent' and first) as n, sum(kind = 'bounce') as bad from happenings where campaign = ?",
            campaign["id"],
        )
        contacted = row["n"] or 0 if row else 0
        return contacted >= _ENOUGH_TO_JUDGE and row is not None and row["bad"] > chosen["bounce_protect"] * contacted

    def _completed(self, campaign: Object) -> Object:
        return {
            "timestamp": self._store.clock.stamp(),
            "event_type": "campaign_completed",
            "workspace": campaign["organization"],
            "campaign_id": campaign["id"],
            "campaign_name": campaign["name"],
        }
