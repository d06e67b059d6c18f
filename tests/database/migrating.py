"""Databases to be migrated and spoilt, and everything that a migration could change."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr
from pytest_postgresql.executors import NoopExecutor

from api.ops.migrate import migrate
from api.settings import MigrateSettings
from tests.conftest import TICKET_KEYS, role_url
from tests.database.tenants import TIERS, Conn, Place

SNAPSHOT = {
    "versions": "select version, name, statements from supabase_migrations.schema_migrations order by 1",
    "files": "select name, sha256, applied_at from ctx.applied_files order by 1",
    "objects": "select kind, name, source_sha256, catalog_sha256, applied_at from ctx.applied_objects order by 1, 2",
    "keys": "select kind, kid, inner_pad, created_at, retired_at from ctx.keys order by 1, 2",
    "policies": "select oid, polname, polrelid from pg_policy order by 1",
    "relations": "select oid, relname, relacl::text from pg_class where relnamespace > 16000 order by 1",
    "functions": "select oid, xmin::text, proacl::text from pg_proc where oid > 16000 order by 1",
    "rows": "select key, updated_at from outbound.providers order by 1",
}


def snapshot(conn: Conn) -> dict[str, list[tuple[object, ...]]]:
    """Return everything that a migration could change."""
    return {name: conn.execute(ask).fetchall() for name, ask in SNAPSHOT.items()}  # pyright: ignore[reportArgumentType]


def settings_for(
    place: Place, *, user: str = "postgres", password: str | None = None, keys: str | None = TICKET_KEYS
) -> MigrateSettings:
    """Return the settings of a migrator of this database."""
    address = f"{place.host}:{place.port}/{place.dbname}"
    urls = {f"database_url_{tier}": SecretStr(role_url(tier, address)) for tier in TIERS}
    url = SecretStr(f"postgresql://{user}:{password or place.password}@{address}")
    return MigrateSettings(database_url=url, ticket_keys=SecretStr(keys) if keys else None, **urls)


def run(place: Place, **options: str | None) -> list[str]:
    """Migrate and return what was said."""
    said: list[str] = []
    migrate(settings_for(place, **options), said.append)
    return [line for line in said if not line.startswith("warning: Postgres")]


@contextmanager
def database(server: NoopExecutor, options: str = "") -> Iterator[Place]:
    """Make a database and drop it."""
    name = f"migrate_{secrets.token_hex(6)}"
    maintenance = Place(server.host, int(server.port), "postgres", str(server.password))
    with maintenance.admin() as conn:
        conn.execute(f"create database {name} {options}")  # pyright: ignore[reportArgumentType]
        try:
            yield Place(server.host, int(server.port), name, str(server.password))
        finally:
            conn.execute(f"drop database {name} with (force)")  # pyright: ignore[reportArgumentType]
