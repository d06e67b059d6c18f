"""Accounts that hang keep no other waiting: a healthy one has its turn, and its webhooks are read, meanwhile."""

import base64
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from api.access.vault import SealedField, Vault
from api.settings import Settings
from tests.conftest import TICKET_KEYS
from tests.database.tenants import put
from tests.engine import wait_for
from tests.support.in_process import PEPPER, settings_of
from tests.support.ports import free_port
from tests.support.stub import JsonHandler, added

SEED = """
    insert into outbound.leads (org_id, company_id, email, email_key, domain_key)
    values (%(org)s, %(company)s, %(email)s, %(email)s, split_part(%(email)s, '@', 2)) returning id
"""


class Provider(ThreadingHTTPServer):
    """A provider whose accounts hang, all but those whose key says that they are well."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.released = threading.Event()
        self.hanging: set[str] = set()
        self.served: set[str] = set()


class Handler(JsonHandler):
    server: Provider

    def respond(self) -> None:
        key, body = self.api_key, self.body()
        if not key.startswith("well"):
            self.server.hanging.add(key)
            self.server.released.wait(300)
        answer: Any = []
        if self.address.endswith("/leads") and self.command == "POST":
            self.server.served.add(key)
            answer = added([person["email"] for person in json.loads(body)["lead_list"]])
        self.send_json(answer)


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider(free_port())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def account(conn: Connection[Any], vault: Vault, org: UUID, key: str) -> dict[str, UUID]:
    """Make a company with an account of its own, whose one person waits to be handed over."""
    company = put(conn, "companies", {"org_id": org, "name": key})
    own = {"org_id": org, "company_id": company}
    digest = hashlib.sha256(key.encode()).digest()
    place = put(conn, "provider_accounts", {"org_id": org, "provider": "smartlead", "credential_hmac": digest})
    connection = uuid4()
    sealed = {
        name: vault.seal(value.encode(), SealedField(org, "connections", name, connection))
        for name, value in (("credential", key), ("hook_token", "hook"))
    }
    put(conn, "connections", {
        **own, "id": connection, "capability": "email_outreach", "provider": "smartlead", "account_id": place,
        "status": "connected", "hook_hmac": secrets.token_bytes(32), **sealed,
    })  # fmt: skip
    conn.execute("update outbound.connections set senders_synced_at = now() where id = %s", [connection])
    campaign = put(conn, "campaigns", {
        **own, "name": key, "capability": "email_outreach", "status": "active", "started_at": "2026-01-01T00:00:00Z",
        "synced_revision": 1,
    })  # fmt: skip
    put(conn, "campaign_bindings", {
        **own, "campaign_id": campaign, "connection_id": connection, "external_id": "7", "remote_status": "active",
    })  # fmt: skip
    ((lead,),) = conn.execute(SEED, {"org": org, "company": company, "email": f"p@{key}.example"}).fetchall()
    put(conn, "campaign_leads", {**own, "campaign_id": campaign, "lead_id": lead})
    return {"account": place, "connection": connection, "company": company}


def due(conn: Connection[Any], org: UUID, task: str, subject: UUID) -> None:
    conn.execute(
        "insert into ctx.lanes (org_id, task, subject, due_at) values (%s, %s, %s, clock_timestamp())"
        " on conflict (org_id, task, subject) do update set due_at = excluded.due_at",
        [org, task, subject],
    )


def environment(settings: Settings) -> dict[str, str]:
    """Return what a worker of its own process reads."""
    urls = {
        f"OUTBOUND_{name.upper()}": getattr(settings, name).get_secret_value()
        for name in Settings.model_fields
        if name.startswith("database_url_") and getattr(settings, name) is not None
    }
    return {
        **os.environ, **urls, "OUTBOUND_TOKEN_PEPPER": base64.b64encode(PEPPER).decode(),
        "OUTBOUND_TICKET_KEYS": TICKET_KEYS,
        "OUTBOUND_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "OUTBOUND_SIGNING_KEYS": settings.signing_keys.get_secret_value(),
        "OUTBOUND_PUBLIC_URL": settings.public_url, "OUTBOUND_DNS_SERVERS": "",
    }  # fmt: skip


@contextmanager
def working(settings: Settings, provider: Provider) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker whose provider is the stub."""
    url = f"http://127.0.0.1:{provider.server_address[1]}"
    env = {**environment(settings), "OUTBOUND_PROVIDERS__SMARTLEAD__URL": url}
    process = subprocess.Popen([sys.executable, "-m", "api.cli", "worker"], env=env)
    try:
        yield process
    finally:
        provider.released.set()
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.parametrize("hung", [48, 200])
def test_a_healthy_account_waits_for_none_that_hangs(
    postgresql: Connection[Any], provider: Provider, hung: int
) -> None:
    postgresql.autocommit = True
    settings = settings_of(postgresql)
    vault = Vault.from_settings(settings)
    org = put(postgresql, "organizations", {"name": "T", "slug": "t"})
    postgresql.execute("select ctx.set_scope(%s, null, null, 'test')", [org])
    sick = [account(postgresql, vault, org, f"sick{number}") for number in range(hung)]
    well = account(postgresql, vault, org, "well")
    for each in sick:
        due(postgresql, org, "account.work", each["account"])
    with working(settings, provider):
        wait_for("all that hang", lambda: len(provider.hanging) == hung)
        due(postgresql, org, "account.work", well["account"])
        wait_for("the healthy account's hand-over", lambda: "well" in provider.served)
        body = uuid4()
        place = SealedField(org, "inbound_webhooks", "body", body)
        put(postgresql, "inbound_webhooks", {
            "org_id": org, "company_id": well["company"], "id": body, "connection_id": well["connection"],
            "body": vault.seal(b"{}", place), "body_sha256": b"\1" * 32,
        })  # fmt: skip
        due(postgresql, org, "webhook.project", well["connection"])
        unread = "select from outbound.inbound_webhooks where state = 'received'"
        wait_for("the webhook", lambda: not postgresql.execute(unread).fetchall())
        assert not provider.released.is_set()
        pushed = "select push_state from outbound.campaign_leads where company_id = %s"
        wait_for("the ledger", lambda: postgresql.execute(pushed, [well["company"]]).fetchone() == ("pushed",))
