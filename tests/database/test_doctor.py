"""`outbound doctor` is silent on a sound deployment, names what is broken, and what it advises mends it."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from pytest_postgresql.executors import NoopExecutor
from typer.testing import CliRunner

from api.cli import app
from api.ops import doctor, migrate
from api.ops.key_rotation import add_key, retire_keys
from api.ops.looking import OWNER, connected, looking
from api.settings import Settings, generate_key, get_settings, parse_keys
from tests.conftest import TICKET_KEYS, role_url
from tests.database.doctoring import ENCRYPTION_KEYS, answering, command, follow, lines, seal, settings_of
from tests.database.migrating import database, run, settings_for, snapshot
from tests.database.tenants import Place
from tests.support.ports import free_port

PATCHED_PYTHONS = doctor.PATCHED_PYTHONS
MIGRATE = "run `outbound migrate`"


@pytest.fixture(autouse=True)
def _patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the versions of this very machine as good enough."""
    monkeypatch.setattr(migrate, "PATCHED_MINORS", {})
    monkeypatch.setattr(doctor, "PATCHED_PYTHONS", {})


@pytest.fixture(scope="module")
def patient(postgresql_noproc: NoopExecutor) -> Iterator[Place]:
    """A migrated database that each test breaks and mends."""
    with database(postgresql_noproc, f"template {postgresql_noproc.template_dbname}") as place:
        run(place)
        with place.admin() as conn:
            seal(conn)
        with place.role("worker") as conn:  # what was put in place by hand is due
            conn.execute("select count(*) from ctx.due_work(null, true)")
        yield place


# Sound -------------------------------------------------------------------------------------------------------------


def test_a_sound_deployment_is_passed_over_in_silence(patient: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = command(patient, monkeypatch)
    assert (ended.output, ended.exit_code) == ("", 0)


def test_lanes_that_were_forgotten_are_named(patient: Place) -> None:
    with patient.admin() as admin:
        admin.execute("create table kept as select * from ctx.lanes")
        admin.execute("delete from ctx.lanes where task = 'webhook.project'")
        try:
            found = lines(patient)
        finally:
            admin.execute("insert into ctx.lanes select * from kept on conflict do nothing")
            admin.execute("drop table kept")
    assert [line.split(";")[0] for line in found] == [
        "warning: 2 lanes of webhook.project have work that is due and no time for it"
    ]


def test_what_is_wrong_ends_it_with_1_and_a_warning_does_not(patient: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PATCHED_PYTHONS", {(3, minor): 99 for minor in range(11, 20)})
    ended = command(patient, monkeypatch)
    assert (re.sub(r"\d[\d.]*", "N", ended.output), ended.exit_code) == (
        "warning: Python N lacks security fixes (html.parser, CVE-N-N): update it to N or newer\n", 0,
    )  # fmt: skip
    ended = command(patient, monkeypatch, encryption_keys="nonsense")
    assert ended.exit_code == 1
    assert "wrong: OUTBOUND_TICKET_KEYS, OUTBOUND_ENCRYPTION_KEYS or OUTBOUND_TOKEN_PEPPER does not parse" in (
        ended.output
    )


def test_without_settings_it_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"OUTBOUND_{name.upper()}", raising=False)
    get_settings.cache_clear()
    ended = CliRunner().invoke(app, ["doctor"])
    assert ended.exit_code == 1
    assert "OUTBOUND_TICKET_KEYS" in ended.output


# Roles, settings, triggers, row level security, PUBLIC -------------------------------------------------------------

BROKEN = {
    "a superuser": ("alter role outbound_org superuser", "wrong: outbound_org may do everything (superuser): alter"),
    "past row level security": (
        "alter role outbound_worker bypassrls", "wrong: outbound_worker may look past row level security: alter",
    ),
    "much allowed": (
        "alter role outbound_company createrole createdb replication",
        "wrong: outbound_company may make roles, make databases, replicate: alter",
    ),
    "no login": ("alter role outbound_public nologin", "wrong: outbound_public may not log in: alter"),
    "an owner who logs in": ("alter role outbound_owner login", "wrong: outbound_owner may log in: alter"),
    "a member": ("grant pg_monitor to outbound_worker", "wrong: outbound_worker is a member of pg_monitor: revoke"),
    "a member of the owner": (
        "grant outbound_owner to outbound_company", "wrong: outbound_company is a member of outbound_owner: revoke",
    ),
    "a stranger as the owner": (
        "grant outbound_owner to doctor_stranger",
        "wrong: doctor_stranger is a member of outbound_owner and is not the migrator: revoke",
    ),
    "a setting of a role": (
        "alter role outbound_org set default_transaction_read_only = on",
        "wrong: outbound_org has default_transaction_read_only set, which no page does: alter role",
    ),
    "a setting of a role in this database": (
        "alter role dashboard_org in database {name} set search_path = public",
        "wrong: dashboard_org has search_path set, which no page does: alter role",
    ),
    "another value": (
        "alter role outbound_org set statement_timeout = '1h'",
        f"wrong: outbound_org has statement_timeout set to 1h, not 15s: {MIGRATE}",
    ),
    "a setting taken away": (
        "alter role outbound_public reset synchronous_commit",
        f"wrong: outbound_public has synchronous_commit not set to on: {MIGRATE}",
    ),
    "triggers off, foreign keys among them": (
        "alter table outbound.lead_bindings disable trigger all",
        "triggers of outbound.lead_bindings are off (lead_bindings_",
    ),
    "the queue's triggers off": (
        "alter table jobs.procrastinate_jobs disable trigger user", "triggers of jobs.procrastinate_jobs are off (",
    ),
    "a table's owner past its fence": (
        "alter table outbound.leads no force row level security",
        "wrong: outbound.leads has no row level security that binds everybody: alter",
    ),
    "temporary objects": (
        "grant temporary on database {name} to public", "wrong: everybody may make temporary objects in the database:",
    ),
    "schemas": ("grant create on database {name} to public", "wrong: everybody may make schemas in the database: rev"),
    "the schema public": (
        "grant create on schema public to public", "wrong: everybody may make objects in the schema public: revoke",
    ),
    "large objects": (
        "grant execute on function lo_create(oid), lo_creat(integer) to public",
        "warning: everybody may keep large objects: revoke execute on function lo_creat(integer), lo_create(oid) from",
    ),
}  # fmt: skip


@pytest.fixture
def stranger(patient: Place) -> Iterator[None]:
    """A role that is not ours, for as long as a test takes."""
    with patient.admin() as conn:
        conn.execute("create role doctor_stranger")
        yield
        conn.execute("drop role doctor_stranger")


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named_and_what_is_advised_mends_it(patient: Place, what: str) -> None:
    statement, wanted = BROKEN[what]
    assert lines(patient) == []
    with patient.admin() as conn:
        conn.execute(statement.format(name=patient.dbname))  # pyright: ignore[reportArgumentType]
    try:
        said = [line for line in lines(patient) if wanted in line]
        assert len(said) == 1, lines(patient)
    finally:
        for line in said if said else lines(patient):
            follow(patient, line)
    assert lines(patient) == []


def test_a_role_that_is_not_there_is_named(patient: Place) -> None:
    with patient.admin() as conn:
        conn.execute("alter role outbound_platform rename to doctor_stranger")
        try:
            said = lines(patient)
        finally:
            conn.execute("alter role doctor_stranger rename to outbound_platform")
    assert "wrong: outbound_platform does not exist: create role outbound_platform login" in said
    assert any(line.startswith("wrong: OUTBOUND_DATABASE_URL_PLATFORM does not open: ") for line in said)


def test_a_role_that_owns_something_is_named(patient: Place) -> None:
    with patient.admin() as conn:
        conn.execute("create table public.hers (id int); alter table public.hers owner to outbound_org")
        try:
            assert lines(patient) == [
                "wrong: outbound_org owns table public.hers: give it to another owner, or drop it"
            ]
        finally:
            conn.execute("drop table public.hers")


def test_tables_of_an_organization_anywhere_and_children_of_ours_are_looked_at(patient: Place) -> None:
    with patient.admin() as conn:
        conn.execute("create table dashboard.doctor_copy (org_id uuid)")
        conn.execute("create table public.doctor_child () inherits (outbound.leads)")
        try:
            said = [line for line in lines(patient) if "has no row level security" in line]
        finally:
            conn.execute("drop table dashboard.doctor_copy, public.doctor_child")
    assert [line.split(" ")[1] for line in said] == ["dashboard.doctor_copy", "public.doctor_child"]
    assert lines(patient) == []


# Logging in --------------------------------------------------------------------------------------------------------


def test_an_address_that_does_not_open_is_named_without_its_secret(patient: Place) -> None:
    server = f"{patient.host}:{patient.port}/{patient.dbname}"
    addresses = {
        f"postgresql://outbound_org:hush-hush@{server}": "password authentication failed for user \"outbound_org\"",
        f"postgresql://outbound_org:hush-hush@{patient.host}:{free_port()}/x": "no Postgres answers there",
        f"postgresql://outbound_org:hush@-hush@{server}": "no Postgres answers there",
        f"postgresql:/outbound_org:hush-hush@{server}": "no Postgres answers there",
    }  # fmt: skip
    for address, reason in addresses.items():
        said = lines(patient, database_url_org=address)
        advice = f"mend the address, or {MIGRATE} to set its password"
        assert said == [f"wrong: OUTBOUND_DATABASE_URL_ORG does not open: {reason}; {advice}"]


def test_an_address_of_another_role_is_named(patient: Place) -> None:
    address = role_url("company", f"{patient.host}:{patient.port}/{patient.dbname}")
    assert lines(patient, database_url_org=address) == [
        "wrong: OUTBOUND_DATABASE_URL_ORG logs in as outbound_company: it must log in as outbound_org"
    ]


def test_without_a_migrator_what_every_role_sees_is_looked_at(patient: Place) -> None:
    without = "warning: OUTBOUND_DATABASE_URL is not set, so pages, grants and keys were not looked at"
    assert lines(patient, migrator=False) == [without]
    with patient.admin() as conn:
        conn.execute("alter role outbound_org createdb")
        try:
            assert lines(patient, migrator=False)[1].startswith("wrong: outbound_org may make databases: ")
        finally:
            conn.execute("alter role outbound_org nocreatedb")


def test_a_migrator_who_is_none_is_named(patient: Place) -> None:
    address = SecretStr(role_url("org", f"{patient.host}:{patient.port}/{patient.dbname}"))
    said = [each.text for each in doctor.examine(settings_of(patient), address)]
    assert len(said) == 1
    assert said[0].startswith("the database could not be looked at: permission denied")


# Versions ----------------------------------------------------------------------------------------------------------


def test_an_empty_database_is_to_be_migrated(empty: Place) -> None:
    said = lines(empty)
    assert len(said) == 1
    assert said[0].startswith("wrong: migrations are missing (20261129000100_outbound_foundations.sql, ")
    assert said[0].endswith(f"more): {MIGRATE}")


def test_a_postgres_without_security_fixes_is_a_warning(patient: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "PATCHED_MINORS", dict.fromkeys(range(15, 30), 999999))
    (said,) = lines(patient)
    assert re.fullmatch(r"warning: Postgres [\d.]+.* lacks security fixes; update it\.", said)


def test_a_postgres_that_is_too_old_is_wrong(patient: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "OLDEST_POSTGRES", 990000)
    (said,) = lines(patient)
    assert re.fullmatch(r"wrong: Postgres \d+ is too old; 15 or newer is needed\.", said)


def test_a_python_is_old_below_the_release_that_mended_it(patient: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {(3, 11, 13): True, (3, 11, 14): False, (3, 13, 5): True, (3, 14, 0): False}
    monkeypatch.setattr(doctor, "PATCHED_PYTHONS", PATCHED_PYTHONS)
    for version, old in versions.items():
        monkeypatch.setattr(doctor.sys, "version_info", version)
        assert [line.startswith("warning: Python 3.") for line in lines(patient)] == [True] * old


UNKNOWN = {
    "missing": (
        "delete from supabase_migrations.schema_migrations where version = '20261129000900'",
        "insert into supabase_migrations.schema_migrations (version) values ('20261129000900')",
        r"wrong: migrations are missing \(20261129000900_outbound_events\.sql\): run `outbound migrate`",
    ),
    "unknown": (
        "insert into supabase_migrations.schema_migrations (version, name) values ('20991231000000', 'outbound_more')",
        "delete from supabase_migrations.schema_migrations where version = '20991231000000'",
        r"wrong: This database has migrations .* \(20991231000000\)\. Run the newer version of the engine\.",
    ),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_migrations_that_are_missing_or_unknown_are_named(patient: Place, what: str) -> None:
    before, after, wanted = UNKNOWN[what]
    with patient.admin() as conn:
        conn.execute(before)  # pyright: ignore[reportArgumentType]
        try:
            (said,) = lines(patient)
        finally:
            conn.execute(after)  # pyright: ignore[reportArgumentType]
    assert re.fullmatch(wanted, said)


def test_files_of_the_queue_that_are_missing_are_named(patient: Place) -> None:
    with patient.admin() as conn:
        kept = conn.execute("""
            delete from ctx.applied_files where name = (
                select max(name) from ctx.applied_files where name <> 'providers'
            ) returning *
        """).fetchone()
        assert kept is not None
        try:
            (said,) = lines(patient)
        finally:
            conn.execute("insert into ctx.applied_files values (%s, %s, %s)", kept)
    assert said == f"wrong: files of the job queue are missing ({kept[0]}): {MIGRATE}"


# Pages -------------------------------------------------------------------------------------------------------------

CHANGED, FOUND = "wrong: changed or dropped by hand: ", "wrong: made by no page: "
BY_HAND = {
    "a function": (
        "create or replace function outbound.refuse_wrong_turn() returns trigger language plpgsql as "
        "$$ begin return new; end $$", f"{CHANGED}function outbound.refuse_wrong_turn;",
    ),
    "a view": ("drop view jobs.due", f"{CHANGED}view jobs.due, what the roles hold;"),
    "a trigger": ("drop trigger c_turns on outbound.campaign_leads", f"{CHANGED}trigger c_turns on outbound.campaign_"),
    "a fence": (
        "alter policy tenant_fence on outbound.leads using (true)", f"{CHANGED}policy tenant_fence on outbound.leads;",
    ),
    "a grant": ("grant select on ctx.keys to outbound_public", f"{CHANGED}what the roles hold;"),
    "a function that no page makes": (
        "set role outbound_owner; create function outbound.strange() returns int language sql as 'select 1'",
        f"{FOUND}function outbound.strange(); find out by whom, then",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BY_HAND)
def test_what_was_done_by_hand_is_named_and_mended(patient: Place, what: str) -> None:
    statement, wanted = BY_HAND[what]
    with patient.admin() as conn:
        conn.execute(statement)  # pyright: ignore[reportArgumentType]
    said = lines(patient)
    run(patient)
    assert [line for line in said if line.startswith(wanted) and MIGRATE in line], said
    assert lines(patient) == []


LEFT = {
    "a guard": (
        "set role outbound_owner; create function ctx.strange() returns int language sql as 'select 1'",
        f"{FOUND}function ctx.strange(); find out by whom and drop it by hand",
    ),
    "a stranger": (
        "create function ctx.strange() returns int language sql as 'select 1'",
        "wrong: not outbound_owner's, so nothing can fence it: ctx.strange() of postgres; move it",
    ),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_migrating_would_leave_or_refuse_is_named(patient: Place, what: str) -> None:
    statement, wanted = LEFT[what]
    with patient.admin() as conn:
        conn.execute(statement)  # pyright: ignore[reportArgumentType]
        said = lines(patient)
        conn.execute("reset role; drop function ctx.strange()")
    assert [line for line in said if line.startswith(wanted)], said
    assert lines(patient) == []


def test_pages_that_changed_are_not_applied_yet(patient: Place, files: Path) -> None:
    path = files / "policies" / "subjects" / "leads.sql"
    path.write_text(path.read_text().replace("push_state cannot go", "push_state may not go"))
    path.write_text(
        path.read_text().replace("trigger c_turns before update of push_state", "trigger c_turns before update")
    )
    assert lines(patient) == [
        "wrong: not as this version's pages say: function outbound.refuse_wrong_turn, trigger c_turns on "
        f"outbound.campaign_leads; {MIGRATE}"
    ]
    path.write_text("drop table outbound.leads;")
    (said,) = lines(patient)
    assert said.startswith("wrong: leads.sql: a page holds `create or replace` of")


def test_nothing_is_changed(patient: Place) -> None:
    with patient.admin() as conn:
        conn.execute(
            "drop trigger c_turns on outbound.campaign_leads; create table dashboard.doctor_copy (org_id uuid)"
        )
        before = snapshot(conn)
        assert len(lines(patient)) == 3
        assert snapshot(conn) == before
        conn.execute("drop table dashboard.doctor_copy")
    run(patient)
    address = settings_for(patient).database_url
    refused = pytest.raises(psycopg.errors.ReadOnlySqlTransaction)
    with connected(address) as conn, looking(conn, OWNER), refused, conn.transaction():
        conn.execute("create table outbound.mine (id int)")


# Keys --------------------------------------------------------------------------------------------------------------


def test_ticket_keys_that_the_database_does_not_take_are_named(patient: Place) -> None:
    fresh, other = generate_key("t9"), generate_key("t1")
    name = "wrong: the ticket key {} of OUTBOUND_TICKET_KEYS"
    assert lines(patient, ticket_keys=f"{TICKET_KEYS},{fresh}") == [
        f"{name.format('t9')} is not known to the database: {MIGRATE}"
    ]
    assert lines(patient, ticket_keys=other) == [
        f"{name.format('t1')} is another key than the database's: mend the setting, or {MIGRATE} to have this one"
    ]
    url = settings_for(patient).database_url.get_secret_value()
    add_key(url, "ticket", "t9", parse_keys(fresh)["t9"])
    assert retire_keys(url, "ticket", ["t9"]) == ["t1"]
    try:
        assert lines(patient, ticket_keys=fresh) == []
        assert lines(patient) == [
            f"{name.format('t1')} was retired: take it out, `outbound keys status` says which is in use"
        ]
    finally:
        with patient.admin() as conn:
            conn.execute("update ctx.keys set retired_at = null where kid = 't1'")
            conn.execute("delete from ctx.keys where kid = 't9'")


def test_a_database_without_a_context_key_is_named(patient: Place) -> None:
    with patient.admin() as conn:
        conn.execute("update ctx.keys set retired_at = now() where kind = 'context'")
        try:
            said = lines(patient)
        finally:
            conn.execute("update ctx.keys set retired_at = null where kind = 'context'")
    assert said == [
        "wrong: the database has no context key in use, so no request is answered: run `outbound keys rotate context`"
    ]


def test_encryption_keys_that_do_not_open_what_is_stored_are_named(patient: Place) -> None:
    fresh, other = generate_key("e2"), generate_key("e1")
    assert lines(patient, encryption_keys=f"{fresh},{ENCRYPTION_KEYS}") == []
    assert lines(patient, encryption_keys=fresh) == [
        "wrong: 10 stored secrets are under the encryption key e1, which OUTBOUND_ENCRYPTION_KEYS does not name, and "
        "cannot be opened: put that key back"
    ]
    assert lines(patient, encryption_keys=other) == [
        "wrong: the encryption key e1 of OUTBOUND_ENCRYPTION_KEYS does not open what is stored under it (10 secrets): "
        "put the key back that had this name"
    ]


# The public address ------------------------------------------------------------------------------------------------


PROXY = (
    "wrong: a proxy before the API is not declared, so logins are not counted per network: name it in "
    "OUTBOUND_TRUSTED_PROXIES"
)


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (200, '{"status":"ok"}', []), (200, '{"status":"ok","warnings":["undeclared_proxy"]}', [PROXY]),
        (503, '{"code":"unavailable"}', ["answers 503, not as"]), (200, "<p>Hello</p>", ["answers 200, not as"]),
    ],
)  # fmt: skip
def test_what_the_api_says_of_itself_is_reported(patient: Place, status: int, body: str, wanted: list[str]) -> None:
    with answering(status, body) as url:
        said = lines(patient, public_url=url)
    assert len(said) == len(wanted)
    assert all(part in line for part, line in zip(wanted, said, strict=True))


def test_no_answer_at_a_public_address_is_a_warning(patient: Place) -> None:
    (said,) = lines(patient, public_url="http://outbound.invalid")
    assert said.startswith("warning: http://outbound.invalid/readyz does not answer: start the API, or mend")
    assert lines(patient, public_url=f"http://localhost:{free_port()}") == []
