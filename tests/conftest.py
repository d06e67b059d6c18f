"""Real Postgres for every test: a migrated template for the database's own, a whole running engine for the rest."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from pytest_postgresql import factories

from api.dev.embedded import EmbeddedPostgres
from api.dev.home import TIERS
from api.ops.migrate import migrate
from api.settings import MigrateSettings, generate_key
from tests.engine import Engine
from tests.support import summary
from tests.support.ports import free_port

LONGEST = ("tests/prove/", "tests/jobs/")
ROLE_PASSWORD = secrets.token_hex(8)
TICKET_KEYS = generate_key("t1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files that take longest first, so that no worker ends with one of them alone; leave the long runs out,
    which have commands of their own."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
    if not config.option.markexpr:
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run that left something out where it must not."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get(summary.STRICT) and reporter is not None and exitstatus == 0 and summary.left_out(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say at the very end what the run took and what it left out."""
    summary.tell(config)


@pytest.fixture(scope="session")
def workplace() -> Iterator[Path]:
    """A folder that every user may enter, since Postgres does not run as root."""
    path = Path(tempfile.mkdtemp(prefix="outbound-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_postgres(workplace: Path) -> Iterator[SimpleNamespace]:
    """One server per test process, without fsync: its databases live for seconds."""
    server = EmbeddedPostgres(workplace / "postgres", free_port(), secrets.token_hex(8), fsync=False)
    server.start()
    yield SimpleNamespace(
        host="127.0.0.1", port=server.port, user="postgres", password=server.password, options="",
        maintenance_dbname="postgres", template_dbname=None,
    )  # fmt: skip
    server.stop()


def migrate_template(*, host: str, port: int, user: str, dbname: str, password: str, **_: object) -> None:
    """Bring the template to this version, as `outbound migrate` does anywhere else."""
    address = f"{host}:{port}/{dbname}"
    urls = {f"database_url_{tier}": SecretStr(role_url(tier, address)) for tier in TIERS}
    settings = MigrateSettings(
        database_url=SecretStr(f"postgresql://{user}:{password}@{address}"), ticket_keys=SecretStr(TICKET_KEYS), **urls
    )
    migrate(settings, lambda _: None)


def role_url(tier: str, address: str) -> str:
    """Return a login role's address; `address` is host:port/database."""
    return f"postgresql://outbound_{tier}:{ROLE_PASSWORD}@{address}"


postgresql_noproc = factories.postgresql_noproc(depends_on="embedded_postgres", load=[migrate_template])
postgresql = factories.postgresql("postgresql_noproc")


@pytest.fixture(scope="session")
def engine(workplace: Path) -> Iterator[Engine]:
    """The whole engine as `make run` starts it, without the walk and without rate limits. Tests share it: make an
    organization of your own."""
    running = Engine.start(workplace / "engine")
    yield running
    running.stop()
