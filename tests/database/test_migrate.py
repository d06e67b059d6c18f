"""`outbound migrate` brings any database we recognise to this version, again and again, and refuses the others."""

import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from pytest_postgresql.executors import NoopExecutor

from api.dev.embedded import EmbeddedPostgres
from api.dev.home import Home
from api.ops import pages
from api.ops.migrate import MigrationRefusedError, migrate, migration_files
from api.settings import generate_key
from tests.conftest import TICKET_KEYS
from tests.database import test_catalog
from tests.database.catalog import census, owned, tables, value
from tests.database.migrating import database, run, settings_for, snapshot
from tests.database.tenants import TIERS, Place, acting, attempt, seed_world
from tests.support.ports import free_port

# Again -------------------------------------------------------------------------------------------------------------


def test_running_again_changes_nothing(migrated: Place) -> None:
    with migrated.admin() as conn:
        before = snapshot(conn)
        said = run(migrated)
        assert snapshot(conn) == before
    assert said == ["set the passwords of the login roles that have an address", "policies are up to date"]
    assert len(before["policies"]) > 100


def test_versions_are_recorded_as_the_supabase_cli_does(migrated: Place) -> None:
    paths = sorted((pages.ROOT / "migrations").glob("*.sql"))
    with migrated.admin() as conn:
        recorded = snapshot(conn)["versions"]
    stems = [path.stem.partition("_") for path in paths]
    assert recorded == [(stem[0], stem[2], [path.read_text()]) for stem, path in zip(stems, paths, strict=True)]
    assert all(len(str(row[0])) == 14 for row in recorded)


def test_a_version_that_the_cli_applied_is_not_applied_again(migrated: Place, files: Path) -> None:
    (files / "migrations" / "20261231000000_later.sql").write_text("create table public.later (id int);\n")
    with migrated.admin() as conn:
        conn.execute("create table public.later (id int)")
        conn.execute("insert into supabase_migrations.schema_migrations (version) values ('20261231000000')")
    assert not [line for line in run(migrated) if "later" in line]


def test_two_migrators_at_once_both_succeed(empty: Place) -> None:
    ends: list[list[str] | Exception] = []

    def go() -> None:
        try:
            ends.append(run(empty))
        except Exception as error:  # shown by the assertion
            ends.append(error)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(any("applied migration" in line for line in end) for end in ends if isinstance(end, list)) == [
        False, True,
    ]  # fmt: skip


def test_a_new_ticket_key_is_added_and_the_context_key_stays(migrated: Place) -> None:
    contexts = "select inner_pad from ctx.keys where kind = 'context'"
    with migrated.admin() as conn:
        before = conn.execute(contexts).fetchall()
        said = run(migrated, keys=f"{generate_key('t2')},{TICKET_KEYS}")
        kids = conn.execute("select kid from ctx.keys where kind = 'ticket' order by 1").fetchall()
        assert (kids, conn.execute(contexts).fetchall()) == ([("t1",), ("t2",)], before)
        assert not [line for line in said if "context key" in line]
        assert "warning: OUTBOUND_TICKET_KEYS is not set, so no request can open a context yet" in run(
            migrated, keys=None
        )


@pytest.mark.parametrize("tier", TIERS)
def test_no_role_may_make_temporary_things(database_of_our_own: Place, tier: str) -> None:
    """A copy of a template does not inherit the rights of a database, so this one is migrated itself."""
    statements = [
        "create temporary table mine (id int)", "create temporary view mine as select 1",
        "create function pg_temp.mine() returns int language sql as 'select 1'",
    ]  # fmt: skip
    with database_of_our_own.role(tier) as conn:
        ends = {statement: attempt(conn, statement).sqlstate for statement in statements}
        assert ends == dict.fromkeys(statements, "42501")
        assert not value(conn, "select has_database_privilege(current_database(), 'CREATE')")
        assert value(conn, "select has_database_privilege(current_database(), 'CONNECT')")


# As Supabase's postgres role ---------------------------------------------------------------------------------------


@pytest.fixture
def migrator(postgresql_noproc: NoopExecutor) -> Iterator[tuple[Place, str, str]]:
    """An empty database of a role like Supabase's `postgres`: no superuser, but it makes roles and passes policies.

    Our roles exist in this cluster already, so it is given them as if it had made them."""
    name, password = f"migrator_{secrets.token_hex(4)}", secrets.token_hex(8)
    server = Place(postgresql_noproc.host, int(postgresql_noproc.port), "postgres", str(postgresql_noproc.password))
    with server.admin() as conn:
        conn.execute(f"create role {name} login createrole createdb bypassrls nosuperuser password '{password}'")  # pyright: ignore[reportArgumentType]
        ours = conn.execute("select rolname from pg_roles where rolname ~ '^(outbound|dashboard)_'").fetchall()
        for (role,) in ours:
            grant = sql.SQL("grant {} to {} with admin option").format(sql.Identifier(role), sql.Identifier(name))
            conn.execute(grant)
        with database(postgresql_noproc, f"owner {name} template template0") as place:
            yield place, name, password
        for (role,) in ours:
            revoke = sql.SQL("revoke {} from {} cascade").format(sql.Identifier(role), sql.Identifier(name))
            conn.execute(revoke)
        conn.execute(f"drop role {name}")  # pyright: ignore[reportArgumentType]


def test_a_migrator_like_supabases_makes_the_same_walls(migrator: tuple[Place, str, str]) -> None:
    place, name, password = migrator
    with place.admin() as conn:
        conn.execute("revoke execute on function lo_create(oid) from public")  # as `outbound doctor` advises
    said = run(place, user=name, password=password)
    assert len([line for line in said if line.startswith("applied migration")]) == len(migration_files())
    assert run(place, user=name, password=password)[-1] == "policies are up to date"
    with place.admin() as conn:
        assert not value(conn, "select rolsuper from pg_roles where rolname = %s", [name])
        every = tables(conn)
        test_catalog.test_every_table_has_row_security_enabled_and_forced(conn)
        test_catalog.test_every_tenant_table_has_exactly_one_fence_and_a_companys_table_a_second(conn, every)
        test_catalog.test_everything_of_ours_belongs_to_the_owner_role(conn)
        test_catalog.test_definer_functions_are_exactly_the_known_ones(conn)
        test_catalog.test_each_door_is_executable_by_exactly_its_roles(conn)
        test_catalog.test_nothing_of_ours_is_open_to_public(conn)
        world = seed_world(conn)
        with acting(place, "company", world.a1) as request:
            for table in every:
                if (shown := census(request, table)) is not None:
                    assert shown == owned(conn, table, world.a1.org_id, world.a1.id), table.name
            assert attempt(request, "select count(*) from outbound.campaigns").rows == [(2,)]


# Refused -----------------------------------------------------------------------------------------------------------


def test_a_schema_that_is_not_ours_is_refused_and_left_alone(empty: Place) -> None:
    with empty.admin() as conn:
        conn.execute("create schema outbound")
        conn.execute("create table outbound.theirs (id int)")
        with pytest.raises(MigrationRefusedError, match="not made by these migrations"):
            run(empty)
        left = "select array_agg(relname::text) from pg_class where relnamespace = 'outbound'::regnamespace"
        assert value(conn, left) == ["theirs"]
        assert value(conn, "select to_regnamespace('ctx') is null")
        conn.execute("drop schema outbound cascade")
    assert any("applied migration" in line for line in run(empty))


@pytest.mark.parametrize("version", ["20261129999999", "20991231000000"])
def test_a_newer_database_is_refused_and_a_host_projects_own_migrations_are_not(migrated: Place, version: str) -> None:
    with migrated.admin() as conn:
        add = "insert into supabase_migrations.schema_migrations (version, name) values (%s, %s)"
        conn.execute(add, ["20240101000000", "theirs"])
        conn.execute(add, [f"{int(version) - 1}", "theirs_too"])
        conn.execute(add, [f"{int(version) - 2}", None])
        assert run(migrated)[-1] == "policies are up to date"
        conn.execute(add, [version, "outbound_more"])
        before = snapshot(conn)
        with pytest.raises(MigrationRefusedError, match=version):
            run(migrated)
        assert snapshot(conn) == before


def test_a_database_from_before_the_first_release_is_refused_with_advice(migrated: Place) -> None:
    with migrated.admin() as conn:
        conn.execute("insert into supabase_migrations.schema_migrations (version) values ('20261122000100')")
        with pytest.raises(MigrationRefusedError, match="make reset"):
            run(migrated)


def test_the_local_engine_says_so_too(workplace: Path) -> None:
    path = workplace / "older"
    path.mkdir()
    home = Home.open(path)
    home.state.ports = {name: free_port() for name in home.state.ports}
    home.save()
    server = EmbeddedPostgres(
        path / "postgres", home.state.ports["postgres"], home.state.passwords["admin"], fsync=False
    )
    server.start()
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute("create schema supabase_migrations")
        conn.execute("create table supabase_migrations.schema_migrations (version text, statements text[], name text)")
        conn.execute("insert into supabase_migrations.schema_migrations (version) values ('20261122000100')")
    server.stop()
    command = [sys.executable, "-m", "api.cli", "dev", "--home", str(path), "--no-walk"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert "make reset" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_another_encoding_is_refused(postgresql_noproc: NoopExecutor) -> None:
    with (
        database(postgresql_noproc, "template template0 encoding 'LATIN1' locale 'C'") as place,
        pytest.raises(MigrationRefusedError, match="UTF8"),
    ):
        run(place)


@pytest.mark.parametrize(("user", "password"), [("outbound_company", "x"), ("outbound_org", "")])
def test_an_address_of_another_role_or_without_a_password_is_refused(migrated: Place, user: str, password: str) -> None:
    settings = settings_for(migrated)
    address = f"postgresql://{user}:{password}@{migrated.host}:{migrated.port}/{migrated.dbname}"
    settings.database_url_org = SecretStr(address)
    with pytest.raises(MigrationRefusedError, match="OUTBOUND_DATABASE_URL_ORG"):
        migrate(settings, lambda _: None)


def test_a_broken_migration_leaves_nothing_behind(migrated: Place, files: Path) -> None:
    broken = files / "migrations" / "20261231000000_half.sql"
    broken.write_text("create table public.half (id int);\nselect 1 / 0;\n")
    with migrated.admin() as conn:
        before = snapshot(conn)
        with pytest.raises(psycopg.errors.DivisionByZero):
            run(migrated)
        assert snapshot(conn) == before
        assert value(conn, "select to_regclass('public.half') is null")
        broken.write_text("create table public.half (id int);\n")
        assert f"applied migration {broken.name}" in run(migrated)
        assert value(conn, "select to_regclass('public.half') is not null")
