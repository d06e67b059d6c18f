"""A machine whose clock is not the database's: it finds out, signs by the database's, and blames no caller."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from psycopg import Connection

from api.access.caller import refused
from api.access.vault import Vault
from api.app import create_app
from api.db.identity import Credential
from api.db.pool import Database, is_expired
from api.errors import Unauthorized, Unavailable, problem_from_database
from api.ops import doctor
from api.settings import Settings
from tests.database.tenants import seed_organization
from tests.support.in_process import settings_of

FAR = (-3600.0, -7.0, 7.0, 3600.0)


@pytest.fixture
def settings(postgresql: Connection[Any]) -> Settings:
    return settings_of(postgresql)


def token_of(postgresql: Connection[Any], settings: Settings) -> str:
    """Make a company with a token, and return it."""
    vault = Vault.from_settings(settings)
    token = vault.new_token("company")
    (company,) = seed_organization(postgresql, companies=1)
    postgresql.execute(
        "update outbound.api_tokens set hmac = %s where id = %s", [vault.token_hmac(token), company.rows["api_tokens"]]
    )
    postgresql.commit()
    return token


def set_clock(app: FastAPI, seconds: float) -> Database:
    """Set the process's clock forward, or back, before it has compared it with the database's."""
    database: Database = app.state.database
    database.tickets.clock = lambda: time.time() + seconds
    return database


def during(app: FastAPI, body: Callable[[AsyncClient], Coroutine[Any, Any, None]]) -> None:
    async def inside() -> None:
        database: Database = app.state.database
        await database.open()
        try:
            async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
                await body(client)
        finally:
            await database.close()

    asyncio.run(inside())


@pytest.mark.parametrize("seconds", FAR)
def test_a_clock_that_is_wrong_stops_one_request_at_most(
    postgresql: Connection[Any], settings: Settings, seconds: float
) -> None:
    token = token_of(postgresql, settings)
    app = create_app(settings)
    database = set_clock(app, seconds)

    async def body(client: AsyncClient) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        first = await client.get("/v1/campaigns", headers=headers)
        assert first.status_code == (503 if seconds < 0 else 200), first.text
        if seconds < 0:  # our tickets were too old
            assert int(first.headers["Retry-After"]) > 0
            assert database.tickets.ahead == pytest.approx(-seconds, abs=1)
        again = await client.get("/v1/campaigns", headers=headers)
        assert again.status_code == 200, again.text
        made = await client.post("/v1/campaigns", headers=headers, json={"name": "A", "capability": "email_outreach"})
        assert made.status_code == 201, made.text

    during(app, body)


def test_a_webhook_is_no_404_for_a_fault_of_ours(postgresql: Connection[Any], settings: Settings) -> None:
    token_of(postgresql, settings)
    app = create_app(settings)
    set_clock(app, -7.0)
    vault: Vault = app.state.vault
    path = vault.new_path_token()
    hmac = vault.token_hmac(path, purpose="hook")
    query = (
        "update outbound.connections set hook_hmac = %s where id = "
        "(select id from outbound.connections where status = 'connected' limit 1)"
    )
    postgresql.execute(query, [hmac])
    postgresql.commit()

    async def body(client: AsyncClient) -> None:
        answers = [(await client.post(f"/hooks/{path}", content=b"{}")).status_code for _ in range(2)]
        assert answers == [503, 200]
        assert (await client.post(f"/hooks/{vault.new_path_token()}", content=b"{}")).status_code == 404

    during(app, body)


def test_ready_and_doctor_say_that_the_clocks_differ(
    postgresql: Connection[Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings)
    database = set_clock(app, 30.0)

    async def body(client: AsyncClient) -> None:
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        assert await database.compare_clocks() == pytest.approx(-30, abs=1)
        assert (await client.get("/readyz")).json() == {"status": "ok", "warnings": ["clocks_differ"]}

    during(app, body)
    real = time.time
    for seconds, how in ((30, "behind"), (-30, "ahead of")):
        monkeypatch.setattr(doctor.time, "time", lambda seconds=seconds: real() + seconds)
        with psycopg.connect(settings.database_url_worker.get_secret_value()) as conn:
            (finding,) = doctor._clock(conn)
        assert finding.warning
        assert f"30 s {how} this machine's" in finding.text


def test_only_a_ticket_of_ours_that_is_too_old_is_our_fault(settings: Settings) -> None:
    async def errors() -> tuple[psycopg.Error, psycopg.Error]:
        database = Database(settings, tiers=("company",))
        await database.open()
        found: list[psycopg.Error] = []
        try:
            for seconds in (0.0, -60.0):
                database.tickets.clock = lambda seconds=seconds: time.time() + seconds
                try:
                    async with database.by_credential(Credential("company", "token", "0" * 64)):
                        pass
                except psycopg.Error as error:
                    found.append(error)
        finally:
            await database.close()
        return found[0], found[1]

    unknown, old = asyncio.run(errors())
    assert (unknown.sqlstate, old.sqlstate) == ("28000", "28000")
    assert (is_expired(unknown), is_expired(old)) == (False, True)
    assert (refused(unknown), refused(old)) == (True, False)
    assert isinstance(problem_from_database(unknown), Unauthorized)
    assert isinstance(problem_from_database(old), Unavailable)
