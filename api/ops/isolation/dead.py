"""Dead credentials and retired keys: what was revoked, expired, suspended or deleted opens no door.

Each opens first, dies in the same transaction, and is tried again. A context that a retired key has signed shows
nothing from then on.
"""

from collections.abc import Iterator
from typing import NamedTuple

from api.ops.isolation.actors import KIND_OF, one
from api.ops.isolation.arguments import Arguments
from api.ops.isolation.doors import knock
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage

OWN = {
    "token": "update outbound.api_tokens set {} where hmac = decode('{hmac}', 'hex')",
    "user": "update outbound.users set {} where (org_id, id) = (select org_id, user_id from ctx.credentials "
    "where hmac = decode('{hmac}', 'hex'))",
    "company": "update outbound.companies set {} where id = '{company}'",
    "organization": "update outbound.organizations set {} where id = '{org}'",
    "session": "update outbound.sessions set {} where id = '{session}'",
    "connection": "update outbound.connections set {} where hook_hmac = decode('{hmac}', 'hex')",
    "platform token": "update outbound.platform_tokens set {} where hmac = decode('{hmac}', 'hex')",
    "key": "update ctx.keys set {} where kind = '{kind}'",
}
CLOSED = ("status = 'suspended'", "deleted_at = now()")
ENDED = ("revoked_at = now()", "expires_at = now() - interval '1 second'")
LEFT = ("status = 'suspended'", "status = 'deleting'", "deleted_at = now()")
BELOW = {"user": CLOSED, "organization": LEFT}
DEATHS = {
    "token": {"token": (*ENDED, "deleted_at = now()"), **BELOW},
    "session": {"session": ("revoked_at = now(), revoked_reason = 'admin'", ENDED[1]), **BELOW, "company": LEFT},
    "hook": {"connection": ("deleted_at = now()", "hook_hmac = sha256('another')")},
    "platform": {"platform token": ENDED},
    "job": {"organization": ("deleted_at = now()",)},
}
MAKE_PLATFORM_TOKEN = (
    b"insert into outbound.platform_tokens (name, hmac, last_four) "
    b"values ('proof', sha256('a token of the proof'), 'abcd') returning encode(hmac, 'hex')"
)
MAKE_SESSION = (
    b"insert into outbound.sessions (org_id, company_id, user_id, expires_at) "
    b"values (%s, %s, %s, now() + interval '1 day') returning id"
)
SESSION_HMAC = b"select encode(sha256(convert_to('session:' || %s::text, 'UTF8')), 'hex')"


class Living(NamedTuple):
    """A credential that opens a door now."""

    tier: str
    kind: str
    subject: str
    hmac: str
    session: str = ""


class Dead:
    """Every way to die, for every credential of a tenant, and for the keys."""

    def __init__(self, arena: Stage, arguments: Arguments, section: Section) -> None:
        self.arena = arena
        self.arguments = arguments
        self.section = section
        self.own = arena.cast.own

    def run(self) -> None:
        """Let each die in each way, and knock again."""
        with self.arena.behind() as conn, conn.transaction(force_rollback=True):
            for living in self._living():
                deaths = dict(DEATHS[living.kind])
                if living.kind == "token" and living.tier == "company":
                    deaths["company"] = LEFT
                for whose, ways in deaths.items():
                    for way in ways:
                        self._die(living, whose, way)
                self._die(living, "key", "retired_at = now()", "ticket")
            self._retired_context()

    def _living(self) -> Iterator[Living]:
        for tier in ("org", "company"):
            yield Living(tier, "token", self.own.subjects[tier], self.own.subjects[tier])
        row = self.arguments.rows.of(self.arguments.catalog.relations["sessions"], self.own) or {}
        with self.arena.behind() as conn:
            session = str(one(conn, MAKE_SESSION, [self.own.org_id, self.own.company_id, row["user_id"]]))
            hmac = str(one(conn, SESSION_HMAC, [session]))
            token = str(one(conn, MAKE_PLATFORM_TOKEN))
        yield Living("company", "session", hmac, hmac, session)
        yield Living("public", "hook", self.own.subjects["public"], self.own.subjects["public"])
        yield Living("worker", "job", str(self.own.org_id), "")
        yield Living("platform", "platform", f"{token}.{self.own.org_id}", token)

    def _knock(self, living: Living) -> str | None:
        ticket = self.arena.place.tickets.sign(living.kind, living.subject)
        return knock(self.arena.of(living.tier), living.tier, ticket).sqlstate

    def _die(self, living: Living, whose: str, way: str, kind: str = "") -> None:
        what = f"{living.kind} of {living.tier}, {whose}: {way}"
        self.section.count("doors", "positives")
        if (before := self._knock(living)) is not None:
            self.section.fail("doors", f"{what}: it did not even open before ({before})", "failed positives")
        words = {"hmac": living.hmac, "org": self.own.org_id, "company": self.own.company_id}
        death = OWN[whose].format(way, **words, session=living.session, kind=kind).encode()
        with self.arena.behind() as conn, conn.transaction(force_rollback=True):
            conn.execute(death)
            self.section.count("doors", "probes")
            if self._knock(living) != "28000":
                self.section.fail("doors", f"{what}: it opens still")
            self.arena.admin.execute(b"reset session authorization")

    def _retired_context(self) -> None:
        """A context that is open when its key is retired shows nothing from then on."""
        for tier in KIND_OF:
            conn = self.arena.of(tier)
            with conn.transaction(force_rollback=True):
                self.arena.place.enter(conn, tier, self.own)
                self.section.count("context", "positives")
                shown = [one(conn, b"select ctx.org_id()")]
                with self.arena.behind() as behind:
                    behind.execute(b"update ctx.keys set retired_at = now() where kind = 'context'")
                shown.append(one(conn, b"select ctx.org_id()"))
                self.section.count("context", "probes")
                if shown != [self.own.org_id, None]:
                    self.section.fail("context", f"a context under a retired key, {tier}: {shown}")
