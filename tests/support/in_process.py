"""Settings with which a test runs parts of the product in its own process, on a database of its own."""

import base64
from typing import Any

from psycopg import Connection
from pydantic import SecretStr

from api.settings import Settings, generate_key
from tests.conftest import TICKET_KEYS, role_url

PEPPER = b"p" * 32


def settings_of(postgresql: Connection[Any]) -> Settings:
    """Return the settings of processes that work on this database."""
    info = postgresql.info
    urls = {
        f"database_url_{tier}": SecretStr(role_url(tier, f"{info.host}:{info.port}/{info.dbname}"))
        for tier in ("platform", "org", "company", "worker", "public")
    }
    return Settings(
        **urls,
        token_pepper=SecretStr(base64.b64encode(PEPPER).decode()),
        ticket_keys=SecretStr(TICKET_KEYS),
        encryption_keys=SecretStr(generate_key("e1")),
        signing_keys=SecretStr(generate_key("s1")),
        public_url="http://127.0.0.1:1",
    )  # pyright: ignore[reportCallIssue]
