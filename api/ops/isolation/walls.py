"""What a tenant's own writes must run into: do-not-contact, closed tenants, rows of other levels, the operator's fence.

Each wall is shown to let pass what it should, and to refuse where only one thing is different.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from psycopg import sql

from api.db.queries import Query, beside
from api.ops.isolation import functions
from api.ops.isolation.arguments import Arguments
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.catalog import ask
from api.ops.isolation.census import Watch, strangers
from api.ops.isolation.oracles import distinct, pointing_at_all
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage
from api.ops.isolation.statements import Statement, Target, Values, delete
from api.ops.isolation.writes import change, put

SQL = beside(__file__, "walls.sql")
PARENT = re.compile(r"refuse_deleted_parent\('(\w+)', '(\w+)', '(\w+)'\)")
NAMED = re.compile(rb"%\((\w+)\)s")
Params = Mapping[str, Any]


def statement_of(query: Query, params: Params) -> Statement:
    """Return a named query as a statement to try."""
    names = [name.decode() for name in NAMED.findall(query.sql)]
    text = sql.SQL(NAMED.sub(b"%s", query.sql).decode())  # pyright: ignore[reportArgumentType]
    return Statement(sql.Composed([text]), tuple(params[name] for name in names))


class Walls:
    """Every wall, on the own tenant's rows."""

    def __init__(self, arena: Stage, arguments: Arguments, section: Section) -> None:
        self.arena = arena
        self.arguments = arguments
        self.section = section
        self.own = arena.cast.own

    def run(self) -> None:
        """Try them all, each undone."""
        for wall in self.walls():
            with self.arena.behind() as conn, conn.transaction(force_rollback=True):
                wall()
                conn.execute(b"reset session authorization")

    def walls(self) -> tuple[Callable[[], None], ...]:
        """Return each of them."""
        return (
            self._handing_over, self._answering, self._arrows, self._closed, self._reconnecting, self._erasing,
            self._own_level, self._deleted_parents, self._inviting, self._locks, self._operator,
        )  # fmt: skip

    # The means --------------------------------------------------------------------------------------------------

    def row(self, table: str) -> Values:
        """Return the own row of a table."""
        return self.arguments.rows.of(self.arguments.catalog.relations[table], self.own) or {}

    def arrange(self, query: Query, params: Params, *, triggers: bool = False) -> list[dict[str, Any]]:
        """Run a statement as the superuser, its triggers off unless they are wanted."""
        with self.arena.behind() as conn:
            if not triggers:
                conn.execute(b"set session_replication_role = replica")
            cursor = conn.execute(query.sql, params)
            names = [column.name for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()] if names else []
            conn.execute(b"set session_replication_role = origin")
            return rows

    def act(self, tier: str, query: Query, params: Params, *, entered: bool = True) -> Outcome:
        """Run a statement as a tier in the own context, and undo it."""
        conn = self.arena.of(tier)
        with conn.transaction(force_rollback=True):
            if entered:
                self.arena.place.enter(conn, tier, self.own)
            return attempt(conn, statement_of(query, params), keep=True)

    def expect(self, wall: str, what: str, outcome: Outcome, *, ends: str, passes: bool = False) -> None:
        """Compare how something ended, a code of Postgres or the first value, with how it must."""
        ended = outcome.sqlstate or (str(outcome.rows[0][-1]) if outcome.rows else str(outcome.count))
        self.section.count(wall, "positives" if passes else "probes")
        if ended != ends:
            text = f"{wall}, {what}: it ended in {ended}, not in {ends} ({outcome.text()})"
            self.section.fail(wall, text, "failed positives" if passes else "leaks")

    # The walls --------------------------------------------------------------------------------------------------

    def _lists(self, wall: str, act: Query, arrange: Query, row: Values, ends: tuple[str, str]) -> None:
        """Suppress a person on every list there is: own lists refuse, other tenants' do not, nor do they show."""
        going, kept = ends
        email = self.arrange(SQL.mail_of_lead, {"org": self.own.org_id, "lead": row["lead_id"]})[0]["email"]
        sister, foreign = self.arena.cast.sister, self.arena.cast.foreign
        lists = [("its own list", self.own.org_id, self.own.company_id, kept)]
        lists += [("its organization's list", self.own.org_id, None, kept)]
        lists += [("a sister's list", self.own.org_id, sister.company_id, going)] if sister else []
        lists += [("another organization's list", foreign.org_id, foreign.company_id, going)]
        lists += [("another organization's own list", foreign.org_id, None, going)]
        self.arrange(arrange, {"id": row["id"]})
        self.expect(wall, "on no list", self.act("worker", act, {"id": row["id"]}), ends=going, passes=True)
        for name, org, company, end in lists:
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

    def _locks(self) -> None:
        """Lists and enrolments wait for each other: a write of either holds the locks."""
        params = {"org": self.own.org_id, "company": self.own.company_id, "email": "locked@proof.example"}
        with self.arena.admin.transaction(force_rollback=True):
            self.arrange(SQL.suppress, params, triggers=True)
            kept = self.arrange(SQL.advisory_locks, {})[0]["kept"]
        with self.arena.admin.transaction(force_rollback=True):
            watch = Watch(self.arena)
            self.arrange(SQL.suppress_everywhere, {"email": params["email"]}, triggers=True)
            everywhere = self.arrange(SQL.advisory_locks, {})[0]["kept"]
            changed = [lot for lot in watch.changed() if lot.org]
        self.section.count("locks", "probes", 2)
        if kept < 2 or everywhere < 1 or changed:
            text = f"lists were written under {kept} and {everywhere} locks; whom they do not name changed: {changed}"
            self.section.fail("locks", text)

    def _operator(self) -> None:
        """The operator's tokens are there for the operator's context alone."""
        self.arrange(SQL.make_operator_token, {})
        for entered, seen, made in ((True, None, "1"), (False, "0", "42501")):
            listed = self.act("platform", SQL.operator_tokens, {}, entered=entered)
            revoked = self.act("platform", SQL.revoke_operator_tokens, {}, entered=entered)
            created = self.act("platform", SQL.make_operator_token, {}, entered=entered)
            what = "in a context" if entered else "without one"
            self.expect("platform_tokens", f"made {what}", created, ends=made, passes=entered)
            for outcome in (listed, revoked):
                self.section.count("platform_tokens", "positives" if entered else "probes")
                if (outcome.count > 0) is not entered or (seen is not None and outcome.sqlstate):
                    self.section.fail("platform_tokens", f"{what}: {outcome.text()}")
