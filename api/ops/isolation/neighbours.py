"""What a neighbour has or does must not count: another company's account, its token's hash, its being suspended."""

from collections.abc import Callable
from uuid import uuid4

from api.ops.isolation.actors import KIND_OF
from api.ops.isolation.doors import knock
from api.ops.isolation.walls import SQL, Walls


class Neighbours(Walls):
    """Walls between companies that only a difference between them shows."""

    def walls(self) -> tuple[Callable[[], None], ...]:
        """Return each of them."""
        return (self._links, self._waking, self._taken_hash, self._suspended)

    def _links(self) -> None:
        """A link is made for an own person who lives, and for no other."""
        person = self.row("sessions")["user_id"]
        for tier in ("company", "org"):
            outcome = self.act(tier, SQL.new_link, {"person": person})
            self.expect("links", f"{tier}, its own person", outcome, ends="True", passes=True)
            for whose, other in (("nobody", uuid4()), ("a service", self.row("users")["id"])):
                self.expect("links", f"{tier}, {whose}", self.act(tier, SQL.new_link, {"person": other}), ends="False")
        for lapse in (SQL.suspend_user, SQL.delete_user):
            with self.arena.admin.transaction(force_rollback=True):
                self.arrange(lapse, {"id": person})
                self.expect("links", lapse.name, self.act("company", SQL.new_link, {"person": person}), ends="False")

    def _waking(self) -> None:
        """A company wakes its own accounts, not those that only another one uses."""
        sister = self.arena.cast.sister
        if sister is None:
            return
        account = self.arrange(SQL.another_account, {"org": self.own.org_id, "company": sister.company_id})[0]["id"]
        for tier in ("company", "org", "worker"):
            conn = self.arena.of(tier)
            with conn.transaction(force_rollback=True):
                self.arena.place.enter(conn, tier, self.own)
                conn.execute(b"select jobs.wake(%s)", [self.own.company_id])
                woken = self.arrange(SQL.woken, {"account": account})[0]["woken"]
            self.section.count("jobs.wake(uuid,boolean)", "probes")
            if woken:
                self.section.fail(
                    "jobs.wake(uuid,boolean)", f"jobs.wake(uuid,boolean), {tier}: it woke another company's account"
                )

    def _taken_hash(self) -> None:
        """A token with another's hash changes nothing about the other's credential."""
        for victim in (self.arena.cast.sister, self.arena.cast.foreign):
            hmac = victim.subjects.get("company") if victim else None
            if not hmac:
                continue
            before = self.arrange(SQL.credential, {"hmac": hmac})
            user = {"user": self.row("users")["id"], "company": self.own.company_id, "hmac": hmac}
            conn = self.arena.of("company")
            with conn.transaction(force_rollback=True):
                self.arena.place.enter(conn, "company", self.own)
                conn.execute(SQL.token_with_hash.sql, user)
                after = self.arrange(SQL.credential, {"hmac": hmac})
            self.section.count("credentials", "probes")
            if before != after:
                self.section.fail("credentials", f"a token with the hash of {victim}'s changed it: {before}, {after}")

    def _suspended(self) -> None:
        """Another company or organization is suspended, and the own one works on."""
        sister, foreign = self.arena.cast.sister, self.arena.cast.foreign
        neighbours = [(SQL.turn_company, sister.company_id)] if sister else []
        neighbours += [(SQL.turn_company, foreign.company_id), (SQL.turn_organization, foreign.org_id)]
        for turn, neighbour in neighbours:
            with self.arena.admin.transaction(force_rollback=True):
                self.arrange(turn, {"id": neighbour, "status": "suspended"}, triggers=True)
                user = self.row("users")["id"]
                self.arrange(SQL.touch_user, {"id": user}, triggers=True)
                self._still_opens(f"though {turn.name} of a neighbour")
        with self.arena.admin.transaction(force_rollback=True):
            self.arrange(SQL.revoke_others, {"org": self.own.org_id, "company": self.own.company_id}, triggers=True)
            self.arrange(SQL.touch_user, {"id": self.row("users")["id"]}, triggers=True)
            self._still_opens("though others' tokens were revoked")

    def _still_opens(self, what: str) -> None:
        for tier in ("company", "public", "worker"):
            ticket = self.arena.place.tickets.sign(KIND_OF[tier], self.own.subjects[tier])
            outcome = knock(self.arena.of(tier), tier, ticket)
            self.section.count("doors", "positives")
            if outcome.sqlstate:
                self.section.fail("doors", f"{tier} does not open, {what}: {outcome.text()}")
        campaign = {"id": self.row("campaigns")["id"]}
        self.arrange(SQL.run_campaign, {**campaign, "status": "paused"})
        self.expect("closed tenants", what, self.act("company", SQL.start_campaign, campaign), ends="1")
