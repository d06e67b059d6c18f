"""Doors that take a document, for people and secrets that have lapsed: the door itself must see it, triggers aside."""

import secrets
from typing import Any, NamedTuple, Protocol

from api.ops.isolation.actors import Tenant, one
from api.ops.isolation.attempts import Outcome
from api.ops.isolation.report import Section
from api.ops.isolation.stage import Stage

PERSON = "update outbound.users set {} where id = '{person}'"
COMPANY = "update outbound.companies set {} where id = '{company}'"
TENANT = "update ctx.tenants set {0} where org_id = '{org}'; update outbound.organizations set {0} where id = '{org}'"
SESSION = "update outbound.sessions set {} where id = '{session}'"
REFRESH = "update ctx.refresh_tokens set {} where hmac = decode('{refresh}', 'hex')"
LINK = "update ctx.credentials set {} where hmac = decode('{link}', 'hex')"
SUSPENDED, DELETED, PAST = "status = 'suspended'", "deleted_at = now()", "expires_at = now() - interval '1 day'"
LOGGING_IN = ("begin_login", "finish_login", "refresh_session")
LAPSES = [
    *((PERSON, way, (*LOGGING_IN, "use_link")) for way in (SUSPENDED, DELETED)),
    *((COMPANY, way, LOGGING_IN) for way in (SUSPENDED, DELETED)),
    *((TENANT, way, LOGGING_IN) for way in (SUSPENDED, DELETED)),
    (SESSION, "revoked_at = now(), revoked_reason = 'admin'", ("refresh_session",)),
    (SESSION, PAST, ("refresh_session",)),
    (REFRESH, PAST, ("refresh_session",)),
    *((LINK, way, ("link_lives", "use_link")) for way in ("closed_at = now()", PAST)),
]
KINDS = {
    "begin_login": "login", "finish_login": "session-new", "refresh_session": "refresh", "link_lives": "link",
    "use_link": "link",
}  # fmt: skip


class Known(NamedTuple):
    """A person of a tenant's, and the secrets that the proof has made for it."""

    company: str
    person: str
    session: str
    email: str
    link: str
    refresh: str
    login: str


class Asker(Protocol):
    """Who makes people with secrets and asks at doors."""

    arena: Stage
    section: Section
    own: Tenant

    def make(self, tenant: Tenant) -> Known:
        """Make a person's secrets."""
        ...

    def ask_for(self, door: str, kind: str, document: Any) -> Outcome:
        """Show a document at a door."""
        ...


def probe_lapsed(signed: Asker, slug: str) -> None:
    """Let each lapse, and ask at each door that must see it; where nothing has, each opens."""
    for door in KINDS:
        with signed.arena.admin.transaction(force_rollback=True):
            _lapse(signed, slug, (PERSON, "status = status"), (door,), alive=True)
    for what, way, doors in LAPSES:
        with signed.arena.admin.transaction(force_rollback=True):
            _lapse(signed, slug, (what, way), doors)


def _lapse(signed: Asker, slug: str, death: tuple[str, str], doors: tuple[str, ...], *, alive: bool = False) -> None:
    own, known = signed.own, signed.make(signed.own)
    statement = death[0].format(death[1], **known._asdict(), org=own.org_id)
    with signed.arena.behind() as conn:
        conn.execute(b"set session_replication_role = replica")
        for part in statement.split("; "):
            conn.execute(part.encode())
        conn.execute(b"set session_replication_role = origin")
        before = one(conn, b"select u.password_hash from outbound.users as u where u.id = %s", [known.person])
    document = {
        "slug": slug, "email": known.email, "address": "192.0.2.3", "known_device": False, "org_id": str(own.org_id),
        "user_id": known.person, "password_hash": before, "child_hmac": secrets.token_hex(32),
        "refresh_hmac": secrets.token_hex(32),
    }  # fmt: skip
    for door in doors:
        hmac = {"refresh_session": known.refresh}.get(door, known.link)
        changed = {"password_hash": "a hash that was set by a link"} if door == "use_link" else {}
        outcome = signed.ask_for(door, KINDS[door], {**document, "hmac": hmac, **changed})
        with signed.arena.behind() as conn:
            kept = (
                one(conn, b"select u.password_hash from outbound.users as u where u.id = %s", [known.person]) == before
            )
        opens = {"finish_login": "company", "begin_login": known.person, "refresh_session": "fresh"}.get(door, "True")
        opened = opens in str(outcome.rows) if door != "use_link" else not kept
        signed.section.count(f"ctx.{door}(text)", "positives" if alive else "probes")
        if opened is not alive:
            name, what = f"ctx.{door}(text)", "failed positives" if alive else "leaks"
            signed.section.fail(
                name, f"{name}, {statement.split()[1]} {death[1]}: {outcome.text()} {outcome.rows}", what
            )
