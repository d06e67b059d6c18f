"""The comparison of two databases sees each single thing that can be changed, names it, and sees nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pytest_postgresql.executors import NoopExecutor

from tests.database.catalog import value
from tests.database.catalog_sets import Sets, difference, main, read
from tests.database.tenants import Conn, Place
from tests.database.test_migrate import database

LEADS_DOMAIN = "create index leads_domain on outbound.leads (org_id, company_id, domain_path, id desc)"
NARROWER_TOUCH = """
create or replace function outbound.touch() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := pg_catalog.clock_timestamp();
  return new;
end
$$
"""


def altered(thing: str) -> set[str]:
    """Return how a comparison names a thing that both have, each in its own form."""
    return {f"- {thing}", f"+ {thing}"}


# What is done, and the things that a comparison must then name: these and no other.
CHANGES = {
    "a check dropped": (
        "alter table outbound.campaigns drop constraint campaigns_window",
        {"- constraints: outbound.campaigns campaigns_window"},
    ),
    "a check renamed": (
        "alter table outbound.campaigns rename constraint campaigns_window to campaigns_hours",
        {"- constraints: outbound.campaigns campaigns_window", "+ constraints: outbound.campaigns campaigns_hours"},
    ),
    "a key that may wait": (
        "alter table outbound.leads alter constraint leads_company deferrable",
        altered("constraints: outbound.leads leads_company"),
    ),
    "a key that is not looked after": (
        "alter table outbound.campaign_senders disable trigger all, enable trigger user",
        altered("constraints: outbound.campaign_senders campaign_senders_campaign")
        | altered("constraints: outbound.campaign_senders campaign_senders_sender"),
    ),
    "a default changed": (
        "alter table outbound.campaigns alter column timezone set default 'Europe/Berlin'",
        altered("columns: outbound.campaigns.timezone"),
    ),
    "null allowed": (
        "alter table outbound.campaigns alter column timezone drop not null",
        altered("columns: outbound.campaigns.timezone"),
    ),
    "a type changed": (
        "alter table outbound.providers alter column title type varchar(400)",
        altered("columns: outbound.providers.title"),
    ),
    "a column kept otherwise": (
        "alter table outbound.campaigns alter column sync_error set storage external",
        altered("columns: outbound.campaigns.sync_error"),
    ),
    "a generated column that is made otherwise": (
        "alter table outbound.leads drop column domain_path; alter table outbound.leads add column domain_path text "
        'collate "C" generated always as (split_part(email, \'@\', -1)) stored; '
        f"{LEADS_DOMAIN} where deleted_at is null",
        altered("columns: outbound.leads.domain_path"),
    ),
    "an index dropped": ("drop index outbound.leads_domain", {"- indexes: outbound.leads_domain"}),
    "an index over other rows": (
        f"drop index outbound.leads_domain; {LEADS_DOMAIN} where deleted_at is not null",
        altered("indexes: outbound.leads_domain"),
    ),
    "a trigger off": ("alter table outbound.leads disable trigger touch", altered("triggers: outbound.leads touch")),
    "a trigger dropped": ("drop trigger touch on outbound.leads", {"- triggers: outbound.leads touch"}),
    "a function's body": (NARROWER_TOUCH, altered("functions: outbound.touch()")),
    # In the text of a function `security definer` shares its line with nothing, so only the new has one.
    "a function's rights": ("alter function outbound.touch() security definer", {"+ functions: outbound.touch()"}),
    "a function's owner": (
        "alter function outbound.touch() owner to postgres",
        altered("functions: outbound.touch()") | altered("grants: function outbound.touch()"),
    ),
    "a function for all": (
        "grant execute on function outbound.touch() to public",
        {"+ grants: function outbound.touch()"},
    ),
    "a column's right revoked": (
        "revoke update (timezone) on outbound.campaigns from outbound_company",
        {"- grants: column outbound.campaigns.timezone"},
    ),
    "a right granted": ("grant delete on outbound.leads to outbound_org", {"+ grants: relation outbound.leads"}),
    "a right on a schema": ("grant usage on schema jobs to outbound_public", {"+ grants: schema jobs"}),
    "a right by default": (
        "alter default privileges for role outbound_owner in schema ctx grant select on tables to outbound_org",
        {"+ default_privileges: r in ctx"},
    ),
    "a policy dropped": ("drop policy tenant_fence on outbound.leads", {"- policies: outbound.leads tenant_fence"}),
    "a policy that says otherwise": (
        "alter policy tenant_fence on outbound.leads using (org_id = ctx.org_id())",
        altered("policies: outbound.leads tenant_fence"),
    ),
    "a policy for others": (
        "alter policy company_fence on outbound.leads to outbound_company",
        altered("policies: outbound.leads company_fence"),
    ),
    "no force": ("alter table outbound.leads no force row level security", altered("relations: outbound.leads")),
    "an option of a table": ("alter table outbound.leads set (fillfactor = 70)", altered("relations: outbound.leads")),
    "a view": (
        "create view dashboard.names with (security_invoker) as select key from outbound.capabilities",
        {
            "+ relations: dashboard.names", "+ columns: dashboard.names.key", "+ grants: relation dashboard.names",
            "+ grants: type dashboard.names",
        },
    ),
    "a word of an enum": (
        "alter type jobs.procrastinate_job_status add value 'resting' after 'todo'",
        altered("types: jobs.procrastinate_job_status"),
    ),
    "statistics": (
        "create statistics outbound.together on first_name, last_name from outbound.leads",
        {"+ others: statistics object outbound.together"},
    ),
    "a comment": (
        "comment on column outbound.leads.custom is 'ours'",
        {"+ comments: table column outbound.leads.custom"},
    ),
    "a role's setting": ("alter role outbound_org set statement_timeout = '16s'", altered("settings: outbound_org")),
    "a role's flag": ("alter role outbound_org bypassrls", altered("roles: outbound_org")),
    "a member": ("grant outbound_owner to outbound_org", {"+ memberships: outbound_owner"}),
    "a seed": (
        "update outbound.capabilities set title = 'Mail' where key = 'email_outreach'",
        altered("seeds: outbound.capabilities email_outreach"),
    ),
}  # fmt: skip
# For each empty table its first column that another follows and on which nothing stands: how it is dropped and made
# again in the last place, with its grants.
REORDERING = """
select distinct on (c.oid)
  concat_ws(
    ' ', format('alter table %1$s drop column %2$I; alter table %1$s add column %2$I', c.oid::regclass, a.attname),
    format_type(a.atttypid, a.atttypmod), 'default ' || pg_get_expr(d.adbin, d.adrelid),
    case when a.attnotnull then 'not null' end
  ) || coalesce((
    select string_agg(
      format('; grant %s (%I) on %s to %s', g.privilege_type, a.attname, c.oid::regclass, g.grantee::regrole), ''
    ) from aclexplode(a.attacl) as g
  ), '') || case
    when a.attstattarget = 0
      then format('; alter table %s alter column %I set statistics 0', c.oid::regclass, a.attname) else ''
  end
from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = 'outbound'::regnamespace and c.relkind = 'r' and c.relname not in ('capabilities', 'providers')
  and a.attgenerated = ''
  and exists (select from pg_attribute as o where o.attrelid = c.oid and o.attnum > a.attnum and not o.attisdropped)
  and not exists (
    select from pg_depend as n
    left join pg_attrdef as own on n.classid = 'pg_attrdef'::regclass and own.oid = n.objid
    left join pg_constraint as k on n.classid = 'pg_constraint'::regclass and k.oid = n.objid
    where n.refclassid = 'pg_class'::regclass and n.refobjid = c.oid and n.refobjsubid = a.attnum
      and own.adnum is distinct from a.attnum and k.contype is distinct from 'n'
  )
order by c.oid, a.attnum
"""
PLACES = """
select c.relname, array_agg(a.attname::text order by a.attnum)
from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'outbound'::regnamespace and c.relkind = 'r' group by 1
"""


@pytest.fixture(scope="module")
def copy(postgresql_noproc: NoopExecutor) -> Iterator[Place]:
    """A migrated database of its own; what a test changes in it is rolled back."""
    with database(postgresql_noproc, f"template {postgresql_noproc.template_dbname}") as place:
        yield place


@pytest.fixture(scope="module")
def conn(copy: Place) -> Iterator[Conn]:
    """A superuser's connection to it."""
    with copy.admin() as conn:
        yield conn


@pytest.fixture(scope="module")
def before(conn: Conn) -> Sets:
    """Its sets as the migrations made them."""
    return read(conn)


def run(conn: Conn, statements: object) -> None:
    """Run one or more statements."""
    conn.execute(str(statements).encode())


def things(lines: list[str]) -> set[str]:
    """Return what lines of a difference are about."""
    return {line.partition(" | ")[0] for line in lines}


def test_a_database_is_the_same_as_itself(conn: Conn, before: Sets) -> None:
    assert difference(before, read(conn)) == []


def test_no_set_is_empty_by_mistake(before: Sets) -> None:
    counts = {name: len(lines) for name, lines in before.items()}
    least = {
        "schemas": 4, "relations": 40, "columns": 300, "constraints": 150, "indexes": 100, "triggers": 50,
        "functions": 80, "policies": 200, "grants": 1000, "default_privileges": 1, "types": 2, "sequences": 4,
        "comments": 5, "extensions": 1, "roles": 8, "settings": 6, "memberships": 1, "seeds": 5, "others": 0,
    }  # fmt: skip
    assert counts.keys() == least.keys()
    assert [name for name in least if counts[name] < least[name]] == []


@pytest.mark.parametrize("change", CHANGES)
def test_one_change_is_seen_and_nothing_else(conn: Conn, before: Sets, change: str) -> None:
    statements, named = CHANGES[change]
    with conn.transaction(force_rollback=True):
        run(conn, statements)
        after = read(conn)
    assert things(difference(before, after)) == named
    assert things(difference(after, before)) == {line.translate({43: "-", 45: "+"}) for line in named}


def test_of_a_function_only_the_lines_that_differ_are_returned(conn: Conn, before: Sets) -> None:
    with conn.transaction(force_rollback=True):
        run(conn, NARROWER_TOUCH)
        assert difference(before, read(conn)) == [
            "- functions: outbound.touch() |   new.updated_at := pg_catalog.transaction_timestamp();",
            "+ functions: outbound.touch() |   new.updated_at := pg_catalog.clock_timestamp();",
        ]


def test_the_order_of_columns_does_not_matter(conn: Conn, before: Sets) -> None:
    with conn.transaction(force_rollback=True):
        places = dict(conn.execute(PLACES).fetchall())
        statements = [row[0] for row in conn.execute(REORDERING).fetchall()]
        for each in statements:
            run(conn, each)
        moved = [name for name, columns in conn.execute(PLACES).fetchall() if columns != places[name]]
        assert difference(before, read(conn)) == []
    assert len(moved) == len(statements) > 25
    assert sum("; grant " in each for each in statements) > 5


def test_the_order_of_grants_and_who_granted_do_not_matter(conn: Conn, before: Sets) -> None:
    with conn.transaction(force_rollback=True):
        acl = "select relacl::text from pg_class where oid = 'outbound.leads'::regclass"
        was = value(conn, acl)
        run(conn, "revoke select on outbound.leads from outbound_org, outbound_company, outbound_worker")
        run(conn, "grant select on outbound.leads to outbound_worker, outbound_org with grant option")
        run(conn, "set role outbound_org; grant select on outbound.leads to outbound_company; reset role")
        run(conn, "revoke grant option for select on outbound.leads from outbound_worker")
        assert value(conn, acl) != was
        shown = difference(before, read(conn))
    assert shown == [
        "- grants: relation outbound.leads | grantee outbound_org, privilege SELECT, grantable False",
        "+ grants: relation outbound.leads | grantee outbound_org, privilege SELECT, grantable True",
    ]


def test_what_the_migrator_owns_does_not_tell_its_name(conn: Conn, before: Sets) -> None:
    assert "<migrator>" not in "".join(before["relations"])
    with conn.transaction(force_rollback=True):
        run(conn, "create role somebody; alter table supabase_migrations.schema_migrations owner to somebody")
        run(conn, "alter table outbound.leads owner to somebody")
        shown = [line for line in difference(before, read(conn)) if line.startswith("+ relations: outbound.leads")]
    assert len(shown) == 1
    assert ", owner <migrator>, " in shown[0]


def test_reading_leaves_the_settings_of_the_transaction_alone(conn: Conn) -> None:
    with conn.transaction(force_rollback=True):
        run(conn, "set local search_path = ctx; set local timezone = 'Asia/Tokyo'")
        read(conn)
        assert (value(conn, "show search_path"), value(conn, "show timezone")) == ("ctx", "Asia/Tokyo")
    assert conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_the_command_compares_addresses_and_files(
    copy: Place, before: Sets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql://postgres:{copy.password}@{copy.host}:{copy.port}/{copy.dbname}"
    same, other = tmp_path / "same.json", tmp_path / "other.json"
    assert main([url]) == 0
    same.write_text(printed := capsys.readouterr().out)
    assert {name: set(lines) for name, lines in json.loads(printed).items()} == before
    assert main([str(same), url]) == 0
    assert capsys.readouterr().out.startswith(f"The same: 4 schemas, {len(before['relations'])} relations, ")
    other.write_text(json.dumps({**json.loads(printed), "seeds": []}))
    assert main([url, str(other)]) == 1
    assert things(capsys.readouterr().out.splitlines()) == {
        f"- seeds: {line.partition(' | ')[0]}" for line in before["seeds"]
    }
    assert main([]) == 2
