"""What a tenant's own writes must run into: do-not-contact, closed tenants, rows of other levels, the operator's fence.

Each wall is shown to let pass what it should, and to refuse where only one thing is different.
"""

import re
from collections.abc import Callable
from uuid import uuid4

from api.db.queries import beside
from api.ops.isolation import functions
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.catalog import ask
from api.ops.isolation.census import Watch, strangers
from api.ops.isolation.lists import Lists
from api.ops.isolation.means import statement_of
from api.ops.isolation.oracles import distinct, pointing_at_all
from api.ops.isolation.statements import Target, delete
from api.ops.isolation.writes import change, put

SQL = beside(__file__, "walls.sql")
PARENT = re.compile(r"refuse_deleted_parent\('(\w+)', '(\w+)', '(\w+)'\)")


class Walls(Lists):
    """Every wall, on the own tenant's rows."""

    def run(self) -> None:
        """Try them all, each undone."""
        for wall in self.walls():
            with self.arena.behind() as conn, conn.transaction(force_rollback=True):
                wall()
                conn.execute(b"reset session authorization")

    def walls(self) -> tuple[Callable[[], None], ...]:
        """Return each of them."""
        return (
            self._handing_over, self._answering, self._marking, self._sources, self._arrows, self._closed,
            self._reconnecting, self._erasing, self._own_level, self._deleted_parents, self._inviting, self._locks,
            self._operator,
        )  # fmt: skip

    def _arrows(self) -> None:
        for table, arrange, act in (
            ("campaign_leads", SQL.enrol_anew, SQL.push_back), ("messages", SQL.queue_answer, SQL.answer_back)
        ):  # fmt: skip
            row = self.row(table)
            self.arrange(arrange, {"id": row["id"]})
            self.expect(table, "an arrow that is none", self.act("worker", act, {"id": row["id"]}), ends="23514")

    def _closed(self) -> None:
        campaign = {"id": self.row("campaigns")["id"]}
        self.arrange(SQL.run_campaign, {**campaign, "status": "paused"})
        for tier in ("company", "org"):
            outcome = self.act(tier, SQL.start_campaign, campaign)
            self.expect("closed tenants", f"{tier} starts a campaign", outcome, ends="1", passes=True)
        turns = ((SQL.turn_company, self.own.company_id), (SQL.turn_organization, self.own.org_id))
        for turn, tenant in turns:
            for status in ("suspended", "deleting"):
                with self.arena.admin.transaction(force_rollback=True):
                    self.arrange(turn, {"id": tenant, "status": status})
                    outcome = self.act("org", SQL.start_campaign, campaign)
                    self.expect(
                        "closed tenants", f"a campaign starts though {turn.name} {status}", outcome, ends="23514"
                    )
                    row = self.row("campaign_leads")
                    self.arrange(SQL.run_campaign, {"id": row["campaign_id"], "status": "active"})
                    self.arrange(SQL.enrol_anew, {"id": row["id"]})
                    outcome = self.act("worker", SQL.hand_over, {"id": row["id"]})
                    self.expect("closed tenants", f"somebody is handed over though {status}", outcome, ends="pending")

    def _reconnecting(self) -> None:
        """Connecting again starts the own campaigns that disconnecting had paused, and no others."""
        relation = self.arguments.catalog.relations["campaigns"]
        for tenant in self.arena.cast.tenants:
            campaign = {"id": (self.arguments.rows.of(relation, tenant) or {}).get("id")}
            self.arrange(SQL.rest_campaign, campaign)
        entitlement = {"id": self.row("entitlements")["id"]}
        self.arrange(SQL.turn_entitlement, {**entitlement, "status": "disconnected"})
        outcome = self.act("org", SQL.turn_entitlement, {**entitlement, "status": "connected"})
        self.expect("reconnecting", "with others' campaigns at rest", outcome, ends="1", passes=True)

    def _erasing(self) -> None:
        """An active tenant is not erased; one that is being deleted takes no other tenant's rows along."""
        own = {"id": self.own.company_id}
        self.arrange(SQL.disconnect_all, own)
        watch = Watch(self.arena)
        conn = self.arena.of("worker")
        with conn.transaction(force_rollback=True):
            self.arena.place.enter(conn, "worker", self.own)
            for subject in (self.own.company_id, self.own.org_id):
                self.expect("erasing", "an active tenant", self._erase(str(subject)), ends="0")
            if lots := sorted(watch.changed()):
                self.section.fail("erasing", f"an active tenant was erased: {lots}")
        self.arrange(SQL.turn_company, {**own, "status": "deleting"})
        watch = Watch(self.arena)
        conn = self.arena.of("worker")
        with conn.transaction(force_rollback=True):
            self.arena.place.enter(conn, "worker", self.own)
            if self.arena.cast.sister:
                self.expect("erasing", "its neighbour", self._erase(str(self.arena.cast.sister.company_id)), ends="0")
            erased = [self._erase(str(self.own.company_id)) for _ in range(3)]
            self.section.count("erasing", "positives")
            if not erased[0].rows or not erased[0].rows[0][0]:
                self.section.fail("erasing", f"a deleted company was not erased: {erased}", "failed positives")
            if lots := strangers(watch.changed(), self.own):
                self.section.fail("erasing", f"one company was erased, and {lots} changed")

    def _erase(self, subject: str) -> Outcome:
        return attempt(self.arena.admin, statement_of(SQL.erase, {"id": subject}), keep=True)

    def _own_level(self) -> None:
        """What belongs to the organization itself refers to no person of a company, nor to one that does not exist."""
        found = self.arrange(SQL.person_of_organization, {"org": self.own.org_id})
        person = found[0]["id"] if found else None
        self.expect(
            "own level", "its own person", self.act("org", SQL.own_token, {"user": person}), ends="1", passes=True
        )
        others = {str(uuid4()): "nobody"}
        foreign = self.arrange(SQL.person_of_organization, {"org": self.arena.cast.foreign.org_id})
        others |= {str(row["id"]): "another organization's own person" for row in foreign}
        for tenant in self.arena.cast.tenants:
            row = self.arguments.rows.of(self.arguments.catalog.relations["users"], tenant) or {}
            others[str(row.get("id"))] = f"a person of {tenant.name}'s company"
        for user, whose in others.items():
            self.expect("own level", whose, self.act("org", SQL.own_token, {"user": user}), ends="23503")

    def _deleted_parents(self) -> None:
        """A child of a row that is soft-deleted is refused as if that had never been."""
        with self.arena.behind() as conn:
            triggers = ask(conn, functions.SQL.triggers)
        for trigger in triggers:
            found = PARENT.search(trigger["definition"])
            name = str(trigger["relation"]).removeprefix("outbound.")
            if found is None or name not in self.arguments.catalog.relations:
                continue
            with self.arena.admin.transaction(force_rollback=True):
                self._orphan(name, *found.groups())

    def _orphan(self, name: str, parent: str, column: str, constraint: str) -> None:
        catalog = self.arguments.catalog
        child, row = catalog.relations[name], self.row(name)
        above = catalog.relations[parent]
        with self.arena.behind() as conn:
            conn.execute(b"set session_replication_role = replica")
            key = {"org_id": self.own.org_id, "id": row[column]}
            attempt(conn, change(above, key, {"deleted_at": "now"}), keep=True)
            attempt(conn, delete(Target(child, row, child.key, (), "")), keep=True)
            conn.execute(b"set session_replication_role = origin")
            conn.execute(b"set local role outbound_owner")
            conn.execute(b"select ctx.set_scope(%s, null, null, 'platform')", [self.own.org_id])
            made = distinct(child, row, pointing_at_all(catalog, child))
            outcome = attempt(conn, put(child, made, child.plain_columns))
        self.section.count(name, "probes")
        if outcome.sqlstate != "23503" or outcome.constraint != constraint:
            self.section.fail(name, f"{name} under a deleted row of {parent}: {outcome.text()}")

    def _inviting(self) -> None:
        """No role makes an invited person an account: one that could, could find out which addresses are in use."""
        company = {"company": self.own.company_id}
        self.expect("inviting", "a person", self.act("company", SQL.invite, company), ends="invited", passes=True)
        made = self.arrange(SQL.invite_as_superuser, {**company, "org": self.own.org_id})[0]
        for tier in ("company", "org"):
            outcome = self.act(tier, SQL.activate, {"id": made["id"]})
            self.expect("inviting", f"{tier} makes it an account", outcome, ends="23514")

    def _operator(self) -> None:
        """The operator's tokens and list are there for the operator's context alone."""
        self.arrange(SQL.make_operator_token, {})
        self.arrange(SQL.suppress_everywhere, {"email": "listed@proof.example"})
        new = {"email": "new@proof.example"}
        for table, make, params, reads in (
            ("platform_tokens", SQL.make_operator_token, {}, (SQL.operator_tokens, SQL.revoke_operator_tokens)),
            ("platform_suppressions", SQL.suppress_everywhere, new, (SQL.listed_everywhere, SQL.lift_everywhere)),
        ):
            for entered in (True, False):
                what = "in a context" if entered else "without one"
                created = self.act("platform", make, params, entered=entered)
                self.expect(table, f"made {what}", created, ends="1" if entered else "42501", passes=entered)
                for outcome in (self.act("platform", query, {}, entered=entered) for query in reads):
                    self.section.count(table, "positives" if entered else "probes")
                    if (outcome.count > 0) is not entered or (not entered and outcome.sqlstate):
                        self.section.fail(table, f"{what}: {outcome.text()}")
