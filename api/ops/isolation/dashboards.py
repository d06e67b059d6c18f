"""PostgREST's way in, with its own database address: whatever it claims, only what we signed opens a context, and every
view shows the rows of its credential alone."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import sql

from api.access.access_tokens import believed
from api.ops.isolation.actors import Tenant, one, wear
from api.ops.isolation.arguments import Arguments
from api.ops.isolation.attempts import Outcome, attempt
from api.ops.isolation.catalog import Connection
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage
from api.ops.isolation.statements import Statement, bare

Claims = dict[str, Any]
OPEN = "select ctx.pre_request(), ctx.org_id()::text"
MAY = "select ctx.dashboard_may(%s)"
SCOPE = "conversations:read dashboards:read"
SID = b"select c.id::text from ctx.credentials as c where c.hmac = decode(%s, 'hex')"
VIEWS = b"select c.relname from pg_catalog.pg_class as c where c.relnamespace = 'dashboard'::regnamespace order by 1"
CLOSE = "update ctx.credentials set {} where id = %s"
DEATHS = ("closed_at = now()", "expires_at = now() - interval '1 second'", "scopes = array['leads:read']")
REFUSED = ("PT401", "PT403")


class Dashboards:
    """All claims that are none of ours, and all views with those that are."""

    def __init__(self, arena: Stage, arguments: Arguments, section: Section) -> None:
        self.arena = arena
        self.arguments = arguments
        self.section = section
        self.own, self.foreign = arena.cast.own, arena.cast.foreign

    def run(self) -> None:
        """Try both roles."""
        with self.arena.behind() as conn:
            views = [str(name) for (name,) in conn.execute(VIEWS).fetchall()]
        for tier in ("company", "org"):
            if not self.arena.can_open(tier, self.own):
                continue
            for what, claims in self._wrong(tier):
                self._refused(tier, what, claims)
            for death in DEATHS:
                self._dead(tier, death)
            self._shown(tier, views)

    def claims(self, tenant: Tenant, tier: str, **changes: Any) -> Claims:
        """Return what an access token of a tenant says, with our signature over all of it."""
        with self.arena.behind() as conn:
            sid = one(conn, SID, [tenant.subjects.get(tier, "00")])
        now = int(time.time())
        claims: Claims = {
            "iss": "https://proof.example", "aud": "outbound", "sid": sid, "role": f"dashboard_{tier}", "iat": now,
            "exp": now + 600, "token_use": "access", "org_id": str(tenant.org_id), "scope": SCOPE, **changes,
        }  # fmt: skip
        return {**claims, "ctx": believed(self.arena.place.tickets, claims)}

    def _wrong(self, tier: str) -> Iterator[tuple[str, Claims | None]]:
        right = self.claims(self.own, tier)
        now = int(time.time())
        yield "no claims", None
        yield "claims without a signature", {name: value for name, value in right.items() if name != "ctx"}
        yield "a signature of zeros", {**right, "ctx": right["ctx"][:-64] + "0" * 64}
        yield "an unknown key", {**right, "ctx": "nokey:" + right["ctx"].split(":")[1]}
        yield "a later end", {**right, "exp": right["exp"] + 600}
        yield "more scopes", {**self.claims(self.own, tier, scope=""), "scope": SCOPE}
        yield "another issuer", {**right, "iss": "https://another.example"}
        yield "no issuer", self.claims(self.own, tier, iss="")
        yield "another audience", {**right, "aud": "another"}
        yield "another use", {**right, "token_use": "refresh"}
        yield "a token that has ended", self.claims(self.own, tier, iat=now - 700, exp=now - 31)
        yield "a token that lives too long", self.claims(self.own, tier, exp=now + 100_000)
        yield "without the permission", self.claims(self.own, tier, scope="conversations:read")
        other = "org" if tier == "company" else "company"
        yield "a token of the other role", self.claims(self.own, other)
        yield "the other role's, signed for this one", self.claims(self.own, other, role=f"dashboard_{tier}")
        for victim in filter(None, (self.arena.cast.sister, self.foreign)):
            theirs = self.claims(victim, tier)
            if theirs["sid"] not in (None, right["sid"]):
                yield f"the session of {victim.name} under an own signature", {**right, "sid": theirs["sid"]}

    def _as(self, tier: str, claims: Mapping[str, Any] | None) -> Connection:
        """Be PostgREST in the midst of a request, as which it may claim anything."""
        conn = self.arena.of("postgrest")
        conn.execute(f"set local role dashboard_{tier}".encode())
        wear(conn, {"request.jwt.claims": "" if claims is None else json.dumps(claims)})
        return conn

    def _open(self, tier: str, claims: Mapping[str, Any] | None) -> Outcome:
        conn = self._as(tier, claims)
        self.section.count("dashboards", "probes")
        return attempt(conn, bare(OPEN), keep=True)

    def _refused(self, tier: str, what: str, claims: Claims | None) -> None:
        with self.arena.admin.transaction(force_rollback=True):
            outcome = self._open(tier, claims)
            if outcome.sqlstate not in REFUSED:
                self.section.fail("dashboards", f"{what}, {tier}: {outcome.text()} {outcome.rows}")
            may = attempt(self._as(tier, claims), bare(MAY, "conversations:read"))
            if may.rows != ((False,),):
                self.section.fail("dashboards", f"{what}, {tier}: it may read conversations, {may.text()}")

    def _dead(self, tier: str, death: str) -> None:
        """A credential that was closed, has ended or was narrowed shows nothing from the next request on."""
        claims = self.claims(self.own, tier)
        with self.arena.admin.transaction(force_rollback=True):
            with self.arena.behind() as conn:
                conn.execute(CLOSE.format(death).encode(), [claims["sid"]])
            outcome = self._open(tier, claims)
            if outcome.sqlstate not in REFUSED:
                self.section.fail("dashboards", f"a credential with {death}, {tier}: {outcome.text()}")

    def _shown(self, tier: str, views: list[str]) -> None:
        """Every view shows own rows, and none of another company (for a company) or organization."""
        victims = [self.foreign, *filter(None, [self.arena.cast.sister if tier == "company" else None])]
        theirs = {value for victim in victims for value in self.arguments.theirs(victim, "uuid")}
        seen = 0
        with self.arena.admin.transaction(force_rollback=True):
            opened = self._open(tier, self.claims(self.own, tier))
            self.section.count("dashboards", "positives")
            if opened.sqlstate is not None or opened.rows[0][-1] != str(self.own.org_id):
                self.section.fail("dashboards", f"right claims, {tier}: {opened.text()}", "failed positives")
            for view in views:
                read = Statement(sql.SQL("select * from {}").format(sql.Identifier("dashboard", view)))
                outcome = attempt(self.arena.admin, read)
                self.section.count(f"dashboard.{view}", "probes")
                seen += len(outcome.rows)
                shown = str(outcome.rows)
                if any(value in shown for value in theirs):
                    self.section.fail(f"dashboard.{view}", f"{view}, {tier}: it shows another tenant's rows")
            if attempt(self.arena.admin, bare(MAY, "conversations:read")).rows != ((True,),):
                self.section.fail("dashboards", f"right claims, {tier}: no conversations", "failed positives")
        if not seen:
            self.section.fail("dashboards", f"no view shows anything, {tier}: nothing is proven", "failed positives")
