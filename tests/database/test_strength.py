"""No user acts on a stronger one, whichever statement they find: the database's judge, called by its triggers."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api.access.permissions import ROLES, SCOPES, effective
from tests.database.catalog import value
from tests.database.people import HASH, log_in, new_person, session_subject
from tests.database.tenants import TICKETS, Company, Conn, Place, acting, attempt, enter, put

BEYOND = "beyond_own_permissions"
SCOPED = ["campaigns:read", "tokens:read", "tokens:write", "users:read", "users:write"]
TOKEN = "insert into outbound.api_tokens (company_id, user_id, tier, name, hmac, last_four, scopes, expires_at)"
NEW_TOKEN = f"{TOKEN} values (%s, %s, %s, 'x', %s, 'abcd', %s, %s)"
NEW_LINK = "select ctx.new_link(%s, %s, now() + interval '1 day')"
END_SESSIONS = "update outbound.sessions set revoked_at = now(), revoked_reason = 'admin' where user_id = %s"
NEW_USER = "insert into outbound.users (company_id, kind, role, name, email) values (%s, 'person', %s, 'X', %s)"


@contextmanager
def as_token(place: Place, admin: Conn, company: Company, role: str, **fields: Any) -> Iterator[tuple[Conn, UUID]]:
    """Open the context of a fresh token of a role; yield the connection and the token's id."""
    tier = "company" if role.startswith("company_") else "org"
    of = {"org_id": company.org_id, "company_id": company.id if tier == "company" else None}
    user = put(admin, "users", {**of, "kind": "service", "role": role, "name": "Robot"})
    digest = secrets.token_bytes(32)
    row = {**of, "user_id": user, "tier": tier, "hmac": digest, "last_four": "abcd", **fields}
    made = put(admin, "api_tokens", row)
    with place.role(tier) as conn, conn.transaction(force_rollback=True):
        conn.execute("select ctx.open(%s)", [TICKETS.sign("token", digest.hex())])
        yield conn, made


def token_for(company: Company, user: UUID, scopes: list[str] | None = None, ends: datetime | None = None) -> list[Any]:
    return [company.id, user, "company", secrets.token_bytes(32), scopes, ends]


def test_the_roles_of_the_database_are_those_of_the_api(admin: Conn) -> None:
    for role, permissions in ROLES.items():
        assert set(value(admin, "select ctx.role_permissions(%s)", [role])) == permissions, role
    assert value(admin, "select ctx.role_permissions('nobody')") == []
    for role in ROLES:
        for scopes in (None, [], sorted(SCOPES)[:5], sorted(SCOPES), ["nothing:known"]):
            may = value(admin, "select ctx.permissions(%s, %s)", [role, scopes])
            assert set(may) == effective(role, None if scopes is None else tuple(scopes)), (role, scopes)


VERBS = {
    "invite": (NEW_USER, lambda c, user, token: [c.id, "company_admin", f"{secrets.token_hex(4)}@x.example"]),
    "demote": ("update outbound.users set role = 'company_member' where id = %s", lambda c, user, token: [user]),
    "rename": ("update outbound.users set name = 'Y' where id = %s", lambda c, user, token: [user]),
    "delete": ("update outbound.users set deleted_at = now() where id = %s", lambda c, user, token: [user]),
    "link": (NEW_LINK, lambda c, user, token: [user, secrets.token_bytes(32)]),
    "end sessions": (END_SESSIONS, lambda c, user, token: [user]),
    "token for": (NEW_TOKEN, lambda c, user, token: token_for(c, user)),
    "revoke": ("update outbound.api_tokens set revoked_at = now() where id = %s", lambda c, user, token: [token]),
    "shorten": ("update outbound.api_tokens set expires_at = now() where id = %s", lambda c, user, token: [token]),
}  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_a_narrow_token_changes_no_stronger_user(
    place: Place, admin: Conn, public: Conn, company: Company, verb: str
) -> None:
    """By plain SQL, on the path of no route: what its scopes leave out, no user it makes or touches may have."""
    strong = new_person(admin, company)
    log_in(public, strong)
    statement, arguments = VERBS[verb]
    given = arguments(company, strong.id, company.rows["api_tokens"])
    with as_token(place, admin, company, "company_admin", scopes=SCOPED) as (conn, _):
        refused = attempt(conn, statement, given)
        assert (refused.sqlstate, BEYOND in refused.message) == ("23514", True), refused
    with as_token(place, admin, company, "company_admin") as (conn, _):
        allowed = attempt(conn, statement, given)
        assert (allowed.sqlstate, allowed.count) == (None, 1), "the control: an equal may"


def test_a_member_does_not_make_an_admin_of_another(place: Place, admin: Conn, company: Company) -> None:
    weak = put(admin, "users", {
        "org_id": company.org_id, "company_id": company.id, "kind": "person", "role": "company_member", "name": "Jo",
        "email": f"{secrets.token_hex(4)}@x.example", "status": "active", "password_hash": HASH,
    })  # fmt: skip
    rise = "update outbound.users set role = 'company_admin' where id = %s"
    with as_token(place, admin, company, "company_member") as (conn, _):
        assert attempt(conn, rise, [weak]).sqlstate == "23514"
    with as_token(place, admin, company, "company_admin") as (conn, _):
        assert attempt(conn, rise, [weak]).sqlstate is None


@pytest.mark.parametrize(("part", "refused"), [(None, True), (2, True), (1, False), (0.5, False)])
def test_a_token_does_not_make_one_that_outlives_it(
    place: Place, admin: Conn, company: Company, *, part: float | None, refused: bool
) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    given = None if part is None else datetime.now(UTC) + (end - datetime.now(UTC)) * part
    with as_token(place, admin, company, "company_admin", expires_at=end) as (conn, _):
        made = attempt(conn, NEW_TOKEN, token_for(company, company.rows["users"], None, given))
    assert (made.sqlstate, "expires_beyond_own" in made.message) == (("23514", True) if refused else (None, False))


def test_a_token_for_another_person_takes_the_right_to_make_links(place: Place, admin: Conn, company: Company) -> None:
    person, narrow = new_person(admin, company), ["tokens:read", "tokens:write"]
    with as_token(place, admin, company, "company_admin", scopes=narrow) as (conn, _):
        for_person = attempt(conn, NEW_TOKEN, token_for(company, person.id, narrow))
        for_robot = attempt(conn, NEW_TOKEN, token_for(company, company.rows["users"], narrow))
    assert (for_person.sqlstate, "not_for_others" in for_person.message) == ("23514", True)
    assert for_robot.sqlstate is None


def test_every_caller_ends_its_own(place: Place, admin: Conn, public: Conn, company: Company) -> None:
    with as_token(place, admin, company, "company_admin", scopes=["tokens:write"]) as (conn, own):
        assert attempt(conn, "update outbound.api_tokens set revoked_at = now() where id = %s", [own]).count == 1
    person = new_person(admin, company)
    session, _ = log_in(public, person)
    with place.role("company") as conn, conn.transaction(force_rollback=True):
        conn.execute("select ctx.open(%s)", [TICKETS.sign("session", session_subject(session))])
        ended = attempt(conn, END_SESSIONS, [person.id])
        assert ended.count == 1


FORGED = "select set_config('app.credential', %s, true)"


def test_a_credential_that_is_only_claimed_is_none(place: Place, admin: Conn, company: Company) -> None:
    """Neither a made-up note, nor that of another transaction, nor the context's own signature passes for it."""
    strong, kept = company.rows["api_tokens"], ""
    with acting(place, "company", company) as conn:
        kept = str(value(conn, "select current_setting('app.credential')"))
    assert kept.startswith(str(strong))
    with as_token(place, admin, company, "company_admin", scopes=SCOPED) as (conn, own):
        mac = str(value(conn, "select current_setting('app.credential')")).split(":", 1)[1]
        signature = str(value(conn, "select current_setting('app.signature')"))
        for forged in ("", kept, f"{strong}:{mac}", f"{strong}:{signature}", str(strong), f"{own}:c1:", "a:b:c:d"):
            conn.execute(FORGED, [forged])
            made = attempt(conn, NEW_USER, [company.id, "company_member", f"{secrets.token_hex(4)}@x.example"])
            assert made.sqlstate == "23514", forged
        conn.execute(FORGED, [f"{own}:{mac}"])
        robot = attempt(conn, NEW_TOKEN, token_for(company, company.rows["users"], SCOPED))
        assert robot.sqlstate is None, "its own again"


def test_a_signed_credential_is_no_context(place: Place, company: Company) -> None:
    with acting(place, "company", company) as conn:
        mac = str(value(conn, "select current_setting('app.credential')")).split(":", 1)[1]
        conn.execute("select set_config('app.signature', %s, true)", [mac])
        assert value(conn, "select count(*) from outbound.users") == 0


@pytest.mark.parametrize("tier", ["worker", "platform"])
def test_those_without_a_credential_of_a_tenant_are_not_judged(place: Place, company: Company, tier: str) -> None:
    with place.role(tier) as conn, conn.transaction(force_rollback=True):
        enter(conn, tier, company)
        assert attempt(conn, "select ctx.beyond_caller('org_admin', null, null, null)").sqlstate == "42501"
