"""A batch of webhooks that takes longer than a statement may is read in halves, and none is put aside for that."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import SealedField, Vault
from api.db.pool import Database
from api.events.jobs import project_webhooks
from api.settings import Settings
from api.worker.engine import Engine
from providers.http import HttpClients
from tests.database.tenants import Company, seed_organization
from tests.support.in_process import settings_of

WEBHOOKS = 60
SLOW = """
create function outbound.slow() returns trigger language plpgsql as 'begin perform pg_sleep(%s); return new; end';
create trigger slow before update on outbound.inbound_webhooks for each row execute function outbound.slow();
alter role outbound_worker in database "%s" set statement_timeout = '1500ms';
"""


@pytest.fixture
def settings(postgresql: Connection[Any]) -> Settings:
    return settings_of(postgresql)


def waiting(postgresql: Connection[Any], settings: Settings, seconds: float) -> Company:
    """Store webhooks for a company, each of which takes so many seconds to be written down."""
    (company,) = seed_organization(postgresql, companies=1)
    postgresql.execute("delete from outbound.inbound_webhooks")
    vault = Vault.from_settings(settings)
    for number in range(WEBHOOKS):
        row: UUID = uuid4()
        body = f"no JSON {number}".encode()
        place = SealedField(company.org_id, "inbound_webhooks", "body", row)
        postgresql.execute(
            "insert into outbound.inbound_webhooks (org_id, company_id, id, connection_id, body, body_sha256)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                company.org_id, company.id, row, company.rows["connections"], vault.seal(body, place),
                hashlib.sha256(body).digest(),
            ],
        )  # fmt: skip
    postgresql.execute(SLOW % (seconds, postgresql.info.dbname))  # pyright: ignore[reportArgumentType]
    postgresql.commit()
    return company


def read(settings: Settings, company: Company) -> None:
    async def inside() -> None:
        db = Database(settings, tiers=("worker",))
        await db.open()
        engine = Engine(
            settings, Vault.from_settings(settings), db, HttpClients(), UnsubscribeLinks.from_settings(settings)
        )
        try:
            await project_webhooks(engine, company.org_id, company.rows["connections"], 1)
        finally:
            await db.close()

    asyncio.run(inside())


def states(postgresql: Connection[Any]) -> set[tuple[str, str | None, int]]:
    query = "select state, reason, count(*) from outbound.inbound_webhooks group by 1, 2"
    return set(postgresql.execute(query).fetchall())  # type: ignore[arg-type]


def test_what_takes_too_long_at_once_is_read_in_halves(postgresql: Connection[Any], settings: Settings) -> None:
    company = waiting(postgresql, settings, 0.05)
    read(settings, company)
    assert states(postgresql) == {("quarantined", "not_json", WEBHOOKS)}


def test_what_takes_too_long_by_itself_is_kept_for_later(postgresql: Connection[Any], settings: Settings) -> None:
    company = waiting(postgresql, settings, 3)
    with pytest.raises(psycopg.errors.QueryCanceled):
        read(settings, company)
    assert states(postgresql) == {("received", None, WEBHOOKS)}
