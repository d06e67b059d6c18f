"""`outbound migrate`: bring a database to this version's roles, tables, queue, policies and keys.

Versions are recorded where the Supabase CLI records them, so either may apply the timestamped files. The pages of
`supabase/policies` are applied by object, as far as they differ from what stands, and table by table: never a moment
without a fence. Safe to run again; refuses a database it does not recognise.
"""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psycopg
from procrastinate.schema import SchemaManager
from psycopg.conninfo import conninfo_to_dict

from api.db.queries import beside
from api.db.ticket import hmac_pads
from api.ops import pages
from api.ops.policies import apply_policies
from api.settings import MigrateSettings, parse_keys
from providers.registry import PROVIDERS

LOGIN_ROLES = ("platform", "org", "company", "worker", "public")
OURS = "outbound_"  # begins the name of every migration of ours, behind its version
BEFORE_THE_SQUASH = "20261122000100"
OLDEST_POSTGRES = 150000
PATCHED_MINORS = {15: 150020, 16: 160016, 17: 170012, 18: 180007}
SQL = beside(__file__, "providers.sql")
LOCK_KEY = 0x6F7574626F756E64

Connection = psycopg.Connection[tuple[object, ...]]
Say = Callable[[str], None]


class MigrationRefusedError(Exception):
    """This database cannot be migrated; the text says why and what to do."""


def migrate(settings: MigrateSettings, say: Say) -> None:
    """Apply everything that is missing. Raises MigrationRefusedError, or psycopg's error with the file undone."""
    try:
        pages.statements(pages.ROOT)  # read before anything is changed
    except pages.PageError as error:
        raise MigrationRefusedError(str(error)) from None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as conn:
        conn.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
        check_database(conn, say)
        apply_migrations(conn, say)
        apply_queue(conn, say)
        set_passwords(conn, settings, say)
        put_keys(conn, settings, say)
        put_providers(conn, say)
        try:
            apply_policies(conn, pages.ROOT, say)
        except pages.PageError as error:
            raise MigrationRefusedError(str(error)) from None


def migration_files() -> list[Path]:
    """Return the timestamped files in order."""
    return sorted((pages.ROOT / "migrations").glob("*.sql"))


def check_database(conn: Connection, say: Say) -> None:
    """Refuse what is too old, not UTF-8, or holds an `outbound` schema that our records do not explain. Raises
    MigrationRefusedError."""
    version = conn.info.server_version
    if version < OLDEST_POSTGRES:
        raise MigrationRefusedError(f"Postgres {version // 10000} is too old; 15 or newer is needed.")
    if conn.info.encoding != "utf-8" or _value(conn, "show server_encoding") != "UTF8":
        raise MigrationRefusedError("The database's encoding must be UTF8; create it with `encoding 'UTF8'`.")
    if version < PATCHED_MINORS.get(version // 10000, 0):
        say(f"warning: Postgres {conn.info.parameter_status('server_version')} lacks security fixes; update it.")
    applied = applied_versions(conn)
    known = {path.name.split("_", 1)[0] for path in migration_files()}
    if BEFORE_THE_SQUASH in applied:
        raise MigrationRefusedError(
            "This database was made by a version before the first release, whose migrations were put together anew. "
            "Nothing leads from there to here: begin with an empty one (`make reset` for the local engine)."
        )
    if _value(conn, "select to_regnamespace('outbound') is not null") and not applied.keys() & known:
        raise MigrationRefusedError(
            "This database has a schema `outbound` that was not made by these migrations. Give an empty database, or "
            "one whose supabase_migrations.schema_migrations lists them."
        )
    newer = [version for version, name in applied.items() if name.startswith(OURS) and version not in known]
    if newer:  # whatever is named otherwise is the host project's own, and no matter of ours
        raise MigrationRefusedError(
            f"This database has migrations that this version does not know ({', '.join(sorted(newer))}). "
            "Run the newer version of the engine."
        )


def applied_versions(conn: Connection) -> dict[str, str]:
    """Return the versions recorded in the database with their names; none when it has no record yet."""
    if not _value(conn, "select to_regclass('supabase_migrations.schema_migrations') is not null"):
        return {}
    rows = conn.execute("select version, coalesce(name, '') from supabase_migrations.schema_migrations").fetchall()
    return {str(version): str(name) for version, name in rows}


def apply_migrations(conn: Connection, say: Say) -> None:
    """Apply the files that are not recorded, each in a transaction with its record."""
    if not _value(conn, "select to_regclass('supabase_migrations.schema_migrations') is not null"):
        with conn.transaction():
            conn.execute("create schema if not exists supabase_migrations")
            conn.execute(
                "create table supabase_migrations.schema_migrations "
                "(version text not null primary key, statements text[], name text)"
            )
    applied = applied_versions(conn)
    for path in migration_files():
        version, _, name = path.stem.partition("_")
        if version in applied:
            continue
        text = path.read_text(encoding="utf-8")
        with conn.transaction():
            conn.execute(text.encode())
            conn.execute(
                "insert into supabase_migrations.schema_migrations (version, name, statements) values (%s, %s, %s)",
                [version, name, [text]],
            )
        say(f"applied migration {path.name}")


def apply_queue(conn: Connection, say: Say) -> None:
    """Install the job queue's schema, or the files of it that a newer release brought."""
    with conn.transaction():
        conn.execute("set local role outbound_owner")
        conn.execute("set local search_path = jobs, pg_temp")
        fresh = not _value(conn, "select to_regclass('jobs.procrastinate_jobs') is not null")
        missing = missing_queue_files(conn)
        if fresh:
            conn.execute(SchemaManager.get_schema().encode())
        for path in missing:
            if not fresh:
                conn.execute(path.read_bytes())
            conn.execute(
                "insert into ctx.applied_files (name, sha256) values (%s, %s)",
                [path.name, hashlib.sha256(path.read_bytes()).hexdigest()],
            )
        if missing:
            conn.execute(pages.ROOT.joinpath("queue.sql").read_bytes())
    if missing:
        say("installed the job queue" if fresh else f"upgraded the job queue by {len(missing)} files")


def missing_queue_files(conn: Connection) -> list[Path]:
    """Return the job queue's own files that were not applied, in order. To be called as outbound_owner."""
    recorded = {str(name) for (name,) in conn.execute("select name from ctx.applied_files").fetchall()}
    files = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return [path for path in files if path.name not in recorded]


def put_providers(conn: Connection, say: Say) -> None:
    """Write the providers' rows from what they declare, where that has changed since the last time. A row that no
    provider declares any more stays, and is named."""
    rows = [
        {
            "capability": provider.capability,
            "key": provider.key,
            "title": provider.title,
            "features": json.dumps(asdict(provider.features), sort_keys=True),
            "block_list": provider.traits.block_list,
            "starts_before_leads": provider.traits.starts_before_leads,
            "timezones": provider.timezones and list(provider.timezones),
        }
        for provider in PROVIDERS.values()
    ]
    declared = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    with conn.transaction():
        conn.execute("set local role outbound_owner")
        if conn.execute(SQL.are_declared.sql, {"sha256": declared}).fetchone():
            return
    written: list[str] = []
    with conn.transaction():
        conn.execute("set local lock_timeout = '20s'")  # a row of this table is never locked for long
        for row in rows:
            written += [str(key) for (key,) in conn.execute(SQL.put_provider.sql, row)]
        left = conn.execute(SQL.undeclared_providers.sql, {"keys": list(PROVIDERS)}).fetchall()
        conn.execute("set local role outbound_owner")
        conn.execute(SQL.note_declared.sql, {"sha256": declared})
    if written:
        say(f"wrote what is known of {', '.join(written)}")
    if left:
        say(f"warning: {', '.join(str(key) for (key,) in left)}: no provider of this version")


def set_passwords(conn: Connection, settings: MigrateSettings, say: Say) -> None:
    """Give each login role the password of its address. Only a verifier is sent, never the password. Raises
    MigrationRefusedError for an address of another role, or without a password."""
    for tier in (*LOGIN_ROLES, "postgrest"):
        url = getattr(settings, f"database_url_{tier}")
        if url is None:
            continue
        parts = conninfo_to_dict(url.get_secret_value())
        role, password = f"outbound_{tier}", parts.get("password")
        if parts.get("user") != role or not password:
            raise MigrationRefusedError(f"OUTBOUND_DATABASE_URL_{tier.upper()} must log in as {role} with a password.")
        verifier = conn.pgconn.encrypt_password(str(password).encode(), role.encode(), b"scram-sha-256").decode()
        conn.execute(f"alter role {role} password '{verifier}'".encode())
    say("set the passwords of the login roles that have an address")


def put_keys(conn: Connection, settings: MigrateSettings, say: Say) -> None:
    """Make sure there is a context key, which only the database knows, and that it knows our ticket keys."""
    with conn.transaction():
        conn.execute("set local role outbound_owner")
        if not _value(conn, "select exists (select from ctx.keys where kind = 'context' and retired_at is null)"):
            _put_key(conn, "context", "c1", secrets.token_bytes(32))
            say("made a context key")
        if settings.ticket_keys is None:
            say("warning: OUTBOUND_TICKET_KEYS is not set, so no request can open a context yet")
            return
        for kid, key in parse_keys(settings.ticket_keys.get_secret_value()).items():
            _put_key(conn, "ticket", kid, key)


def _put_key(conn: Connection, kind: str, kid: str, key: bytes) -> None:
    inner, outer = hmac_pads(key)
    stored = conn.execute("select inner_pad from ctx.keys where (kind, kid) = (%s, %s)", [kind, kid]).fetchone()
    if stored is not None and stored[0] == inner:
        return
    conn.execute(
        "insert into ctx.keys (kind, kid, inner_pad, outer_pad) values (%s, %s, %s, %s) "
        "on conflict (kind, kid) do update set inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad",
        [kind, kid, inner, outer],
    )


def _value(conn: Connection, statement: str) -> object:
    row = conn.execute(statement.encode()).fetchone()
    return None if row is None else row[0]
