"""The doors that take a signed document: logging in, refreshing, links, last use. Their ticket names its subject.

An own document does its work and touches no other tenant; one that names another tenant beside the own organization is
answered like one that names no row. What must be there first is put there on a stage.
"""

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

from psycopg import sql

from api.ops.isolation.actors import Tenant, one
from api.ops.isolation.arguments import Arguments
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.census import Watch, strangers
from api.ops.isolation.lapsed import Known, probe_lapsed
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage
from api.ops.isolation.statements import Statement

CALL = sql.SQL("select * from ctx.{}(%s)")
HASH = "a hash that was made for the proof"
LOGIN = (
    b"select encode(c.hmac, 'hex') from ctx.credentials as c "
    b"where c.kind = 'session' and c.org_id = %s and c.company_id = %s and c.closed_at is null limit 1"
)
PASSWORD = b"update outbound.users set password_hash = %s, status = 'active' where id = %s"
LINK = (
    b"insert into ctx.credentials (hmac, kind, tier, org_id, company_id, id, user_id, expires_at) "
    b"values (decode(%s, 'hex'), 'link', 'link', %s, %s, %s, %s, now() + interval '1 hour')"
)
REFRESH = (
    b"insert into ctx.refresh_tokens (hmac, org_id, session_id, expires_at) "
    b"values (decode(%s, 'hex'), %s, %s, now() + interval '1 hour')"
)


class Call(NamedTuple):
    """A document for a door; `good` is what its answer holds when it did its work."""

    door: str
    kind: str
    document: Any
    good: str | None = None


class Signed:
    """Every door of the role that logs people in."""

    def __init__(self, arena: Stage, arguments: Arguments, section: Section) -> None:
        self.arena = arena
        self.arguments = arguments
        self.section = section
        self.own = arena.cast.own

    def run(self) -> None:
        """Try them all."""
        with self.arena.behind() as conn, conn.transaction(force_rollback=True):
            own = self.make(self.own)
            slug = str(one(conn, b"select o.slug from outbound.organizations as o where o.id = %s", [self.own.org_id]))
            probe_lapsed(self, slug)
            for tenant in self.arena.cast.tenants:
                self._log_in(tenant)
            watch = Watch(self.arena)
            for call in self._rightly(own, slug):
                self._do(watch, call)
            for victim in (self.arena.cast.sister, self.arena.cast.foreign):
                if victim is not None:
                    pairs = list(self._wrongly(own, slug, victim))
                    watch = Watch(self.arena)
                    for theirs, absent in pairs:
                        self._compare(watch, theirs, absent, victim)

    def _log_in(self, tenant: Tenant) -> None:
        """The person who is logged in is the ticket's, though others of the organization have the same password."""
        with self.arena.admin.transaction(force_rollback=True):
            known = [self.make(each) for each in self.arena.cast.tenants if each.org_id == tenant.org_id]
            person = next(each.person for each in known if each.company == str(tenant.company_id))
            entry = {"org_id": str(tenant.org_id), "user_id": person, "password_hash": HASH, "slug": "", "email": ""}
            outcome = self.ask(Call("finish_login", "session-new", {**entry, "refresh_hmac": secrets.token_hex(32)}))
            if str(tenant.company_id) not in str(outcome.rows):
                text = f"ctx.finish_login(text): {tenant.name}'s person logged in as {outcome.text()} {outcome.rows}"
                self.section.fail("ctx.finish_login(text)", text)

    def make(self, tenant: Tenant) -> Known:
        """Give a tenant's person a password, a refresh token and a link."""
        session = self.arguments.rows.of(self.arguments.catalog.relations["sessions"], tenant) or {}
        person = str(session["user_id"])
        link, refresh = secrets.token_hex(32), secrets.token_hex(32)
        with self.arena.behind() as conn:
            conn.execute(PASSWORD, [HASH, person])
            conn.execute(LINK, [link, tenant.org_id, tenant.company_id, person, person])
            conn.execute(REFRESH, [refresh, tenant.org_id, session["id"]])
            login = str(one(conn, LOGIN, [tenant.org_id, tenant.company_id]))
            email = str(one(conn, b"select u.email from outbound.users as u where u.id = %s", [person]))
        return Known(str(tenant.company_id), person, str(session["id"]), email, link, refresh, login)

    def _rightly(self, own: Known, slug: str) -> Iterator[Call]:
        login = {"slug": slug, "email": own.email, "address": "192.0.2.1", "known_device": False}
        entry = {"org_id": str(self.own.org_id), "user_id": own.person, "password_hash": HASH}
        token = self._token(self.own)
        first, child, other = (secrets.token_hex(32) for _ in range(3))
        yield Call("begin_login", "login", login, own.person)
        yield Call("finish_login", "session-new", {**login, **entry, "refresh_hmac": first}, str(self.own.company_id))
        yield Call("note_used", "used", [{"org_id": str(self.own.org_id), "id": token, "at": 1e9}], "")
        again = {**login, **entry, "refresh_hmac": other, "rehash": f"{HASH} again"}
        yield Call("finish_login", "session-new", again, str(self.own.company_id))
        buckets = [{"name": own.login, "used": 1, "block": 1}]
        yield Call("take_requests", "requests", {"capacity": 10, "rate": 1, "buckets": buckets}, "amount")
        yield Call("refresh_session", "refresh", {"hmac": own.refresh, "child_hmac": child}, "fresh")
        yield Call("refresh_session", "refresh", {"hmac": own.refresh, "child_hmac": child}, "repeated")
        yield Call("refresh_session", "refresh", {"hmac": own.refresh, "child_hmac": own.link}, "reused")
        yield Call("refresh_session", "refresh", {"hmac": child, "child_hmac": other}, "refused")
        yield Call("link_lives", "link", {"hmac": own.link}, "True")
        yield Call("use_link", "link", {"hmac": own.link, "password_hash": HASH}, "True")
        yield Call("unsubscribe", "unsubscribe", self._place(self.own, self.own), "")

    def _wrongly(self, own: Known, slug: str, victim: Tenant) -> Iterator[tuple[Call, Call]]:
        """Yield documents that name a victim's rows under the own organization, each beside one that names no row."""
        theirs = self.make(victim)
        org, absent = str(self.own.org_id), str(uuid4())
        if victim.org_id != self.own.org_id:
            emails = (theirs.email, f"{secrets.token_hex(4)}@nobody.example")
            login = {"slug": slug, "address": "192.0.2.2", "known_device": False}
            yield _both("begin_login", "login", *({**login, "email": email} for email in emails))
            entry = {"org_id": org, "password_hash": HASH, "slug": slug, "email": own.email}
            people = (
                {**entry, "user_id": who, "refresh_hmac": secrets.token_hex(32)} for who in (theirs.person, absent)
            )
            yield _both("finish_login", "session-new", *people)
            used = ([{"org_id": org, "id": who, "at": 1e9}] for who in (self._token(victim), absent))
            yield _both("note_used", "used", *used)
            place = self._place(self.own, victim)
            yield _both("unsubscribe", "unsubscribe", place, {**place, "enrolment_id": absent})
        entry = {"org_id": org, "slug": slug, "email": own.email, "refresh_hmac": secrets.token_hex(32)}
        wrong = ({**entry, "user_id": who, "password_hash": "a hash of something else"} for who in (own.person, absent))
        yield _both("finish_login", "session-new", *wrong)
        token, hook = victim.subjects.get("company"), victim.subjects.get("public")
        for known in (token, hook, theirs.refresh, theirs.login, own.login):
            pair = (known or secrets.token_hex(32), secrets.token_hex(32))
            for door in ("link_lives", "use_link"):
                yield _both(door, "link", *({"hmac": each, "password_hash": HASH} for each in pair))
        for known in (victim.subjects.get("company"), theirs.link):
            pair = (known or secrets.token_hex(32), secrets.token_hex(32))
            child = secrets.token_hex(32)
            yield _both("refresh_session", "refresh", *({"hmac": each, "child_hmac": child} for each in pair))

    def _token(self, tenant: Tenant) -> str:
        return str((self.arguments.rows.of(self.arguments.catalog.relations["api_tokens"], tenant) or {}).get("id"))

    def _place(self, tenant: Tenant, person: Tenant) -> dict[str, str]:
        """Return the document of a link of one tenant's that names another's person in a campaign."""
        row = self.arguments.rows.of(self.arguments.catalog.relations["campaign_leads"], person) or {}
        return {"org_id": str(tenant.org_id), "enrolment_id": str(row.get("id"))}

    def ask(self, call: Call) -> Outcome:
        """Show a signed document at a door."""
        ticket = self.arena.place.tickets.sign(call.kind, base64.b64encode(json.dumps(call.document).encode()).decode())
        self.section.count(f"ctx.{call.door}(text)", "probes")
        return attempt(self.arena.of("public"), Statement(CALL.format(sql.Identifier(call.door)), (ticket,)), keep=True)

    def ask_for(self, door: str, kind: str, document: Any) -> Outcome:
        """Show a document at a door that is named."""
        return self.ask(Call(door, kind, document))

    def _do(self, watch: Watch, call: Call) -> None:
        name = f"ctx.{call.door}(text)"
        outcome = self.ask(call)
        self.section.count(name, "positives")
        if outcome.sqlstate or str(call.good) not in str(outcome.rows):
            self.section.fail(
                name, f"{name} did not do its own work: {outcome.text()} {outcome.rows}", "failed positives"
            )
        if lots := strangers(watch.changed(), self.own):
            self.section.fail(name, f"{name}, for an own person: it changed {lots}")

    def _compare(self, watch: Watch, theirs: Call, absent: Call, victim: Tenant) -> None:
        taken, free = self.ask(theirs), self.ask(absent)
        name = f"ctx.{theirs.door}(text)"
        if (taken.diagnostics(), taken.rows) != (free.diagnostics(), free.rows):
            text = f"{name}, naming rows of {victim.name}: {taken.text()} {taken.rows}, for those of no row {free.rows}"
            self.section.fail(name, text)
        if lots := strangers(watch.changed(), self.own):
            self.section.fail(name, f"{name}, naming rows of {victim.name}: it changed {lots}")


def _both(door: str, kind: str, *documents: Any) -> tuple[Call, Call]:
    theirs, absent = (Call(door, kind, document) for document in documents)
    return theirs, absent
