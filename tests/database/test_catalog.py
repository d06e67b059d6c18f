"""Rules that every table, policy, function, index and key must keep; the exceptions stand here with their reasons."""

import inspect
import re

import pytest

from tests.database.catalog import GLOBAL_TABLES, Table, tables, value
from tests.database.tenants import Conn, Place

OURS = "('outbound', 'ctx', 'dashboard', 'jobs')"

# Functions that run as their owner: each crosses a wall on purpose, for the roles named.
DASHBOARDS = {"dashboard_org", "dashboard_company"}
DEFINERS = {
    "ctx.scope()": {"platform", "org", "company", "worker", *DASHBOARDS},
    "ctx.org_id()": {"platform", "org", "company", "worker", "public", *DASHBOARDS},
    "ctx.pre_request()": DASHBOARDS,
    "ctx.dashboard_may(text)": DASHBOARDS,
    "ctx.company_id()": {"org", "company", "worker"},
    "ctx.open(text)": {"org", "company", "public"},
    "ctx.open_job(text)": {"worker"},
    "ctx.open_platform(text)": {"platform"},
    "ctx.list_tenants(uuid,integer)": {"platform"},
    "ctx.stop(uuid)": {"platform"},
    "ctx.begin_login(text)": {"public"},
    "ctx.finish_login(text)": {"public"},
    "ctx.refresh_session(text)": {"public"},
    "ctx.use_link(text)": {"public"},
    "ctx.link_lives(text)": {"public"},
    "ctx.note_used(text)": {"public"},
    "ctx.take_requests(text)": {"public"},
    "ctx.unsubscribe(text)": {"public"},
    "ctx.new_link(uuid,bytea,timestamp with time zone)": {"org", "company"},
    "ctx.note_write(text,jsonb,text,uuid)": {"platform", "org", "company"},
    "ctx.accept_webhooks(uuid[],bytea[],bytea[])": {"public"},
    "ctx.due_work(uuid[],boolean)": {"worker"},
    "ctx.reconcile(integer)": {"worker"},
    "ctx.sweep(integer,double precision)": {"worker"},
    "ctx.tidy()": {"worker"},
    "jobs.enqueue(text,uuid,timestamp with time zone,boolean)": {"worker"},
    "jobs.settle(text,uuid,double precision,bigint)": {"worker"},
    "jobs.steps_of(uuid)": {"worker"},
    "jobs.wake(uuid,boolean)": {"org", "company", "worker"},
    "jobs.rescue(double precision,bigint[])": {"worker"},
    "ctx.beyond_caller(text,text[],timestamp with time zone,uuid)": {"org", "company"},
    "ctx.credential_id()": set(),
    "outbound.is_suppressed(uuid,uuid,text,text,text)": set(),
    "outbound.suppressed_among(uuid,text[])": {"org", "company", "worker"},
    "outbound.features_of(uuid,text)": {"org", "company"},
    "outbound.timezones_of(uuid,text)": {"org", "company"},
    "outbound.without_postal_address()": {"org", "company"},
    "outbound.unsubscribe(uuid)": {"org", "company"},
    "outbound.lock_do_not_contact_ahead()": {"worker"},
    "outbound.mark_suppressed(integer)": {"worker"},
    "outbound.pause_campaigns(uuid,uuid,text,text)": set(),
    "outbound.erase_tenant(uuid,integer)": {"worker"},
    "outbound.recount(uuid,boolean)": {"worker"},
}
DEFINER_TRIGGERS = {
    "ctx.judge_session()",
    "outbound.lift_entry()",
    "outbound.count_added()",
    "outbound.count_events()",
    "outbound.count_moved()",
    "ctx.judge_token()",
    "ctx.judge_user()",
    "ctx.sync_token_credential()",
    "ctx.sync_credentials_below()",
    "ctx.sync_hook_credential()",
    "ctx.sync_session_credential()",
    "ctx.sync_platform_credential()",
    "ctx.sync_tenant()",
    "outbound.check_own_level()",
    "outbound.close_tenant()",
    "outbound.close_connection()",
    "outbound.turn_entitlement()",
    "outbound.refuse_closed_start()",
    "outbound.lock_do_not_contact()",
    "outbound.refuse_suppressed()",
    "outbound.queue_marking()",
    "outbound.queue_platform_marking()",
    "outbound.refuse_deleted_parent()",
    "outbound.refuse_suppressed_message()",
    "outbound.share_account()",
}

# The walls ask the platform's list as their owner, in whichever context.
ALL_BUT_THE_OWNER = {
    *(f"outbound_{tier}" for tier in ("platform", "org", "company", "worker", "public")),
    "dashboard_org",
    "dashboard_company",
}

# Unique indexes that are not led by org_id, or on a company's table not by (org_id, company_id).
UNIQUE_EXCEPTIONS = {
    "organizations_pkey": "the tenant itself",
    "organizations_slug": "no request role may write a slug, so nobody can ask which are taken",
    "users_email": "a person has one login in an organization, whichever company; an invited one holds no address yet",
}

# Foreign keys of tenant tables that are not led by org_id, or between companies' tables not by (org_id, company_id).
ONE_FOR_ALL = {"outbound.organizations", "outbound.capabilities", "outbound.providers"}
ORG_WIDE = {"outbound.companies", "outbound.provider_accounts"}


def names(conn: Conn, statement: str) -> list[str]:
    """Return the first column of all rows."""
    return [row[0] for row in conn.execute(statement).fetchall()]  # pyright: ignore[reportArgumentType]


# Tables and policies -----------------------------------------------------------------------------------------------


def test_every_table_has_row_security_enabled_and_forced(admin: Conn) -> None:
    rows = admin.execute("""
        select c.oid::regclass::text, c.relrowsecurity and c.relforcerowsecurity from pg_class as c
        where c.relnamespace in ('outbound'::regnamespace, 'ctx'::regnamespace) and c.relkind in ('r', 'p')
    """).fetchall()
    assert [name for name, fenced in rows if not fenced] == []
    assert len(rows) > 25


def fences(conn: Conn) -> dict[tuple[str, str], tuple[str, str, str, str]]:
    """Return verb, roles, USING and WITH CHECK of every restrictive policy, by table and name."""
    rows = conn.execute("""
        select tablename, policyname, cmd, roles::text, qual, with_check from pg_policies
        where schemaname = 'outbound' and permissive = 'RESTRICTIVE'
    """).fetchall()
    return {(row[0], row[1]): row[2:] for row in rows}


def test_every_tenant_table_has_exactly_one_fence_and_a_companys_table_a_second(
    admin: Conn, every_table: list[Table]
) -> None:
    wanted = {(table.name, "tenant_fence") for table in every_table if table.name not in GLOBAL_TABLES}
    wanted |= {(table.name, "company_fence") for table in every_table if table.company_column}
    wanted |= {("platform_tokens", "operator_fence"), ("platform_suppressions", "operator_fence")}
    assert set(fences(admin)) == wanted
    assert {table.name for table in every_table} >= set(GLOBAL_TABLES)


def test_every_fence_compares_with_the_signed_scope_for_all_commands(admin: Conn, every_table: list[Table]) -> None:
    of = {table.name: table for table in every_table}
    for (table, policy), (verb, roles, using, check) in fences(admin).items():
        assert (verb, using) == ("ALL", check), table
        flat = re.sub(r"\s+", " ", using)
        if policy == "tenant_fence":
            assert roles == "{public}"
            assert flat == f"({of[table].org_column} = ( SELECT ctx.org_id() AS org_id))", table
        elif policy == "operator_fence":
            bound = {"public"} if table == "platform_tokens" else ALL_BUT_THE_OWNER
            assert set(roles.strip("{}").split(",")) == bound
            assert "SELECT s.tier" in flat and "ctx.scope()" in flat and flat.endswith("= 'platform'::text)"), flat
        else:
            assert set(roles.strip("{}").split(",")) == {"outbound_company", "dashboard_company"}
            owner = f"((org_id, {of[table].company_column}) = ("
            assert flat.startswith(owner), table
            assert "SELECT s.org_id, s.company_id FROM ctx.scope() s" in flat, table


def test_permissive_policies_name_one_role_and_one_verb(admin: Conn) -> None:
    rows = admin.execute("""
        select tablename, policyname, cmd, roles::text from pg_policies
        where schemaname = 'outbound' and permissive = 'PERMISSIVE' and roles <> '{outbound_owner}'
    """).fetchall()
    assert len(rows) > 60
    for table, policy, verb, roles in rows:
        assert re.fullmatch(r"\{(outbound|dashboard)_\w+\}", roles), (table, policy)
        assert verb in ("SELECT", "INSERT", "UPDATE", "DELETE"), (table, policy)


def test_soft_deleted_rows_are_hidden_by_every_select_policy(admin: Conn, every_table: list[Table]) -> None:
    rows = admin.execute("""
        select tablename, policyname, qual from pg_policies
        where schemaname = 'outbound' and cmd = 'SELECT' and permissive = 'PERMISSIVE'
    """).fetchall()
    soft = {table.name for table in every_table if table.has_deleted}
    assert [row[:2] for row in rows if row[0] in soft and "deleted_at IS NULL" not in row[2]] == []
    assert len(soft) > 8


def test_secrets_of_ctx_have_one_policy_for_their_owner(admin: Conn) -> None:
    rows = admin.execute(
        "select tablename, policyname, roles::text from pg_policies where schemaname = 'ctx'"
    ).fetchall()
    assert {row[0] for row in rows} == {
        "keys",
        "credentials",
        "applied_objects",
        "applied_files",
        "tenants",
        "refresh_tokens",
        "login_buckets",
        "lanes",
        "request_buckets",
        "rounds",
    }
    assert {row[1:] for row in rows} == {("owner_only", "{outbound_owner}")}
    granted = names(admin, """
        select grantee || ':' || table_name from information_schema.role_table_grants
        where table_schema = 'ctx' and grantee <> 'outbound_owner'
    """)  # fmt: skip
    assert granted == []


def test_every_row_says_when_it_was_made_and_changed(admin: Conn, every_table: list[Table]) -> None:
    rows = admin.execute("""
        select c.relname, a.attname from pg_attribute as a inner join pg_class as c on c.oid = a.attrelid
        where c.relnamespace = 'outbound'::regnamespace and c.relkind in ('r', 'p')
          and a.attname in ('created_at', 'updated_at') and a.attnotnull and a.atthasdef
          and a.atttypid = 'timestamptz'::regtype
    """).fetchall()
    wanted = {(table.name, column) for table in every_table for column in ("created_at", "updated_at")}
    assert wanted - set(rows) == set()
    touched = names(admin, """
        select tgrelid::regclass::text from pg_trigger where tgfoid = 'outbound.touch'::regproc and not tgisinternal
    """)  # fmt: skip
    assert {f"outbound.{table.name}" for table in every_table} == set(touched)


def test_every_organizations_id_defaults_to_the_contexts(admin: Conn, every_table: list[Table]) -> None:
    rows = admin.execute("""
        select c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid)
        from pg_attribute as a
        inner join pg_class as c on c.oid = a.attrelid and c.relkind in ('r', 'p')
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where c.relnamespace = 'outbound'::regnamespace and a.attname = 'org_id'
    """).fetchall()
    assert [row for row in rows if "current_setting('app.org_id'" not in (row[2] or "")] == []
    assert len(rows) == len([table for table in every_table if table.org_column == "org_id"])


# Ownership and functions -------------------------------------------------------------------------------------------


def test_everything_of_ours_belongs_to_the_owner_role(admin: Conn) -> None:
    foreign = names(admin, f"""
        select 'relation ' || c.oid::regclass::text from pg_class as c
        where c.relnamespace::regnamespace::text in {OURS} and c.relowner <> 'outbound_owner'::regrole
        union all
        select 'function ' || p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace::regnamespace::text in {OURS} and p.proowner <> 'outbound_owner'::regrole
        union all
        select 'type ' || t.oid::regtype::text from pg_type as t
        where t.typnamespace::regnamespace::text in {OURS} and t.typowner <> 'outbound_owner'::regrole
        union all
        select 'schema ' || n.nspname from pg_namespace as n
        where n.nspname in {OURS} and n.nspowner <> 'outbound_owner'::regrole
    """)  # noqa: S608  # a constant of this page  # fmt: skip
    assert foreign == []
    assert value(
        admin, "select not (rolsuper or rolbypassrls or rolcanlogin) from pg_roles where rolname = 'outbound_owner'"
    )


def test_definer_functions_are_exactly_the_known_ones(admin: Conn) -> None:
    signatures = names(admin, f"""
        select p.oid::regprocedure::text from pg_proc as p
        where p.prosecdef and p.pronamespace::regnamespace::text in {OURS}
    """)  # noqa: S608  # a constant of this page  # fmt: skip
    assert set(signatures) == set(DEFINERS) | DEFINER_TRIGGERS


def test_definer_functions_pin_their_search_path(admin: Conn) -> None:
    rows = admin.execute("""
        select p.oid::regprocedure::text, p.proconfig from pg_proc as p
        where p.prosecdef and p.proowner = 'outbound_owner'::regrole
    """).fetchall()
    allowed = ({"search_path=pg_catalog, pg_temp"}, {"search_path=pg_catalog, jobs, pg_temp"})
    assert [name for name, config in rows if set(config or ()) not in allowed] == []
    assert len(rows) >= len(DEFINERS)


def test_each_door_is_executable_by_exactly_its_roles(admin: Conn) -> None:
    roles = {tier: f"outbound_{tier}" for tier in ("platform", "org", "company", "worker", "public")}
    roles |= {name: name for name in DASHBOARDS}
    found = {
        name: {tier for tier, role in roles.items() if value(
            admin, "select has_function_privilege(%s, %s, 'execute')", [role, name])}
        for name in DEFINERS
    }  # fmt: skip
    assert found == DEFINERS


def test_functions_of_ctx_that_are_no_door_are_for_the_owner_alone(admin: Conn) -> None:
    open_to = names(admin, """
        select distinct p.oid::regprocedure::text from pg_proc as p cross join pg_roles as r
        where p.pronamespace = 'ctx'::regnamespace and r.rolname ~ '^(outbound_(pl|or|co|wo|pu)|dashboard_)'
          and has_function_privilege(r.oid, p.oid, 'execute')
    """)  # fmt: skip
    assert set(open_to) == {name for name, roles in DEFINERS.items() if roles and name.startswith("ctx.")}


def test_nothing_of_ours_is_open_to_public(admin: Conn) -> None:
    open_to_all = names(admin, f"""
        select p.oid::regprocedure::text from pg_proc as p
        where p.pronamespace::regnamespace::text in {OURS}
          and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a where a.grantee = 0)
        union all
        select c.oid::regclass::text from pg_class as c
        where c.relnamespace::regnamespace::text in {OURS}
          and exists (select from aclexplode(c.relacl) as a where a.grantee = 0)
        union all
        select n.nspname from pg_namespace as n
        where n.nspname in {OURS} and exists (select from aclexplode(n.nspacl) as a where a.grantee = 0)
    """)  # noqa: S608  # a constant of this page  # fmt: skip
    assert open_to_all == []


def test_no_function_is_leakproof_and_no_view_runs_as_its_owner(admin: Conn) -> None:
    leakproof = names(admin, f"""
        select p.oid::regprocedure::text from pg_proc as p
        where p.proleakproof and p.pronamespace::regnamespace::text in {OURS}
    """)  # noqa: S608  # a constant of this page  # fmt: skip
    assert leakproof == []
    as_owner = names(admin, f"""
        select c.oid::regclass::text from pg_class as c
        where c.relkind in ('v', 'm') and c.relnamespace::regnamespace::text in {OURS}
          and (c.relkind = 'm' or not coalesce(c.reloptions, '{{}}') && '{{security_invoker=true,security_invoker=on}}')
    """)  # noqa: S608  # a constant of this page  # fmt: skip
    assert as_owner == []


def test_nothing_of_ours_is_in_public(admin: Conn) -> None:
    assert names(admin, "select relname::text from pg_class where relnamespace = 'public'::regnamespace") == []
    assert names(admin, "select proname::text from pg_proc where pronamespace = 'public'::regnamespace") == []
    assert names(admin, "select typname::text from pg_type where typnamespace = 'public'::regnamespace") == []
    assert value(admin, "select not has_schema_privilege('outbound_org', 'public', 'create')")


def test_schemas_are_exactly_ours(admin: Conn) -> None:
    found = names(admin, "select nspname::text from pg_namespace where nspname !~ '^pg_'")
    assert set(found) == {
        "outbound", "ctx", "dashboard", "jobs", "public", "information_schema", "supabase_migrations"
    }  # fmt: skip
    used = "select has_schema_privilege(%s, 'supabase_migrations', 'usage')"
    assert not any(value(admin, used, [f"outbound_{tier}"]) for tier in ("org", "company", "worker", "public"))


# Indexes and keys --------------------------------------------------------------------------------------------------


def leading(conn: Conn, statement: str) -> list[tuple[str, str, list[str], str]]:
    """Return name, table, columns in order, and the referenced table where there is one."""
    return conn.execute(statement).fetchall()  # type: ignore[return-value]  # pyright: ignore[reportArgumentType, reportReturnType]


def test_unique_indexes_are_led_by_organization_and_company(admin: Conn, every_table: list[Table]) -> None:
    rows = leading(admin, """
        select i.indexrelid::regclass::text, c.relname, array(
          select a.attname::text from unnest(i.indkey::int2[]) with ordinality as k (num, place)
          inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.num order by k.place
        ), ''
        from pg_index as i inner join pg_class as c on c.oid = i.indrelid
        where i.indisunique and c.relnamespace = 'outbound'::regnamespace
    """)  # fmt: skip
    of = {table.name: table for table in every_table}
    wrong = []
    for index, table, columns, _ in rows:
        if table in GLOBAL_TABLES or columns == ["org_id", "id"] or index.split(".")[1] in UNIQUE_EXCEPTIONS:
            continue
        lead = ["org_id", "company_id"] if of[table].company_column == "company_id" else ["org_id"]
        if columns[: len(lead)] != lead:
            wrong.append((index, columns))
    assert wrong == []
    assert {row[0].split(".")[1] for row in rows} >= set(UNIQUE_EXCEPTIONS), "an exception is no longer needed"


def test_foreign_keys_are_led_by_organization_and_company(admin: Conn, every_table: list[Table]) -> None:
    rows = leading(admin, """
        select r.conname, c.relname, array(
          select a.attname::text from unnest(r.conkey) with ordinality as k (num, place)
          inner join pg_attribute as a on a.attrelid = r.conrelid and a.attnum = k.num order by k.place
        ), r.confrelid::regclass::text
        from pg_constraint as r inner join pg_class as c on c.oid = r.conrelid
        where r.contype = 'f' and r.connamespace = 'outbound'::regnamespace
    """)  # fmt: skip
    of = {table.name: table for table in every_table}
    wrong = []
    for key, table, columns, parent in rows:
        if table in GLOBAL_TABLES or parent in ONE_FOR_ALL:
            continue
        both = of[table].company_column == "company_id" and parent not in ORG_WIDE
        owned = both or (parent == "outbound.companies" and columns[1:2] != ["assigned_to"])
        lead = ["org_id", "company_id"] if owned else ["org_id"]
        if columns[: len(lead)] != lead:
            wrong.append((key, columns, parent))
    assert wrong == []
    assert len(rows) > 25


def test_every_tenant_table_hangs_on_its_organization_or_company(admin: Conn, every_table: list[Table]) -> None:
    """Through its keys each row leads to a company or an organization that exists."""
    rows = admin.execute("""
        select r.conrelid::regclass::text, r.confrelid::regclass::text from pg_constraint as r
        where r.contype = 'f' and r.connamespace = 'outbound'::regnamespace
    """).fetchall()
    reached = {"outbound.organizations"}
    for _ in range(10):
        reached |= {child for child, parent in rows if parent in reached}
    wanted = {f"outbound.{table.name}" for table in every_table if table.org_column}
    assert wanted - reached == set()


def test_references_are_checked_now_and_never_cascade(admin: Conn) -> None:
    loose = names(admin, """
        select conname::text from pg_constraint
        where connamespace = 'outbound'::regnamespace and contype = 'f'
          and (condeferrable or not convalidated or confdeltype <> 'a' or confupdtype <> 'a')
    """)  # fmt: skip
    assert loose == []


def test_partial_unique_indexes_leave_out_soft_deleted_rows(admin: Conn, every_table: list[Table]) -> None:
    rows = admin.execute("""
        select c.relname, i.indexrelid::regclass::text, pg_get_expr(i.indpred, i.indrelid)
        from pg_index as i inner join pg_class as c on c.oid = i.indrelid
        where i.indisunique and c.relnamespace = 'outbound'::regnamespace
          and not exists (select from pg_constraint as r where r.conindid = i.indexrelid)
    """).fetchall()
    soft = {table.name for table in every_table if table.has_deleted}
    assert [row[1] for row in rows if row[0] in soft and "deleted_at IS NULL" not in (row[2] or "")] == []
    assert len(rows) > 5


@pytest.mark.parametrize("kind", ["status", "state"])
def test_states_are_checked_text(admin: Conn, kind: str) -> None:
    unchecked = names(admin, f"""
        select c.relname || '.' || a.attname from pg_attribute as a inner join pg_class as c on c.oid = a.attrelid
        where c.relnamespace = 'outbound'::regnamespace and c.relkind = 'r' and a.attname ~ '(^|_){kind}$'
          and not exists (
            select from pg_constraint as r
            where r.conrelid = c.oid and r.contype = 'c' and r.conkey = array[a.attnum]
          )
    """)  # noqa: S608  # a parameter of this test  # fmt: skip
    assert unchecked == []
    assert (
        names(
            admin, "select typname::text from pg_type where typtype = 'e' and typnamespace = 'outbound'::regnamespace"
        )
        == []
    )


# Proof that these rules see what breaks them -----------------------------------------------------------------------

BROKEN = {
    "a table nobody fenced": "create table outbound.bare (org_id uuid not null, id uuid primary key)",
    "a fence dropped": "drop policy tenant_fence on outbound.leads",
    "a company fence dropped": "drop policy company_fence on outbound.leads",
    "a fence that lets all pass": "alter policy tenant_fence on outbound.leads using (true) with check (true)",
    "force switched off": "alter table outbound.leads no force row level security",
    "a unique index across tenants": "create unique index across on outbound.leads (org_id, id, email)",
    "a key across companies": "alter table outbound.campaign_leads add constraint across "
    "foreign key (org_id, lead_id) references outbound.leads (org_id, id)",
    "a new definer": "create function outbound.mine() returns int language sql security definer as 'select 1'",
    "an unpinned definer": "alter function ctx.open(text) reset search_path",
    "a view of the owner's": "create view dashboard.leads as select * from outbound.leads",
    "a door for everybody": "grant execute on function ctx.open_job(text) to public",
    "a secret granted": "grant select on ctx.keys to outbound_org",
    "a thing in public": "create table public.mine (id int)",
    "a leakproof function": "alter function outbound.normalize_email(text) leakproof",
}


@pytest.mark.parametrize("what", BROKEN)
def test_these_rules_see(place: Place, what: str) -> None:
    rules = [rule for name, rule in globals().items() if name.startswith("test_") and name != "test_these_rules_see"]
    broken = []
    with place.admin() as conn, conn.transaction(force_rollback=True):
        conn.execute(BROKEN[what])  # pyright: ignore[reportArgumentType]
        given = {"admin": conn, "every_table": tables(conn)}
        for rule in rules:
            wanted = {name: given[name] for name in inspect.signature(rule).parameters if name in given}
            try:
                rule(**wanted) if "kind" not in inspect.signature(rule).parameters else None
            except AssertionError:
                broken.append(rule.__name__)
    assert broken, f"no rule noticed {what}"
