"""Who did what: the actor is the context's own, a line is never changed, and a company reads its own people's alone."""

import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from tests.database.catalog import value
from tests.database.people import log_in, new_person, new_token, session_subject
from tests.database.tenants import TIERS, Company, Conn, Place, World, acting, attempt, enter, ticket

NOTE = "select ctx.note_write(%s, %s, %s, %s)"
LINE = (
    "select org_id, company_id, actor_tier, actor_user_id, credential_id, action, target, request_id "
    "from outbound.audit_log where target ->> 'mark' = %s"
)


def note(conn: Conn, mark: str, credential: UUID | None = None, request: str | None = "r-1") -> Any:
    """Put a write on record, marked so that it is found again."""
    return attempt(conn, NOTE, ["update_lead", Jsonb({"mark": mark}), request, credential], keep=True)


def noted(place: Place, tier: str, company: Company) -> str:
    """Put a write on record as a user of a tenant and return its mark."""
    mark = secrets.token_hex(8)
    with acting(place, tier, company, commit=True) as conn:
        assert note(conn, mark).sqlstate is None
    return mark


def lines(admin: Conn, mark: str) -> list[tuple[Any, ...]]:
    """Return what the record says of a mark."""
    return admin.execute(LINE, [mark]).fetchall()


@pytest.mark.parametrize("kind", ["token", "session"])
@pytest.mark.parametrize("level", ["company", "org"])
def test_the_actor_is_the_contexts_own(
    place: Place, admin: Conn, public: Conn, company: Company, *, level: str, kind: str
) -> None:
    person, mark, credential = new_person(admin, company, level=level), secrets.token_hex(8), uuid4()
    named = new_token(admin, person)[1] if kind == "token" else session_subject(log_in(public, person)[0])
    with place.role(level) as conn, conn.transaction():
        conn.execute("select ctx.open(%s)", [ticket(kind, named)])
        assert note(conn, mark, credential).sqlstate is None
    line = (company.org_id, person.company_id, level, person.id, credential, "update_lead", {"mark": mark}, "r-1")
    assert lines(admin, mark) == [line]


def test_the_operator_is_distinguished(place: Place, admin: Conn, company: Company) -> None:
    assert lines(admin, noted(place, "platform", company))[0][:4] == (company.org_id, None, "platform", None)
    mark = secrets.token_hex(8)
    with place.role("platform") as conn, conn.transaction():
        conn.execute("select ctx.open_platform(%s)", [ticket("platform", "operator")])
        assert note(conn, mark).sqlstate is None
    assert lines(admin, mark) == [], "where no organization is open there is no record to write in"


@pytest.mark.parametrize("setting", ["app.org_id", "app.company_id", "app.user_id", "app.tier"])
def test_a_forged_actor_writes_nothing(place: Place, admin: Conn, world: World, setting: str) -> None:
    forged = {
        "app.org_id": str(world.b1.org_id), "app.company_id": str(world.a2.id), "app.user_id": str(uuid4()),
        "app.tier": "org",
    }[setting]  # fmt: skip
    mark, kept = secrets.token_hex(8), secrets.token_hex(8)
    with acting(place, "company", world.a1, commit=True) as conn:
        note(conn, kept)
        conn.execute("select set_config(%s, %s, true)", [setting, forged])
        note(conn, mark)
    assert lines(admin, mark) == []
    assert lines(admin, kept)[0][1] == world.a1.id


def test_without_a_context_nothing_is_written(place: Place, admin: Conn) -> None:
    mark = secrets.token_hex(8)
    for tier in ("org", "company", "platform"):
        with place.role(tier) as conn:
            note(conn, mark)
    assert lines(admin, mark) == []


def test_only_those_who_write_over_the_api_put_writes_on_record(place: Place, company: Company) -> None:
    for tier in TIERS:
        with place.role(tier) as conn, conn.transaction(force_rollback=True):
            enter(conn, tier, company)
            allowed = tier in ("org", "company", "platform")
            assert note(conn, "x").sqlstate == (None if allowed else "42501"), tier


def test_a_line_is_written_by_the_door_alone_and_never_changed(place: Place, admin: Conn, company: Company) -> None:
    mark = noted(place, "company", company)
    tried = [
        "insert into outbound.audit_log (actor_tier, action) values ('org', 'x')",
        "update outbound.audit_log set action = 'nothing'", "delete from outbound.audit_log",
        "truncate outbound.audit_log",
    ]  # fmt: skip
    for tier in TIERS:
        with place.role(tier) as conn, conn.transaction(force_rollback=True):
            enter(conn, tier, company)
            assert {attempt(conn, each).sqlstate for each in tried} == {"42501"}, tier
    assert len(lines(admin, mark)) == 1


def test_a_company_sees_its_own_peoples_lines_alone(place: Place, admin: Conn, world: World) -> None:
    marks = {
        "its own": noted(place, "company", world.a1), "its neighbour's": noted(place, "company", world.a2),
        "its partner's": noted(place, "org", world.a1), "the operator's": noted(place, "platform", world.a1),
        "a stranger's": noted(place, "company", world.b1), "another partner's": noted(place, "org", world.b1),
    }  # fmt: skip
    ask = "select target ->> 'mark' from outbound.audit_log"
    wanted = {
        "company": {"its own"}, "org": {"its own", "its neighbour's", "its partner's", "the operator's"},
    }  # fmt: skip
    for tier, own in wanted.items():
        with acting(place, tier, world.a1) as conn:
            found = {row[0] for row in conn.execute(ask).fetchall()}  # pyright: ignore[reportArgumentType]
        assert {name for name, mark in marks.items() if mark in found} == own, tier
    for tier in ("worker", "platform"):
        with acting(place, tier, world.a1) as conn:
            assert attempt(conn, ask).sqlstate == "42501", tier
    assert all(lines(admin, mark) for mark in marks.values())


@pytest.mark.parametrize("action", ["Update", "update lead", "", "a.b.c", None], ids=str)
def test_an_action_is_one_plain_name(place: Place, company: Company, action: str | None) -> None:
    with acting(place, "company", company) as conn:
        refused = attempt(conn, NOTE, [action, Jsonb({}), None, None])
        assert refused.sqlstate in ("23514", "23502")
        assert attempt(conn, NOTE, ["update_lead", Jsonb([1]), None, None]).sqlstate == "23514"
        assert attempt(conn, NOTE, ["lead.updated", Jsonb({}), None, None]).sqlstate is None


def test_a_long_request_id_is_cut(place: Place, admin: Conn, company: Company) -> None:
    mark = secrets.token_hex(8)
    with acting(place, "company", company, commit=True) as conn:
        assert note(conn, mark, request="r" * 200).sqlstate is None
    assert lines(admin, mark)[0][-1] == "r" * 64


def test_a_line_is_gone_with_a_rolled_back_write(place: Place, admin: Conn, company: Company) -> None:
    mark = secrets.token_hex(8)
    with acting(place, "company", company) as conn:
        assert note(conn, mark).sqlstate is None
        assert value(conn, "select count(*) from outbound.audit_log where target ->> 'mark' = %s", [mark]) == 1
    assert lines(admin, mark) == []
