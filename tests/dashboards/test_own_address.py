"""PostgREST's own database address in other hands: without what we signed it reads nothing, and with it one tenant."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import sql

from tests.dashboards.filling import Tenants
from tests.dashboards.reading import Forge, claims_of, dashboard_token
from tests.database.tenants import Conn, Outcome, attempt
from tests.engine import Engine

ROLES = ("dashboard_org", "dashboard_company")
OTHER_ROLES: LiteralString = (
    "select rolname from pg_roles"
    " where rolname ~ '^(outbound_|postgres)' and rolname <> 'outbound_postgrest' order by 1"
)
# With the columns that dashboards may read at all: a view acts with its reader's rights.
RELATIONS: LiteralString = (
    "select n.nspname, c.relname, array(select a.attname::text from pg_attribute as a where a.attrelid = c.oid"
    " and a.attnum > 0 and has_column_privilege('dashboard_org', c.oid, a.attnum, 'select')) as readable"
    " from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace"
    " where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind in ('r', 'p', 'v', 'm', 'S')"
)
ROUTINES: LiteralString = (
    "select p.oid::regprocedure::text as name from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace"
    " where n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and p.prokind = 'f'"
    " and p.prorettype <> 'trigger'::regtype and has_function_privilege('outbound_postgrest', p.oid, 'execute')"
)


class Relation(NamedTuple):
    """A table, a view or a sequence, and the columns of it that dashboards may read."""

    name: sql.Identifier
    readable: list[str]

    def read(self) -> sql.Composed:
        """Return what reads it: all of it where no column may be read."""
        columns = sql.SQL(", ").join(map(sql.Identifier, self.readable)) if self.readable else sql.SQL("*")
        return sql.SQL("select {} from {}").format(columns, self.name)


@pytest.fixture(scope="module")
def forge(engine: Engine) -> Forge:
    return Forge(engine)


@pytest.fixture(scope="module")
def relations(engine: Engine) -> list[Relation]:
    with engine.sql() as conn:
        found = conn.execute(RELATIONS).fetchall()
    assert len(found) > 60
    assert sum(bool(row["readable"]) for row in found) > 20
    return [Relation(sql.Identifier(row["nspname"], row["relname"]), row["readable"]) for row in found]


@contextmanager
def connected(engine: Engine, role: str | None = None, claims: Mapping[str, Any] | str | None = None) -> Iterator[Conn]:
    """Yield PostgREST's connection in a transaction that is undone, as one of its roles, with any claims."""
    with psycopg.connect(engine.dev["database_urls"]["postgrest"]) as conn:
        conn.execute("set transaction read write")
        if role is not None:
            conn.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        if claims is not None:
            said = claims if isinstance(claims, str) else json.dumps(claims)
            conn.execute("select set_config('request.jwt.claims', %s, true)", [said])
        yield conn
        conn.rollback()


def every_row(conn: Conn, relations: list[Relation]) -> list[tuple[Any, ...]]:
    """Return all rows of all relations that the connection may read."""
    found: list[tuple[Any, ...]] = []
    for relation in relations:
        found += attempt(conn, relation.read()).rows
    return found


def opened(conn: Conn) -> Outcome:
    return attempt(conn, "select ctx.pre_request()", keep=True)


def made_up(forge: Forge, tenants: Tenants, tier: str) -> Iterator[tuple[str, Any]]:
    """Yield claims that PostgREST would pass on if it were not PostgREST."""
    api = tenants.one.company.api if tier == "company" else tenants.one.org.api
    good, now = claims_of(dashboard_token(api)), int(time.time())
    theirs = claims_of(dashboard_token(tenants.foreign.company.api))
    yield "none", None
    yield "empty", ""
    yield "a text", '"claims"'
    yield "a list", "[1]"
    yield "no JSON", "{"
    yield "no ctx", {name: value for name, value in good.items() if name != "ctx"}
    yield "an empty ctx", {**good, "ctx": ""}
    yield "a ctx of zeros", {**good, "ctx": "t1:" + "0" * 64}
    yield "another's ctx", {**good, "ctx": theirs["ctx"]}
    yield "another's session", {**good, "sid": theirs["sid"]}
    yield "a session that is no id", {**good, "sid": "' or true --"}
    yield "a later end", {**good, "exp": good["exp"] + 3600}
    yield "an endless end", {**good, "exp": 10**30}
    yield "more scopes", {**good, "scope": good["scope"] + " platform:read"}
    yield "another issuer", {**good, "iss": "https://elsewhere.example"}
    yield "another audience", {**good, "aud": "authenticated"}
    yield "another use", {**good, "token_use": "refresh"}
    other = "dashboard_company" if tier == "org" else "dashboard_org"
    yield "the other role", {**good, "role": other}
    signed = {"the other role, signed": {"role": other}, "ended": {"iat": now - 700, "exp": now - 100}}
    signed |= {
        "a long life": {"exp": now + 7200},
        "no scope": {"scope": ""},
        "the end before the beginning": {"iat": now + 900},
    }
    for name, changes in signed.items():
        yield name, claims_of(forge.changed(dashboard_token(api), **changes))


@pytest.mark.parametrize("role", ROLES)
def test_claims_of_ones_own_open_nothing(
    engine: Engine, tenants: Tenants, forge: Forge, relations: list[Relation], role: str
) -> None:
    for what, claims in made_up(forge, tenants, role.removeprefix("dashboard_")):
        with connected(engine, role, claims) as conn:
            assert opened(conn).sqlstate in ("PT401", "PT403", "22P02"), what
            assert attempt(conn, "select * from ctx.scope()").rows == [(None,) * 4], what
            assert attempt(conn, "select ctx.dashboard_may('dashboards:read')").rows in ([(False,)], []), what
            assert every_row(conn, relations) == [], what


@pytest.mark.parametrize("role", ROLES)
def test_without_a_request_nothing_is_read(
    engine: Engine, tenants: Tenants, relations: list[Relation], role: str
) -> None:
    with connected(engine, role) as conn:
        for setting, value in (("org_id", tenants.one.org.id), ("company_id", tenants.one.company.id), ("tier", "org")):
            conn.execute("select set_config(%s, %s, true)", [f"app.{setting}", value])
        conn.execute("select set_config('app.signature', 'c1:' || repeat('0', 64), true)")
        shown = str(every_row(conn, relations))
        assert [secret for secret in tenants.one.secrets | tenants.foreign.secrets if secret in shown] == []


@pytest.mark.parametrize("tier", ["company", "org"])
def test_a_token_of_ours_opens_its_own_tenant_alone(
    engine: Engine, tenants: Tenants, relations: list[Relation], tier: str
) -> None:
    """Whatever role is taken afterwards, and whatever is claimed: a context is that of the role it was opened as."""
    api = tenants.one.company.api if tier == "company" else tenants.one.org.api
    good = claims_of(dashboard_token(api))
    others = tenants.foreign.secrets | (tenants.two.secrets if tier == "company" else set())
    with connected(engine, good["role"], good) as conn:
        assert opened(conn).sqlstate is None
        shown = str(every_row(conn, relations))
        assert tenants.one.mark in shown
        assert [secret for secret in others if secret in shown] == []
        again = attempt(conn, "select ctx.pre_request()")
        assert again.sqlstate == "55000", "one context in a transaction"
        (other,) = set(ROLES) - {good["role"]}
        conn.execute(sql.SQL("set local role {}").format(sql.Identifier(other)))
        shown = str(every_row(conn, relations))
        assert [secret for secret in tenants.one.secrets | others if secret in shown] == [], f"as {other}"


def test_the_login_role_itself_reads_nothing(engine: Engine, tenants: Tenants, relations: list[Relation]) -> None:
    good = claims_of(dashboard_token(tenants.one.company.api))
    with engine.sql() as admin:
        routines = [row["name"] for row in admin.execute(ROUTINES).fetchall()]
    assert routines == []
    with connected(engine, None, good) as conn:
        assert opened(conn).sqlstate == "42501"
        for relation in relations:
            assert attempt(conn, relation.read()).sqlstate == "42501", relation


def test_it_becomes_no_other_role_and_writes_nothing(
    engine: Engine, tenants: Tenants, relations: list[Relation]
) -> None:
    with engine.sql() as admin:
        roles = [row["rolname"] for row in admin.execute(OTHER_ROLES).fetchall()]
    assert len(roles) >= 7
    with connected(engine) as conn:
        for role in roles:
            assert attempt(conn, sql.SQL("set local role {}").format(sql.Identifier(role))).sqlstate == "42501", role
    good = claims_of(dashboard_token(tenants.one.company.api))
    with connected(engine, good["role"], good) as conn:
        assert opened(conn).sqlstate is None
        for relation in relations:
            for statement in ("delete from {}", "insert into {} default values", "truncate {}"):
                outcome = attempt(conn, sql.SQL(statement).format(relation.name))  # pyright: ignore[reportArgumentType]
                assert outcome.sqlstate in ("42501", "55000", "42809"), (relation, statement, outcome)
        assert attempt(conn, "create temporary table t (x integer)").sqlstate == "42501"
        assert attempt(conn, "create view public.v as select 1").sqlstate == "42501"
