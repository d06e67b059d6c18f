"""A workbook that waits for another one to be read is not given up for its waiting."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import SealedField, Vault
from api.db.pool import Database
from api.imports.jobs import MOST_ATTEMPTS, import_lists
from api.imports.understanding import UNPACKING
from api.settings import Settings
from api.suppressions.importing import ENTRIES
from api.tables.table import WORKBOOK
from api.worker.engine import Engine
from providers.http import HttpClients
from tests.database.tenants import Company, seed_organization
from tests.support.in_process import settings_of
from tests.support.workbooks import workbook


def planted(postgresql: Connection[Any], settings: Settings) -> Company:
    """Make a company with one list that waits: a workbook with one entry."""
    (company,) = seed_organization(postgresql, companies=1)
    content, piece, imported = workbook([["email"], ["fresh@waits.example"]]), uuid4(), uuid4()
    sealed = Vault.from_settings(settings).seal(content, SealedField(company.org_id, "import_chunks", "body", piece))
    postgresql.execute(
        "insert into outbound.imports (org_id, company_id, id, kind, name, source, media_type, state, size, chunks)"
        " values (%s, %s, %s, 'suppressions', 'A', 'A', %s, 'queued', %s, 1)",
        [company.org_id, company.id, imported, WORKBOOK, len(content)],
    )
    postgresql.execute(
        "insert into outbound.import_chunks (org_id, company_id, id, import_id, number, body)"
        " values (%s, %s, %s, %s, 0, %s)",
        [company.org_id, company.id, piece, imported, sealed],
    )
    postgresql.commit()
    return company


@pytest.mark.parametrize("waits", [1, 2 * MOST_ATTEMPTS])
def test_waiting_for_another_workbook_is_no_try(postgresql: Connection[Any], waits: int) -> None:
    settings = settings_of(postgresql)
    company = planted(postgresql, settings)

    async def inside() -> None:
        db = Database(settings, tiers=("worker",))
        await db.open()
        links = UnsubscribeLinks.from_settings(settings)
        engine = Engine(settings, Vault.from_settings(settings), db, HttpClients(), links)
        try:
            async with UNPACKING:
                for _ in range(waits):
                    await import_lists(engine, company.org_id, company.id, 1, kinds={"suppressions": ENTRIES})
            await import_lists(engine, company.org_id, company.id, 1, kinds={"suppressions": ENTRIES})
        finally:
            await db.close()

    asyncio.run(inside())
    query = "select state, reason, counts from outbound.imports where company_id = %s and state <> 'receiving'"
    assert postgresql.execute(query, [company.id]).fetchall() == [("completed", None, {"added": 1})]
