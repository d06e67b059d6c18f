"""No provider is ever called while a transaction is open."""

import ast
import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast, get_type_hints
from uuid import UUID, uuid4

import psycopg
import pytest
from pydantic import SecretStr

from api.access.unsubscribing import UnsubscribeLinks
from api.access.vault import Vault, last_four
from api.connections.jobs import verify
from api.db.identity import Credential
from api.db.open_transactions import TransactionOpenError, assert_no_transaction
from api.db.pool import Database, Tx
from api.settings import ProviderSettings, Settings, generate_key, parse_keys
from api.worker.engine import Engine, Turn
from api.worker.lanes import Lane
from providers.contract import ProviderClient
from providers.http import HttpClients
from providers.registry import PROVIDERS
from tests.architecture.source import ROOT, files, imports, shown, tree
from tests.conftest import TICKET_KEYS, role_url
from tests.support.clients import connected

OPERATOR = "operator"
OUTSIDE = ("api/dev/", "api/ops/isolation/", "api/ops/doctor.py")
PEPPER = "cGVwcGVycGVwcGVycGVwcGVycGVwcGVycGVwcGVyMTI="
Opened = Callable[[Database], AbstractAsyncContextManager[Tx]]


class Counting:
    """A server that counts the connections that reach it."""

    def __init__(self) -> None:
        self.requests = 0
        counter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                counter.requests += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"[]")

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Counting]:
    counting = Counting()
    yield counting
    counting.close()


@pytest.fixture
def settings(postgresql: psycopg.Connection[Any], server: Counting) -> Settings:
    info = postgresql.info
    urls = {
        f"database_url_{tier}": SecretStr(role_url(tier, f"{info.host}:{info.port}/{info.dbname}"))
        for tier in ("platform", "org", "company", "worker", "public")
    }
    return Settings(
        **urls,
        token_pepper=SecretStr(PEPPER),
        ticket_keys=SecretStr(TICKET_KEYS),
        encryption_keys=SecretStr(generate_key("e1")),
        signing_keys=SecretStr(generate_key("s1")),
        public_url="http://127.0.0.1:1",
        providers={"smartlead": ProviderSettings(url=server.url)},
    )  # pyright: ignore[reportCallIssue]


def run(settings: Settings, body: Callable[[Database], Coroutine[Any, Any, None]]) -> None:
    """Run something with pools of its own."""

    async def inside() -> None:
        database = Database(settings, tiers=("platform", "org", "company", "worker", "hook"))
        await database.open()
        try:
            await body(database)
        finally:
            await database.close()

    asyncio.run(inside())


@pytest.fixture
def tenant(postgresql: psycopg.Connection[Any], settings: Settings) -> dict[str, Any]:
    """An organization, a company of it, and a token for each."""
    vault = Vault.from_settings(settings)
    made: dict[str, Any] = {tier: vault.new_token(tier) for tier in ("org", "company")}
    made["hook"] = vault.new_path_token()
    insert = "insert into outbound.organizations (name, slug) values ('T', %s) returning id"
    row = cast("tuple[UUID]", postgresql.execute(insert, [f"t-{uuid4().hex[:8]}"]).fetchone())
    made["org_id"] = row[0]
    postgresql.execute("select ctx.set_scope(%s, null, null, 'test')", row)  # in which a token's owner is looked up
    insert = "insert into outbound.companies (org_id, name) values (%s, 'C') returning id"
    company = cast("tuple[UUID]", postgresql.execute(insert, row).fetchone())
    for tier, company_id, role in (("org", None, "org_admin"), ("company", company[0], "company_admin")):
        insert = (
            "insert into outbound.users (org_id, company_id, kind, role, name)"
            " values (%s, %s, 'service', %s, 'T') returning id"
        )
        user = cast("tuple[UUID]", postgresql.execute(insert, [row[0], company_id, role]).fetchone())
        postgresql.execute(
            "insert into outbound.api_tokens (org_id, company_id, user_id, tier, name, hmac, last_four)"
            " values (%s, %s, %s, %s, 'T', %s, %s)",
            [row[0], company_id, user[0], tier, vault.token_hmac(made[tier]), last_four(made[tier])],
        )
    postgresql.commit()
    return made


def credential(tier: str, token: str) -> Credential:
    """Return what the database knows a token by."""
    vault = Vault(pepper=base64.b64decode(PEPPER), encryption_keys=parse_keys(generate_key("e1")))
    return Credential(tier, "token", vault.token_hmac(token).hex())


def openings(tenant: dict[str, Any]) -> dict[str, Opened]:
    return {
        "org token": lambda database: database.by_credential(credential("org", tenant["org"])),
        "company token": lambda database: database.by_credential(credential("company", tenant["company"])),
        "operator": lambda database: database.by_operator(OPERATOR, tenant["org_id"]),
        "job": lambda database: database.by_job(tenant["org_id"]),
        "unscoped": lambda database: database.unscoped("worker"),
    }


def test_every_kind_of_transaction_is_noticed_and_forgotten(settings: Settings, tenant: dict[str, Any]) -> None:
    async def body(database: Database) -> None:
        assert_no_transaction()
        for opened in openings(tenant).values():
            async with opened(database):
                with pytest.raises(TransactionOpenError):
                    assert_no_transaction()
            assert_no_transaction()

    run(settings, body)


def test_every_kind_of_transaction_that_database_opens_is_among_them() -> None:
    """`by_hook` is the one that needs a connection; it is opened like `by_credential`."""
    opening = {
        node.name
        for node in ast.walk(tree(ROOT / "api" / "db" / "pool.py"))
        if isinstance(node, ast.AsyncFunctionDef)
        and any("asynccontextmanager" in ast.unparse(item) for item in node.decorator_list)
    }
    assert opening == {"_transaction", "by_credential", "by_operator", "by_hook", "by_job", "unscoped"}


def test_a_refused_hook_leaves_no_mark(settings: Settings, tenant: dict[str, Any]) -> None:
    async def body(database: Database) -> None:
        unknown = credential("org", Vault.from_settings(settings).new_token("org"))
        for opened in (database.by_hook("0" * 64), database.by_credential(unknown)):
            with pytest.raises(psycopg.Error):
                async with opened:
                    pytest.fail("it opened")
            assert_no_transaction()

    run(settings, body)


def test_a_transaction_that_fails_is_forgotten(settings: Settings, tenant: dict[str, Any]) -> None:
    async def body(database: Database) -> None:
        for opened in openings(tenant).values():
            with pytest.raises(ZeroDivisionError):
                async with opened(database):
                    _ = 1 / 0
            assert_no_transaction()

    run(settings, body)


def test_a_transaction_inside_another_is_noticed_until_the_last_ends(
    settings: Settings, tenant: dict[str, Any]
) -> None:
    async def body(database: Database) -> None:
        async with database.by_job(tenant["org_id"]):
            async with database.unscoped("worker"):
                pass
            with pytest.raises(TransactionOpenError):
                assert_no_transaction()
        assert_no_transaction()

    run(settings, body)


def test_a_task_begun_inside_a_transaction_may_not_call_either(settings: Settings, tenant: dict[str, Any]) -> None:
    async def probe() -> None:
        assert_no_transaction()

    async def body(database: Database) -> None:
        async with database.by_job(tenant["org_id"]):
            with pytest.raises(TransactionOpenError):
                await asyncio.create_task(probe())
        await asyncio.create_task(probe())

    run(settings, body)


def test_transactions_of_other_tasks_do_not_matter(settings: Settings, tenant: dict[str, Any]) -> None:
    async def body(database: Database) -> None:
        opened, done = asyncio.Event(), asyncio.Event()

        async def keep_open() -> None:
            async with database.by_job(tenant["org_id"]):
                opened.set()
                await done.wait()

        task = asyncio.create_task(keep_open())
        await opened.wait()
        assert_no_transaction()
        done.set()
        await task

    run(settings, body)


@asynccontextmanager
async def lane_client(settings: Settings, database: Database, org_id: UUID) -> AsyncIterator[ProviderClient]:
    """A client with the gate of a lane."""
    provider = PROVIDERS["smartlead"]
    links = UnsubscribeLinks.from_settings(settings)
    engine = Engine(settings, Vault.from_settings(settings), database, HttpClients(), links)
    lane = Lane(
        engine, org_id, uuid4(), 0, uuid4(), provider, settings.limits("smartlead"), Turn(engine.turns)
    )  # fmt: skip
    async with connected(provider, "key", str(settings.provider_url("smartlead")), gate=lane.gate) as client:
        yield client


def test_a_lanes_client_sends_nothing_inside_a_transaction(
    settings: Settings, tenant: dict[str, Any], server: Counting
) -> None:
    async def body(database: Database) -> None:
        async with lane_client(settings, database, tenant["org_id"]) as client:
            for opened in openings(tenant).values():
                async with opened(database):
                    for call in (
                        client.account.verify,
                        client.account.list_senders,
                        lambda: client.campaigns.set_active("1", True),
                    ):
                        with pytest.raises(TransactionOpenError):
                            await call()

    run(settings, body)
    assert server.requests == 0


def test_a_key_is_not_verified_inside_a_transaction(
    settings: Settings, tenant: dict[str, Any], server: Counting
) -> None:
    async def body(database: Database) -> None:
        clients = HttpClients()
        async with database.by_job(tenant["org_id"]):
            with pytest.raises(TransactionOpenError):
                await verify("smartlead", "key", base_url=server.url, clients=clients)
        assert server.requests == 0
        assert (await verify("smartlead", "key", base_url=server.url, clients=clients)).senders == []
        await clients.aclose()

    run(settings, body)
    assert server.requests > 0


def test_only_jobs_and_lanes_call_a_provider() -> None:
    """A call is `PROVIDERS[…].connect(…)` or a verb of the contract on a part of something called client."""
    parts = tuple(f"client.{part}" for part in get_type_hints(ProviderClient))
    calling = {
        shown(path)
        for path in files("api")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if (node.func.attr == "connect" and ast.unparse(node.func.value).startswith(("PROVIDERS[", "provider")))
        or ast.unparse(node.func.value).endswith(parts)
    }
    assert calling
    assert {path for path in calling if not path.endswith("jobs.py")} <= {"api/worker/lanes.py"}


def test_nothing_in_the_api_speaks_http_by_itself() -> None:
    """What speaks to an API from outside, as a person, an attacker or an operator would, is named."""
    libraries = ("httpx", "requests", "urllib.request", "aiohttp", "http.client")
    speaking = {shown(path) for path in files("api") for name in imports(path) if name.startswith(libraries)}
    assert {path for path in speaking if not path.startswith(OUTSIDE)} == set()
