"""No role sees a row of another tenant, whatever it sets, replays or asks; each test also proves the rows exist."""

# ruff: noqa: S608  # the names in these statements come from the catalog or from this page

import secrets
from collections.abc import Callable

import pytest
from psycopg import sql

from tests.database.catalog import GLOBAL_TABLES, Table, census, owned, readable, seen, value
from tests.database.tenants import (
    DOORS,
    TIERS,
    Company,
    Conn,
    Place,
    World,
    acting,
    attempt,
    enter,
    entry,
    insert,
    put,
    ticket,
)
from tests.support.summary import NEEDS

Settings = dict[str, str]
NAMES = ("app.org_id", "app.company_id", "app.user_id", "app.tier", "app.signature")
ROLES = (
    "postgres", "outbound_owner", "dashboard_org", "dashboard_company", *(f"outbound_{tier}" for tier in TIERS)
)  # fmt: skip


def wear(conn: Conn, settings: Settings, *, local: bool = True) -> None:
    """Set settings as any session may."""
    for name, text in settings.items():
        conn.execute("select set_config(%s, %s, %s)", [name, text, local])


def worn(conn: Conn) -> Settings:
    """Return the settings of a context that is open."""
    return {name: value(conn, "select current_setting(%s, true)", [name]) for name in NAMES}


def claims(company: Company, tier: str) -> Settings:
    """Return the settings of a context, unsigned."""
    return {
        "app.org_id": str(company.org_id),
        "app.company_id": str(company.id) if tier in ("company", "public") else "",
        "app.user_id": str(company.rows["users"]),
        "app.tier": {"public": "hook", "platform": "org"}.get(tier, tier),
    }


def signed_elsewhere(place: Place, tier: str, company: Company) -> Settings:
    """Return a correctly signed context of another backend."""
    with acting(place, "org" if tier == "platform" else tier, company) as other:
        return worn(other)


# What is seen ------------------------------------------------------------------------------------------------------


def test_every_tenant_table_holds_rows_of_each_tenant(admin: Conn, world: World, every_table: list[Table]) -> None:
    """Without this proof the tests below would pass on an empty table: seed a new one in tenants.py."""
    missing = [
        (table.name, company.id)
        for table in every_table
        for company in world.companies
        if table.org_column and not owned(admin, table, company.org_id, company.id)
    ]
    assert missing == []
    assert all(not table.org_column for table in every_table if table.name in GLOBAL_TABLES)
    assert all(table.org_column for table in every_table if table.name not in GLOBAL_TABLES)


@pytest.mark.parametrize("tier", DOORS)
@pytest.mark.parametrize("name", ["a1", "a2", "b1"])
def test_a_context_shows_exactly_its_own_rows(
    place: Place, admin: Conn, world: World, every_table: list[Table], *, tier: str, name: str
) -> None:
    company: Company = getattr(world, name)
    only = company.id if tier == "company" else None
    may_read = readable(admin, tier)
    with acting(place, tier, company) as conn:
        for table in every_table:
            expected = owned(admin, table, company.org_id, only) if table.name in may_read else None
            assert census(conn, table) == expected, table.name
    assert "campaigns" in may_read


@pytest.mark.parametrize("tier", DOORS)
def test_ids_of_another_tenant_find_nothing(place: Place, admin: Conn, world: World, tier: str) -> None:
    may_read = readable(admin, tier)
    with acting(place, tier, world.a1) as conn:
        for table in sorted(may_read & world.b1.rows.keys()):
            ask = f"select count(*) from outbound.{table} where id = %s"
            assert value(conn, ask, [world.b1.rows[table]]) == 0, table
            assert value(admin, ask, [world.b1.rows[table]]) == 1, table
            expected = 0 if tier == "company" and table != "organizations" else 1
            assert value(conn, ask, [world.a2.rows[table]]) == expected or table == "provider_accounts", table
            assert value(conn, ask, [world.a1.rows[table]]) == 1, table


def test_the_public_role_reads_no_table_even_in_a_context(place: Place, world: World, every_table: list[Table]) -> None:
    with acting(place, "public", world.a1) as conn:
        assert {census(conn, table) is None for table in every_table} == {True}
        assert value(conn, "select ctx.org_id()") == world.a1.org_id


def test_the_platform_role_sees_one_organization_at_a_time_and_no_other(
    place: Place, admin: Conn, world: World, every_table: list[Table]
) -> None:
    may_read = readable(admin, "platform")
    assert may_read == {"organizations", "companies", "users", "api_tokens", "platform_tokens", "platform_suppressions"}
    with place.role("platform") as conn:
        assert seen(conn, every_table) == {}
        conn.execute("begin")
        conn.execute("select ctx.open_platform(%s)", [ticket("platform", "operator")])
        assert seen(conn, every_table) == {}, "without an organization nothing of any is seen"
        conn.execute("rollback")
    for company in world.companies:
        with acting(place, "platform", company) as conn:
            for table in (each for each in every_table if each.org_column):
                expected = owned(admin, table, company.org_id, None) if table.name in may_read else None
                assert census(conn, table) == expected, table.name


def test_the_operators_tokens_are_there_for_the_operators_context_alone(
    place: Place, admin: Conn, world: World
) -> None:
    token = put(admin, "platform_tokens", {"name": "fenced", "hmac": secrets.token_bytes(32), "last_four": "abcd"})
    ask, revoke = "select id from outbound.platform_tokens", "update outbound.platform_tokens set revoked_at = now()"
    make = "insert into outbound.platform_tokens (name, hmac, last_four) values ('made', %s, 'abcd')"
    try:
        with place.role("platform") as conn, conn.transaction(force_rollback=True):
            assert attempt(conn, ask).rows == []
            assert attempt(conn, revoke).count == 0
            assert attempt(conn, make, [secrets.token_bytes(32)]).sqlstate == "42501"
            wear(conn, claims(world.a1, "platform"))
            assert attempt(conn, ask).rows == []
        with acting(place, "platform", world.a1) as conn:
            assert (token,) in attempt(conn, ask).rows
            assert attempt(conn, revoke).count > 0
            assert attempt(conn, make, [secrets.token_bytes(32)]).count == 1
    finally:
        admin.execute("delete from outbound.platform_tokens where id = %s", [token])


def test_the_platforms_list_is_there_for_the_operators_context_alone(place: Place, admin: Conn, world: World) -> None:
    listed, new = entry("email", "fenced@everywhere.example"), entry("email", "made@everywhere.example")
    kept = put(admin, "platform_suppressions", listed)
    ask, lift = (
        "select id from outbound.platform_suppressions",
        "delete from outbound.platform_suppressions where id is not null",
    )
    make = insert("platform_suppressions", new, None)
    try:
        with place.role("platform") as conn, conn.transaction(force_rollback=True):
            assert attempt(conn, ask).rows == []
            assert attempt(conn, lift).count == 0
            assert attempt(conn, make, list(new.values())).sqlstate == "42501"
            wear(conn, claims(world.a1, "platform"))
            assert attempt(conn, ask).rows == []
        for tier in DOORS:
            with acting(place, tier, world.a1) as conn:
                for statement, params in ((ask, None), (lift, None), (make, list(new.values()))):
                    assert attempt(conn, statement, params).sqlstate == "42501", tier
        with acting(place, "platform", world.a1) as conn:
            assert (kept,) in attempt(conn, ask).rows
            assert attempt(conn, lift).count > 0
            assert attempt(conn, make, list(new.values())).count == 1
    finally:
        admin.execute("delete from outbound.platform_suppressions where id = %s", [kept])


# What is forged ----------------------------------------------------------------------------------------------------


def no_settings(place: Place, tier: str, world: World, conn: Conn) -> Settings:
    return {}


def unsigned(place: Place, tier: str, world: World, conn: Conn) -> Settings:
    return claims(world.a1, tier)


def signed_with_nonsense(place: Place, tier: str, world: World, conn: Conn) -> Settings:
    return {**claims(world.a1, tier), "app.signature": f"c1:{'0' * 64}"}


def signed_with_nothing(place: Place, tier: str, world: World, conn: Conn) -> Settings:
    return {**claims(world.a1, tier), "app.signature": "c1:"}


def signed_with_an_unknown_key(place: Place, tier: str, world: World, conn: Conn) -> Settings:
    return {**claims(world.a1, tier), "app.signature": f"nokey:{'0' * 64}"}


def signed_by_another_backend(place: Place, tier: str, world: World, conn: Conn) -> Settings:
    return signed_elsewhere(place, tier, world.a1)


def signed_in_an_earlier_transaction(place: Place, tier: str, world: World, conn: Conn) -> Settings:
    if tier == "platform":
        return signed_elsewhere(place, tier, world.a1)
    with conn.transaction():
        enter(conn, tier, world.a1)
        return worn(conn)


def with_shifted_separators(place: Place, tier: str, world: World, conn: Conn) -> Settings:
    kept = signed_in_an_earlier_transaction(place, tier, world, conn)
    joined = f"{kept['app.org_id']}|{kept['app.company_id']}"
    return {**kept, "app.org_id": joined, "app.company_id": ""}


FORGERIES: list[Callable[[Place, str, World, Conn], Settings]] = [
    no_settings, unsigned, signed_with_nonsense, signed_with_nothing, signed_with_an_unknown_key,
    signed_by_another_backend, signed_in_an_earlier_transaction, with_shifted_separators,
]  # fmt: skip


@pytest.mark.parametrize("local", [True, False], ids=["transaction", "session"])
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
def test_a_forged_context_shows_nothing(
    place: Place,
    world: World,
    every_table: list[Table],
    *,
    tier: str,
    forge: Callable[[Place, str, World, Conn], Settings],
    local: bool,
) -> None:
    with place.role(tier) as conn:
        settings = forge(place, tier, world, conn)
        with conn.transaction(force_rollback=True):
            wear(conn, settings, local=local)
            assert seen(conn, every_table) == {}
            if tier in DOORS:
                assert value(conn, "select (ctx.scope()).tier") is None
        wear(conn, dict.fromkeys(NAMES, ""), local=False)
        if tier in DOORS:
            with conn.transaction():
                enter(conn, tier, world.a1)
                assert "campaigns" in seen(conn, every_table)


@pytest.mark.parametrize("tier", DOORS)
@pytest.mark.parametrize("setting", NAMES)
def test_a_setting_changed_under_a_kept_signature_shows_nothing(
    place: Place, world: World, every_table: list[Table], *, tier: str, setting: str
) -> None:
    other = {**claims(world.b1, tier), "app.company_id": str(world.a2.id), "app.tier": "other", "app.signature": "c1:x"}
    with acting(place, tier, world.a1) as conn:
        assert "campaigns" in seen(conn, every_table)
        with conn.transaction(force_rollback=True):
            wear(conn, {setting: other[setting]})
            assert seen(conn, every_table) == {}
        assert "campaigns" in seen(conn, every_table), "the rolled-back setting is the signed one again"


def mac_of(admin: Conn, company: Company, *, pid: int, started: int) -> str:
    """Return the signature of an organization's context for a backend and a start, computed by the key's owner."""
    message = f"{company.org_id}|||org|{pid}|{started}"
    key = value(admin, "select kid from ctx.keys where kind = 'context' order by created_at desc")
    signing = "select ctx.sign(k, %s) from ctx.keys as k where k.kind = 'context' and k.kid = %s"
    return f"{key}:{value(admin, signing, [message, key])}"


@pytest.mark.parametrize(("pid_off", "start_off", "holds"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_a_signature_holds_for_its_backend_and_its_transaction_only(
    place: Place, admin: Conn, world: World, *, pid_off: int, start_off: int, holds: bool
) -> None:
    with place.role("org") as conn, conn.transaction():
        started = value(conn, "select (extract(epoch from transaction_timestamp()) * 1000000)::bigint")
        signature = mac_of(admin, world.a1, pid=conn.info.backend_pid + pid_off, started=started + start_off)
        wear(conn, {**claims(world.a1, "org"), "app.user_id": "", "app.signature": signature})
        assert value(conn, "select ctx.org_id()") == (world.a1.org_id if holds else None)
        assert (value(conn, "select count(*) from outbound.campaigns") > 0) is holds


# A context changed while a statement runs --------------------------------------------------------------------------

INSIDE = {
    "cte": "with f as materialized (select {forge}) select t.{org} from f, outbound.{table} as t",
    "lateral": "select t.{org} from (select {forge}) as f cross join lateral "
    "(select {org} from outbound.{table} offset 0) as t",
    "condition": "select t.{org} from outbound.{table} as t where ({forge}) is not null",
    "subselect": "select (select t.{org} from outbound.{table} as t where t.{org} = {other}::uuid limit 1) "
    "from (select {forge}) as f",
    "union": "select null::uuid from (select {forge}) as f union all select {org} from outbound.{table}",
}


@pytest.mark.parametrize("tier", DOORS)
@pytest.mark.parametrize("shape", INSIDE)
def test_a_setting_changed_inside_a_statement_shows_no_other_tenant(
    place: Place, admin: Conn, world: World, every_table: list[Table], *, tier: str, shape: str
) -> None:
    other = world.b1.org_id
    forge = " || ".join(f"set_config('{name}', '{text}', true)" for name, text in claims(world.b1, tier).items())
    may_read = readable(admin, tier)
    with acting(place, tier, world.a1) as conn:
        for table in (each for each in every_table if each.org_column and each.name in may_read):
            statement = INSIDE[shape].format(forge=forge, org=table.org_column, table=table.name, other=f"'{other}'")
            outcome = attempt(conn, statement)
            assert outcome.sqlstate is None, outcome
            assert {row[0] for row in outcome.rows} <= {None, world.a1.org_id}, table.name
            assert owned(admin, table, other, None)


RUN = {  # functions of Postgres that run the text they are given, each returning one text
    "ts_stat": "coalesce((select string_agg(word, ' ') from ts_stat({})), '')",
    "query_to_xml": "query_to_xml({}, true, false, '')::text",
}


def run_text(function: str, column: str, rest: str = "") -> sql.Composable:
    """Return an expression that runs a query over one text column through such a function."""
    shown = f"array_to_tsvector(array[({column})::text])" if function == "ts_stat" else column
    return sql.SQL(RUN[function]).format(f"select {shown} as answer {rest}")


@pytest.mark.libxml
@pytest.mark.parametrize("tier", DOORS)
@pytest.mark.parametrize("function", RUN)
def test_a_query_run_by_a_function_shows_no_other_tenant(
    place: Place, admin: Conn, world: World, *, tier: str, function: str
) -> None:
    forge = " || ".join(f"set_config('{name}', '{text}', true)" for name, text in claims(world.b1, tier).items())
    if attempt(admin, sql.SQL("select {}").format(run_text(function, "1::text"))).sqlstate == "0A000":
        pytest.skip(f"for want of {NEEDS['libxml']}")
    read = run_text(function, "id", "from outbound.leads")
    assert str(world.b1.rows["leads"]) in attempt(admin, sql.SQL("select {}").format(read)).rows[0][0]
    with acting(place, tier, world.a1) as conn:
        assert str(world.a1.rows["leads"]) in attempt(conn, sql.SQL("select {}").format(read)).rows[0][0]
        outcome = attempt(conn, sql.SQL("select {} || ':' || {}").format(run_text(function, forge), read))
        assert outcome.sqlstate is None
        assert str(world.b1.rows["leads"]) not in outcome.rows[0][0]


@pytest.mark.parametrize("tier", DOORS)
def test_a_condition_never_runs_on_another_tenants_row(
    place: Place, admin: Conn, world: World, every_table: list[Table], tier: str
) -> None:
    """A function or operator in a condition could tell of rows that the fence then hides."""
    may_read = readable(admin, tier)
    with acting(place, tier, world.a1) as conn:
        for table in (each for each in every_table if each.org_column and each.name in may_read):
            trap = f"1 / (case {table.org_column} when '{world.a1.org_id}' then 1 else 0 end) = 1"
            assert census(conn, table, trap) == census(conn, table), table.name
            assert attempt(admin, table.select_owners(trap)).sqlstate == "22012", "the trap works where no fence is"


# What stays shut ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize(
    "table", ["keys", "credentials", "applied_objects", "applied_files", "tenants", "refresh_tokens", "login_buckets"]
)
def test_keys_and_credentials_are_unreadable(place: Place, admin: Conn, world: World, *, tier: str, table: str) -> None:
    assert value(admin, f"select count(*) from ctx.{table}") > 0
    statements = [
        f"select * from ctx.{table}", f"select count(*) from ctx.{table}", f"delete from ctx.{table}",
        f"table ctx.{table}", f"copy ctx.{table} to stdout", f"insert into ctx.{table} default values",
    ]  # fmt: skip
    with place.role(tier) as conn:
        assert {attempt(conn, statement).sqlstate for statement in statements} == {"42501"}
        with conn.transaction():
            enter(conn, tier, world.a1)
            assert {attempt(conn, statement).sqlstate for statement in statements} == {"42501"}


@pytest.mark.parametrize("tier", TIERS)
def test_no_role_can_become_another(place: Place, tier: str) -> None:
    with place.role(tier) as conn:
        own = f"outbound_{tier}"
        for role in sorted(set(ROLES) - {own}):
            name = sql.Identifier(role)
            assert attempt(conn, "select set_config('role', %s, true)", [role]).sqlstate == "42501", role
            assert attempt(conn, "select set_config('role', %s, false)", [role]).sqlstate == "42501", role
            assert attempt(conn, sql.SQL("set local role {}").format(name)).sqlstate == "42501", role
            assert attempt(conn, sql.SQL("set session authorization {}").format(name)).sqlstate == "42501", role
        assert attempt(conn, "select set_config('role', %s, true)", [own]).sqlstate is None


@pytest.mark.parametrize("tier", DOORS)
def test_row_security_cannot_be_switched_off(place: Place, world: World, tier: str) -> None:
    with acting(place, tier, world.a1) as conn:
        assert attempt(conn, "select count(*) from outbound.campaigns").rows[0][0] > 0
        conn.execute("set local row_security = off")
        assert attempt(conn, "select count(*) from outbound.campaigns").sqlstate == "42501"
        assert attempt(conn, "set local session_replication_role = replica").sqlstate == "42501"


@pytest.mark.parametrize("tier", DOORS)
def test_statistics_tell_nothing_about_other_tenants(place: Place, admin: Conn, world: World, tier: str) -> None:
    admin.execute("analyze outbound.leads")
    ask = "select count(*) from pg_stats where schemaname = 'outbound'"
    assert value(admin, ask) > 0
    with acting(place, tier, world.a1) as conn:
        assert value(conn, ask) == 0
        assert attempt(conn, "select * from pg_statistic").sqlstate == "42501"


@pytest.mark.parametrize("tier", DOORS)
def test_a_prepared_statement_follows_the_context(place: Place, world: World, tier: str) -> None:
    ask = "select array_agg(distinct org_id) from outbound.campaigns"
    with place.role(tier) as conn:
        for company in [world.a1, world.b1] * 6:
            with conn.transaction():
                enter(conn, tier, company)
                assert conn.execute(ask, prepare=True).fetchall() == [([company.org_id],)]
            assert conn.execute(ask, prepare=True).fetchall() == [(None,)]


@pytest.mark.parametrize("tier", DOORS)
def test_a_context_ends_with_its_transaction_and_its_savepoint(place: Place, world: World, tier: str) -> None:
    ask = "select count(*) from outbound.campaigns"
    with place.role(tier) as conn, conn.transaction():
        with conn.transaction(force_rollback=True):
            enter(conn, tier, world.a1)
            assert value(conn, ask) > 0
        assert value(conn, ask) == 0
        enter(conn, tier, world.a1)
        assert value(conn, ask) > 0
    with place.role(tier) as conn:
        assert value(conn, ask) == 0
