"""Scratch databases for the proof: a cluster of its own, tenants with a row in every table, and copies to break."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from api.dev.embedded import EmbeddedPostgres
from api.ops.isolation.actors import OWNER, Cast, Place, Tenant
from tests.conftest import ROLE_PASSWORD, migrate_template
from tests.database import tenants
from tests.database.tenants import TICKETS, Company, World
from tests.support.ports import free_port

TIERS = ("platform", "org", "company", "worker", "public")
SEEDED = "seeded"
WIDEN = """
grant usage on schema outbound, ctx to {roles};
grant all on all tables in schema outbound to {roles};
grant execute on all functions in schema outbound to {roles};
grant execute on function ctx.org_id(), ctx.scope(), ctx.company_id() to {roles};
"""
OPEN_TO_ALL = "create policy proof_all on outbound.{table} for all to {roles} using (true) with check (true)"
LOGINS = ", ".join(f"outbound_{tier}" for tier in TIERS)


@dataclass
class Ground:
    """A cluster and its database `seeded`, of which every other one is a copy."""

    server: EmbeddedPostgres
    world: World
    admin: psycopg.Connection[tuple[object, ...]]
    made: int = field(default=0)

    def cast(self) -> Cast:
        """Return who takes part."""
        return Cast(*(self._tenant(name) for name in ("a1", "a2", "b1")))

    def _tenant(self, name: str) -> Tenant:
        company: Company = getattr(self.world, name)
        subjects = {tier: company.subject(tier) for tier in ("org", "company", "worker", "public", "platform")}
        return Tenant(name, company.org_id, company.id, subjects)

    def place(self, database: str) -> Place:
        """Return the addresses of a database."""
        urls = {tier: self.server.role_url(f"outbound_{tier}", ROLE_PASSWORD, database) for tier in TIERS}
        return Place({**urls, OWNER: self.url(database)}, TICKETS)

    def url(self, database: str) -> str:
        """Return the superuser's address of a database."""
        return self.server.role_url("postgres", self.server.password, database)

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Yield the name of a fresh copy of the seeded database, dropped in the end."""
        self.made += 1
        name = f"copy_{self.made}"
        self.admin.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(SEEDED)
            )
        )
        # A copy does not take over what was revoked from the database itself.
        self.admin.execute(sql.SQL("revoke temporary, create on database {} from public").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            self.admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    @contextmanager
    def as_superuser(self, database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """Yield a superuser's connection to a database."""
        with psycopg.connect(self.url(database), autocommit=True) as conn:
            yield conn


@contextmanager
def ground() -> Iterator[Ground]:
    """Start a cluster, migrate and seed its template, and remove everything in the end."""
    folder = Path(tempfile.mkdtemp(prefix="outbound-isolation-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "postgres", free_port(), secrets.token_hex(8), fsync=False)
    server.start()
    try:
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute(f"create database {SEEDED}".encode())
            migrate_template(
                host="127.0.0.1", port=server.port, user="postgres", dbname=SEEDED, password=server.password
            )
            yield Ground(server, _seed(server), admin)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _seed(server: EmbeddedPostgres) -> World:
    with psycopg.connect(server.role_url("postgres", server.password, SEEDED), autocommit=True) as conn:
        return tenants.seed_world(conn)


def widen(conn: psycopg.Connection[tuple[object, ...]], relations: list[str]) -> None:
    """Grant every login role everything, and a permissive policy for it, so that nothing but the fences stands."""
    conn.execute(WIDEN.format(roles=LOGINS).encode())
    for name in relations:
        conn.execute(OPEN_TO_ALL.format(table=name, roles=LOGINS).encode())
