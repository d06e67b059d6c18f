"""A deployment for `outbound doctor` to look at, and what it says of it."""

import base64
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import pytest
from click.testing import Result
from pydantic import SecretStr
from typer.testing import CliRunner

from api.access.vault import SealedField, Vault
from api.cli import app
from api.ops import doctor
from api.settings import Settings, generate_key, get_settings, parse_keys
from tests.conftest import TICKET_KEYS, role_url
from tests.database.migrating import run, settings_for
from tests.database.tenants import TIERS, Conn, Place, seed_organization
from tests.support.ports import free_port

ENCRYPTION_KEYS = generate_key("e1")
PEPPER = b"p" * 32
SEALED: dict[tuple[str, str], LiteralString] = {
    ("connections", "credential"): "update outbound.connections set credential = %s where id = %s",
    ("connections", "hook_token"): "update outbound.connections set hook_token = %s where id = %s",
    ("inbound_webhooks", "body"): "update outbound.inbound_webhooks set body = %s where id = %s",
    ("import_chunks", "body"): "update outbound.import_chunks set body = %s where id = %s",
    ("import_results", "body"): "update outbound.import_results set body = %s where id = %s",
}


def seal(conn: Conn) -> None:
    """Make an organization with two companies whose secrets are under the settings' key."""
    vault = Vault(pepper=PEPPER, encryption_keys=parse_keys(ENCRYPTION_KEYS))
    for company in seed_organization(conn, companies=2):
        for (table, field), statement in SEALED.items():
            row = company.rows[table]
            conn.execute(statement, [vault.seal(b"secret", SealedField(company.org_id, table, field, row)), row])


def settings_of(place: Place, **otherwise: Any) -> Settings:
    """Return the settings of a deployment's processes; its public address is a loopback one without a listener."""
    given: dict[str, Any] = {
        f"database_url_{tier}": role_url(tier, f"{place.host}:{place.port}/{place.dbname}") for tier in TIERS
    }
    given |= {
        "token_pepper": base64.b64encode(PEPPER).decode(), "ticket_keys": TICKET_KEYS,
        "encryption_keys": ENCRYPTION_KEYS, "signing_keys": generate_key("s1"),
        "public_url": f"http://127.0.0.1:{free_port()}",
    }  # fmt: skip
    return Settings(**{**given, **otherwise})


def lines(place: Place, *, migrator: bool = True, **otherwise: Any) -> list[str]:
    """Return what the doctor says, as it is printed."""
    url = settings_for(place).database_url if migrator else None
    found = doctor.examine(settings_of(place, **otherwise), url)
    return [f"{'warning' if each.warning else 'wrong'}: {each.text}" for each in found]


def follow(place: Place, line: str) -> None:
    """Do what a line advises."""
    advice = line.rpartition(": ")[2]
    if "`outbound migrate`" in line:
        run(place)
    else:
        with place.admin() as conn:
            conn.execute(advice)  # pyright: ignore[reportArgumentType]


def command(place: Place, monkeypatch: pytest.MonkeyPatch, **otherwise: Any) -> Result:
    """Run `outbound doctor` with the settings of a deployment in the environment."""
    given = {**settings_of(place, **otherwise).model_dump(), "database_url": settings_for(place).database_url}
    for name in (*Settings.model_fields, "database_url"):
        value = given.get(name)
        if isinstance(value, SecretStr) or name == "public_url":
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            monkeypatch.setenv(f"OUTBOUND_{name.upper()}", plain)
    get_settings.cache_clear()
    ended = CliRunner().invoke(app, ["doctor"])
    get_settings.cache_clear()
    return ended


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """Serve one answer at every address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
