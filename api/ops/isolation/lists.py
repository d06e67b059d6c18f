"""The walls of do-not-contact: own lists refuse, others' do not, nor do they show; the people they cover are marked."""

from uuid import UUID

from api.db.queries import Query, beside
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.census import Watch, strangers
from api.ops.isolation.means import Means, statement_of
from api.ops.isolation.statements import Values

SQL = beside(__file__, "walls.sql")


class Lists(Means):
    """Every list that a person could be put on."""

    def _every_list(self, ends: tuple[str, str]) -> list[tuple[str, UUID | None, UUID | None, str]]:
        """Return every list that a tenant could put a person on, and how it ends for the own people."""
        going, kept = ends
        sister, foreign = self.arena.cast.sister, self.arena.cast.foreign
        lists: list[tuple[str, UUID | None, UUID | None, str]] = [
            ("its own list", self.own.org_id, self.own.company_id, kept)
        ]
        lists += [("its organization's list", self.own.org_id, None, kept)]
        lists += [("a sister's list", self.own.org_id, sister.company_id, going)] if sister else []
        lists += [("another organization's list", foreign.org_id, foreign.company_id, going)]
        lists += [("another organization's own list", foreign.org_id, None, going)]
        return lists

    def _mail(self, row: Values) -> str:
        return str(self.arrange(SQL.mail_of_lead, {"org": self.own.org_id, "lead": row["lead_id"]})[0]["email"])

    def _lists(self, wall: str, act: Query, arrange: Query, row: Values, ends: tuple[str, str]) -> None:
        """Suppress a person on every list there is: own lists refuse, other tenants' do not, nor do they show."""
        going, kept = ends
        email = self._mail(row)
        self.arrange(arrange, {"id": row["id"]})
        self.expect(wall, "on no list", self.act("worker", act, {"id": row["id"]}), ends=going, passes=True)
        for name, org, company, end in self._every_list(ends):
            with self.arena.admin.transaction(force_rollback=True):
                self.arrange(SQL.suppress, {"org": org, "company": company, "email": email})
                self.expect(wall, f"on {name}", self.act("worker", act, {"id": row["id"]}), ends=end)
        self.arrange(SQL.suppress_everywhere, {"email": email})
        self.expect(wall, "on the platform's list", self.act("worker", act, {"id": row["id"]}), ends=kept)

    def _handing_over(self) -> None:
        row = self.row("campaign_leads")
        self.arrange(SQL.run_campaign, {"id": row["campaign_id"], "status": "active"})
        self._lists("handing over", SQL.hand_over, SQL.enrol_anew, row, ("sending", "suppressed"))

    def _answering(self) -> None:
        row = self.row("messages")
        kept = self.row("conversations") if row else {}
        if kept:
            row = {**row, "lead_id": kept["lead_id"]}
            self.arrange(SQL.queue_answer, {"id": row["id"]})
            self._lists("answering", SQL.send_answer, SQL.queue_answer, row, ("sending", "failed"))

    def _marking(self) -> None:
        """The job behind a list marks the own people that it covers, and no other tenant's."""
        row = self.row("campaign_leads")
        email = self._mail(row)
        self.arrange(SQL.enrol_anew, {"id": row["id"]})
        lists = self._every_list(("pending", "suppressed"))
        for name, org, company, end in [*lists, ("the platform's list", None, None, "suppressed")]:
            with self.arena.admin.transaction(force_rollback=True):
                params = {"org": org, "company": company, "email": email}
                self.arrange(SQL.suppress if org else SQL.suppress_everywhere, params)
                self._mark(name)
                state = self.arrange(SQL.ledger, {"id": row["id"]})[0]["state"]
                outcome = Outcome(rows=((state,),))
                self.expect("marking", f"on {name}", outcome, ends=end, passes=end == "pending")
        self.expect("marking", "without a context", self.act("worker", SQL.mark, {}, entered=False), ends="42501")

    def _mark(self, name: str) -> None:
        """Mark until nothing is left, and see that only the own organization has changed."""
        watch = Watch(self.arena)
        conn = self.arena.of("worker")
        with conn.transaction():
            self.arena.place.enter(conn, "worker", self.own)
            outcome = attempt(conn, statement_of(SQL.mark, {}), keep=True)
            while outcome.rows and outcome.rows[0][0]:
                outcome = attempt(conn, statement_of(SQL.mark, {}), keep=True)
            self.expect("marking", f"until all is done, on {name}", outcome, ends="0", passes=True)
            conn.execute(b"select set_config('app.signature', '', true)")
        if lots := strangers(watch.changed(), self.own, whole=True):
            self.section.fail("marking", f"on {name}: {lots} changed")

    def _sources(self) -> None:
        """That a person unsubscribed is written by what has seen it alone."""
        for tier in ("company", "org"):
            for source, end in (("manual", "1"), ("import", "1"), ("unsubscribed", "42501"), ("complained", "42501")):
                outcome = self.act(tier, SQL.list_oneself, {"source": source})
                self.expect("sources", f"{tier} says {source}", outcome, ends=end, passes=end == "1")

    def _locks(self) -> None:
        """Lists and enrolments wait for each other: a write of either holds the locks."""
        params = {"org": self.own.org_id, "company": self.own.company_id, "email": "locked@proof.example"}
        with self.arena.admin.transaction(force_rollback=True):
            self.arrange(SQL.suppress, params, triggers=True)
            kept = self.arrange(SQL.advisory_locks, {})[0]["taken"]
        with self.arena.admin.transaction(force_rollback=True):
            watch = Watch(self.arena)
            self.arrange(SQL.suppress_everywhere, {"email": params["email"]}, triggers=True)
            everywhere = self.arrange(SQL.advisory_locks, {})[0]["taken"]
            changed = [lot for lot in watch.changed() if lot.org and lot.table != "jobs.procrastinate_jobs"]
        self.section.count("locks", "probes", 2)
        if kept < 2 or everywhere < 1 or changed:
            text = f"lists were written under {kept} and {everywhere} locks; whom they do not name changed: {changed}"
            self.section.fail("locks", text)
