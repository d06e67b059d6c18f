"""The living pages: only what differs is replaced, by object; what has no home is dropped, guards never."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from api.ops import pages
from api.ops.migrate import MigrationRefusedError
from api.ops.pages import PageError, split, statements
from api.ops.policies import apply_policies
from api.tasks import TASKS
from tests.database.catalog import value
from tests.database.migrating import run, snapshot
from tests.database.tenants import Conn, Place, enter, seed_world
from tests.engine import wait_for

UP_TO_DATE = "policies are up to date"
LOCKS = """
    select n.nspname || '.' || c.relname || ' ' || l.mode
    from pg_locks as l
    inner join pg_class as c on c.oid = l.relation and l.locktype = 'relation'
    inner join pg_namespace as n on n.oid = c.relnamespace
    where l.pid = %s and n.nspname in ('outbound', 'ctx', 'dashboard', 'jobs') and c.relkind <> 'i'
"""
DEFINITION = "select pg_get_functiondef('outbound.refuse_wrong_turn()'::regprocedure)"
PAGE = "subjects/leads.sql"


def page(files: Path, name: str, change: Callable[[str], str]) -> None:
    """Change a page's text."""
    path = files / "policies" / name
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before


def wider_trigger(text: str) -> str:
    """Have a trigger of campaign_leads fire on more."""
    return text.replace("trigger c_turns before update of push_state", "trigger c_turns before update")


def objects(conn: Conn) -> dict[str, tuple[str, str]]:
    """Return every object with what changes when it is written."""
    rows = conn.execute("""
        select p.oid::regprocedure::text, p.xmin::text, '' from pg_proc as p where p.oid > 16000
        union all
        select t.tgname || ' on ' || t.tgrelid::regclass, t.xmin::text, t.tgenabled::text
        from pg_trigger as t where t.oid > 16000
        union all select w.polname || ' on ' || w.polrelid::regclass, w.xmin::text, '' from pg_policy as w
    """).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


# Splitting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("select 1;", 1), ("select 1; select 2;", 2), ("select ';'; select $$;$$;", 2), ("-- a; b\nselect 1;", 1),
        ("/* ; */ select 1;", 1), ("select $a$ $$ ; $$ $a$;", 1), ('select ";" from "x;y";', 1),
        ("select 'it''s; so';", 1), (r"select E'it\'s; so'; select 2;", 2),
        (r"select date'a\'; select 2;", 2), ("\n-- only words; nothing else\n", 0), ("", 0),
    ],
)  # fmt: skip
def test_a_script_is_split_at_its_own_semicolons(text: str, count: int) -> None:
    parts = list(split(text))
    assert len(parts) == count
    assert re.sub(r"\s", "", "".join(parts)) in (re.sub(r"\s", "", text), "")


def test_what_does_not_end_is_refused() -> None:
    with pytest.raises(PageError, match="semicolon"):
        list(split("select 1; select 2"))


@pytest.mark.parametrize("sql", ["drop table outbound.leads;", "do $$ begin end $$;", "create table outbound.x ();"])
def test_a_page_holds_nothing_else(files: Path, sql: str) -> None:
    page(files, PAGE, lambda text: f"{text}\n{sql}\n")
    with pytest.raises(PageError, match=r"leads\.sql: a page holds"):
        statements(files)


def test_every_function_and_trigger_has_exactly_one_home(migrated: Place) -> None:
    """In the pages, or in the migrations that lean on it."""
    every = statements(pages.ROOT)
    texts = "".join(path.read_text() for path in sorted((pages.ROOT / "migrations").glob("*.sql")))
    in_migrations = set(re.findall(r"create (?:function|procedure) ([a-z_.0-9]+)", texts))
    functions = [each.name for each in every if each.kind == "function"]
    assert not in_migrations & set(functions)
    assert not re.search(r"create or replace|create trigger(?! touch)", texts)
    with migrated.admin() as conn:
        standing = conn.execute("""
            select n.nspname || '.' || p.proname, p.oid::regprocedure::text
            from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
            where n.nspname in ('outbound', 'ctx', 'jobs', 'dashboard') and p.proname not like 'procrastinate%'
        """).fetchall()
        triggers = conn.execute("""
            select t.tgname || ' on ' || t.tgrelid::regclass from pg_trigger as t
            inner join pg_class as c on c.oid = t.tgrelid
            where not t.tgisinternal and c.relnamespace = 'outbound'::regnamespace and t.tgname <> 'touch'
        """).fetchall()
    assert sorted(name for name, _ in standing if name not in in_migrations) == sorted(functions)
    assert sorted(row[0] for row in triggers) == sorted(each.name for each in every if each.kind == "trigger")


# Again -------------------------------------------------------------------------------------------------------------


def test_a_second_run_locks_no_table(migrated: Place) -> None:
    """All of it inside one transaction, at whose end its locks are looked at; only its own notes have been read."""
    said: list[str] = []
    with migrated.admin() as conn, migrated.admin() as watcher, conn.transaction():
        apply_policies(conn, pages.ROOT, said.append)
        locks = watcher.execute(LOCKS, [conn.info.backend_pid]).fetchall()
    assert (said, locks) == ([UP_TO_DATE], [("ctx.applied_objects AccessShareLock",)])


def test_a_second_run_waits_for_no_lock_on_any_table(migrated: Place) -> None:
    with migrated.admin() as conn, conn.transaction():
        for (name,) in conn.execute(
            "select oid::regclass::text from pg_class where relnamespace = 'outbound'::regnamespace and relkind = 'r'"
        ).fetchall():
            conn.execute(f"lock table {name} in access exclusive mode")  # pyright: ignore[reportArgumentType]
        assert run(migrated)[-1] == UP_TO_DATE


def test_only_the_object_that_changed_is_replaced(migrated: Place, files: Path) -> None:
    with migrated.admin() as conn:
        before = objects(conn)
        page(files, PAGE, lambda text: text.replace("push_state cannot go", "push_state may not go"))
        assert run(migrated)[-1] == "applied 1 of kind function"
        after = objects(conn)
        assert {name for name in after if after[name] != before.get(name)} == {"outbound.refuse_wrong_turn()"}
        assert "may not go" in value(conn, DEFINITION)
        assert run(migrated)[-1] == UP_TO_DATE


SPOILT = {
    "a function's body": (
        "create or replace function outbound.refuse_wrong_turn() returns trigger language plpgsql as "
        "$$ begin return new; end $$", "outbound.refuse_wrong_turn()",
    ),
    "a trigger switched off": ("alter table outbound.campaign_leads disable trigger c_turns", "c_turns on"),
    "a trigger gone": ("drop trigger c_turns on outbound.campaign_leads", "c_turns on"),
    "a fence with another condition": ("alter policy tenant_fence on outbound.leads using (true)", "tenant_fence on"),
    "a fence gone": ("drop policy tenant_fence on outbound.leads", "tenant_fence on"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
def test_what_was_changed_by_hand_is_put_back(migrated: Place, what: str) -> None:
    statement, name = SPOILT[what]
    with migrated.admin() as conn:
        objects_before = conn.execute(
            "select pg_get_functiondef('outbound.refuse_wrong_turn()'::regprocedure)"
        ).fetchall()
        conn.execute(statement)  # pyright: ignore[reportArgumentType]
        assert UP_TO_DATE not in run(migrated)
        assert any(each.startswith(name) for each in objects(conn))
        assert conn.execute(DEFINITION).fetchall() == objects_before
        assert value(conn, "select tgenabled::text from pg_trigger where tgname = 'c_turns'") == "O"
        fence = "select pg_get_expr(polqual, polrelid) from pg_policy where polname = 'tenant_fence' and polrelid = "
        assert "ctx.org_id()" in value(conn, fence + "'outbound.leads'::regclass")
        assert run(migrated)[-1] == UP_TO_DATE


@pytest.mark.parametrize(
    "statement",
    [
        "grant select on outbound.leads to outbound_public",
        "grant select (credential) on outbound.connections to public",
        "revoke select on outbound.leads from outbound_company", "grant usage on schema outbound to outbound_public",
        "grant execute on function ctx.set_scope(uuid, uuid, uuid, text) to outbound_company",
        "alter role outbound_company set statement_timeout = 0",
        "grant create on schema outbound to outbound_company",
        "grant usage, create on schema jobs to outbound_public",
        "grant all on all sequences in schema jobs to outbound_company",
        "grant select on outbound.campaigns to pg_monitor with grant option",
    ],
)  # fmt: skip
def test_rights_that_were_changed_by_hand_are_put_right(migrated: Place, statement: str) -> None:
    signs = "select has_function_privilege('outbound_company', 'ctx.set_scope(uuid,uuid,uuid,text)', 'execute')"
    rights = "select string_agg(relname || relacl::text, '') from pg_class where oid > 16000"
    with migrated.admin() as conn:
        conn.execute(statement)  # pyright: ignore[reportArgumentType]
        assert run(migrated)[-1] == "applied the grants"
        assert "outbound_public=r" not in str(value(conn, rights))
        assert value(conn, "select has_table_privilege('outbound_company', 'outbound.leads', 'select')")
        assert not value(conn, signs)
        assert run(migrated)[-1] == UP_TO_DATE


def test_a_table_that_the_cli_brought_is_fenced(migrated: Place, files: Path) -> None:
    """`supabase db push` applies the migration; the policies are `outbound migrate`'s, whichever of them came first."""
    table = """
        set role outbound_owner;
        create table outbound.strays (org_id uuid not null, company_id uuid not null, id uuid primary key);
        reset role;
    """
    (files / "migrations" / "20261231000000_outbound_strays.sql").write_text(table)
    page(files, PAGE, lambda text: text + "grant select on outbound.strays to outbound_company;\n")
    with migrated.admin() as conn:
        conn.execute(table)
        conn.execute(
            "insert into supabase_migrations.schema_migrations (version, name) "
            "values ('20261231000000', 'outbound_strays')"
        )
        said = run(migrated)
        assert "switched row level security on for outbound.strays" in said
        names = (
            "select array_agg(polname::text order by polname) from pg_policy "
            "where polrelid = 'outbound.strays'::regclass"
        )
        assert value(conn, names) == ["company_fence", "outbound_company_select", "owner_all", "tenant_fence"]
        assert run(migrated)[-1] == UP_TO_DATE


def test_what_two_pages_make_is_refused(migrated: Place, files: Path) -> None:
    """Else each run would put the other's text in place."""
    twice = "create or replace function outbound.refuse_wrong_turn() returns trigger language plpgsql as "
    page(files, "subjects/companies.sql", lambda text: text + twice + "$$ begin return new; end $$;\n")
    with migrated.admin() as conn:
        before = snapshot(conn)
        with pytest.raises(MigrationRefusedError, match="made by another page"):
            run(migrated)
        assert snapshot(conn) == before


def test_the_tasks_are_those_that_can_be_due(migrated: Place) -> None:
    """A worker runs what the due views name, and nothing waits for a task that no worker knows."""
    with migrated.admin() as conn:
        named = conn.execute("select task from jobs.due_tasks()").fetchall()
    assert {row[0] for row in named} == set(TASKS)


# Without a home ----------------------------------------------------------------------------------------------------


def test_what_no_file_makes_is_dropped_and_named(migrated: Place) -> None:
    """Names that need quotes, too, and what hangs on each other."""
    with migrated.admin() as conn:
        conn.execute("set role outbound_owner")
        conn.execute("create function outbound.stray() returns trigger language plpgsql as $$ begin return new; end $$")
        for name in ("stray", '"Stray one"'):
            for made in (
                f"create trigger {name} before insert on outbound.leads for each row execute function outbound.stray()",
                f"create policy {name} on outbound.leads for select to outbound_company using (true)",
                f"create view outbound.{name} as select 1 as one",
            ):
                conn.execute(made)  # pyright: ignore[reportArgumentType]
        conn.execute("create view outbound.a_first as select one from outbound.stray")
        conn.execute("create view jobs.due_strays as select 1 as one")
        conn.execute("reset role")
        said = run(migrated)
        for gone in (
            "policy stray on outbound.leads", "trigger stray on outbound.leads", "view jobs.due_strays",
            "function outbound.stray()", 'policy "Stray one" on outbound.leads',
            'trigger "Stray one" on outbound.leads', 'view outbound."Stray one"', "view outbound.stray",
            "view outbound.a_first",
        ):  # fmt: skip
            assert f"dropped {gone}: no file makes it any more" in said, said
        assert run(migrated)[-1] == UP_TO_DATE


def test_what_others_hang_on_is_left_and_named(migrated: Place) -> None:
    with migrated.admin() as conn:
        conn.execute("set role outbound_owner")
        conn.execute("create view outbound.stray as select 1 as one")
        conn.execute("reset role")
        conn.execute("create view public.theirs as select * from outbound.stray")
        assert any("view outbound.stray; it was left, since view public.theirs" in line for line in run(migrated))
        assert run(migrated)[-1] == UP_TO_DATE, "a warning stops nothing"


def test_what_belongs_to_another_owner_is_refused_in_a_sentence(migrated: Place) -> None:
    with migrated.admin() as conn:
        conn.execute("create table outbound.theirs (id int)")
        with pytest.raises(MigrationRefusedError, match=r"outbound\.theirs .* belongs to postgres"):
            run(migrated)


def test_names_are_printed_with_their_schema_whatever_the_path(migrated: Place) -> None:
    with migrated.admin() as conn:
        conn.execute(f"alter database {migrated.dbname} set search_path = outbound, ctx, public")  # pyright: ignore[reportArgumentType]
    assert run(migrated)[-1] == UP_TO_DATE


def test_a_comment_that_the_page_lacks_goes(migrated: Place, files: Path) -> None:
    with migrated.admin() as conn:
        conn.execute("comment on function outbound.refuse_wrong_turn() is 'by hand'")
        assert run(migrated)[-1] == "applied 1 of kind function"
        assert value(conn, "select obj_description('outbound.refuse_wrong_turn()'::regprocedure)") is None
        page(files, PAGE, lambda text: text.replace("comment on view jobs.due_leads is 'account.work';", ""))
        run(migrated)
        assert value(conn, "select obj_description('jobs.due_leads'::regclass)") is None
        assert run(migrated)[-1] == UP_TO_DATE


def test_a_function_with_another_signature_takes_the_old_ones_place(migrated: Place, files: Path) -> None:
    page(files, "subjects/companies.sql", lambda text: text + (
        "create or replace function outbound.hello(a integer) returns integer language sql as $$ select a $$;\n"
    ))  # fmt: skip
    run(migrated)
    page(
        files, "subjects/companies.sql", lambda text: text.replace("a integer) returns integer", "a text) returns text")
    )
    assert "dropped function outbound.hello(integer): no file makes it any more" in run(migrated)
    page(files, "subjects/companies.sql", lambda text: text.replace("a text) returns text", "a text) returns json"))
    page(files, "subjects/companies.sql", lambda text: text.replace("$$ select a $$", "$$ select to_json(a) $$"))
    assert run(migrated)[-1].startswith("applied 1 of kind function")
    assert run(migrated)[-1] == UP_TO_DATE


@pytest.mark.parametrize(
    ("name", "kind", "stands"),
    [
        ("subjects/leads.sql", "b_refuse_suppressed", "trigger b_refuse_suppressed on outbound.campaign_leads"),
        ("subjects/suppressions.sql", "outbound.is_suppressed", "function outbound.is_suppressed("),
        ("10_context.sql", "ctx.company_id", "function ctx.company_id()"),
    ],
)
def test_what_guards_is_left_and_named(migrated: Place, files: Path, name: str, kind: str, stands: str) -> None:
    """A page that loses a guard by accident takes it from no database."""
    path = files / "policies" / name
    kept = [
        part for part in split(path.read_text()) if f" {kind}" not in part.split("\n$$")[0] or "grant " in part[:200]
    ]
    path.write_text("\n".join(kept) + "\n")
    with migrated.admin() as conn:
        before = {key for key in objects(conn) if stands.split(" ", 1)[1] in key}
        assert before
        said = run(migrated)
        assert any(line.startswith(f"warning: no file makes {stands}") for line in said), said
        assert before <= objects(conn).keys()


def test_no_trigger_that_guards_goes_with_its_line(migrated: Place, files: Path) -> None:
    """Triggers close credentials and tenants and are do-not-contact: each of their lines in turn is lost."""
    guarding = re.compile("sync_|suppress|lock_do_not_contact|close_tenant|refuse_closed|b_apply")
    tried = 0
    for path in sorted((files / "policies" / "subjects").glob("*.sql")):
        text = path.read_text()
        for part in split(text):
            name = re.search(r"create or replace trigger (\w+)", part)
            if name is None or not guarding.search(name[1] + part.rpartition("execute function")[2].split("(")[0]):
                continue
            tried += 1
            path.write_text(text.replace(part.split("\n\n")[-1], ""))
            said = run(migrated)
            assert any(line.startswith(f"warning: no file makes trigger {name[1]} on") for line in said), (
                name[1],
                said,
            )
            path.write_text(text)
    run(migrated)
    assert tried >= 15
    assert run(migrated)[-1] == UP_TO_DATE


# Under load --------------------------------------------------------------------------------------------------------


def test_a_busy_table_is_waited_for_in_short_turns(migrated: Place, files: Path) -> None:
    page(
        files,
        PAGE,
        wider_trigger,
    )
    said: list[str] = []
    with migrated.admin() as holder, migrated.admin() as reader:
        holder.execute("begin")
        holder.execute("lock table outbound.campaign_leads in row exclusive mode")  # a writer is at work there
        migrating = threading.Thread(target=lambda: said.extend(run(migrated)))
        migrating.start()
        waiting = "select count(*) from pg_locks where not granted"
        wait_for("the migrator at the table", lambda: value(reader, waiting), 30)
        holder.execute("commit")
        migrating.join(60)
    assert said[-1] == "applied 1 of kind trigger"


def test_who_never_lets_go_ends_it_with_nothing_changed(
    migrated: Place, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.ops.policies.LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr("api.ops.policies.TRIES", 3)
    page(
        files,
        PAGE,
        wider_trigger,
    )
    with migrated.admin() as holder, migrated.admin() as conn:
        before = snapshot(conn)
        holder.execute("begin")
        holder.execute("lock table outbound.campaign_leads in row exclusive mode")
        said: list[str] = []
        with pytest.raises(psycopg.errors.LockNotAvailable):
            apply_policies(conn, files, said.append)
        assert said == [f"outbound.campaign_leads is busy, trying again ({n} of 3)" for n in (1, 2)]
        holder.execute("rollback")
        assert snapshot(conn) == before


def test_a_broken_page_leaves_every_fence_standing(migrated: Place, files: Path) -> None:
    page(files, "40_dashboards.sql", lambda text: text + "grant select on outbound.nothing to dashboard_org;\n")
    with migrated.admin() as conn:
        before = snapshot(conn)
        with pytest.raises(psycopg.errors.UndefinedTable):
            run(migrated)
        assert snapshot(conn) == before


def test_no_moment_is_without_fences(migrated: Place, files: Path) -> None:
    """Readers look while all policies are dropped and made again, several times."""
    looks: list[object] = []
    stop = threading.Event()
    with migrated.admin() as admin:
        world = seed_world(admin)
        fences = "select count(*) from pg_policies where policyname = 'tenant_fence'"
        wanted = value(admin, fences)

    def look() -> None:
        with migrated.role("org") as conn, migrated.admin() as watcher:
            while not stop.is_set():
                looks.append(value(conn, "select count(*) from outbound.campaigns"))
                with conn.transaction():
                    enter(conn, "org", world.b1)
                    looks.append(value(conn, "select count(distinct org_id) - 1 from outbound.leads"))
                looks.append(value(watcher, fences) - wanted)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(3):
        page(
            files,
            pages.FENCES,
            lambda text, n=number: re.sub(r"check \(true( or \d = 0)?\)", f"check (true or {n} = 0)", text),
        )
        assert "of kind policy" in run(migrated)[-1]
    stop.set()
    reader.join(30)
    assert not reader.is_alive()
    assert set(looks) == {0}
    assert len(looks) > 12
