"""One migrated database for the whole folder: tests probe its read-only world, or seed organizations of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_postgresql.executors import NoopExecutor
from pytest_postgresql.janitor import DatabaseJanitor

from api.ops import pages
from tests.database.catalog import Table, tables
from tests.database.migrating import database, run
from tests.database.tenants import Company, Conn, Place, World, seed_organization, seed_world


@pytest.fixture(scope="session")
def place(postgresql_noproc: NoopExecutor) -> Iterator[Place]:
    """A database made from the migrated template, shared by the session."""
    server = postgresql_noproc
    janitor = DatabaseJanitor(
        user=server.user, host=server.host, port=server.port, password=server.password,
        dbname=f"shared_{uuid4().hex[:12]}", template_dbname=server.template_dbname,
    )  # fmt: skip
    with janitor:
        yield Place(server.host, int(server.port), janitor.dbname, str(server.password))


@pytest.fixture(scope="session")
def admin(place: Place) -> Iterator[Conn]:
    """A superuser's connection, to seed and to see what is really there."""
    with place.admin() as conn:
        yield conn


@pytest.fixture(scope="session")
def world(admin: Conn) -> World:
    """Tenants that every test may look at and none may change for good."""
    return seed_world(admin)


@pytest.fixture
def company(admin: Conn) -> Company:
    """A company in a fresh organization, for a test that commits."""
    with admin.transaction():
        return seed_organization(admin)[0]


@pytest.fixture(scope="session")
def every_table(admin: Conn) -> list[Table]:
    """Every table of schema outbound."""
    return tables(admin)


@pytest.fixture
def public(place: Place) -> Iterator[Conn]:
    """A connection of the login role that serves logins, refreshes and links."""
    with place.role("public") as conn:
        yield conn


@pytest.fixture
def empty(postgresql_noproc: NoopExecutor) -> Iterator[Place]:
    """A database with nothing in it."""
    with database(postgresql_noproc, "template template0") as place:
        yield place


@pytest.fixture(scope="module")
def database_of_our_own(postgresql_noproc: NoopExecutor) -> Iterator[Place]:
    """A database on which `migrate` itself ran, for looking only."""
    with database(postgresql_noproc, "template template0") as place:
        run(place)
        yield place


@pytest.fixture
def migrated(postgresql_noproc: NoopExecutor) -> Iterator[Place]:
    """A database of this version, to be spoilt."""
    with database(postgresql_noproc, f"template {postgresql_noproc.template_dbname}") as place:
        run(place)  # a copy of a template does not take over what was revoked from the database itself
        yield place


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of supabase/, to be changed, from which `migrate` reads."""
    copy = tmp_path / "supabase"
    shutil.copytree(pages.ROOT, copy)
    monkeypatch.setattr(pages, "ROOT", copy)
    return copy
