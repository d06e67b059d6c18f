"""PostgREST 12, reading the same rows under the same fences through the product's own way in, with a role that may only
select."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

import jwt

from api.db.queries import load
from tests.bench.ground import CONNECTIONS, Ground
from tests.support.ports import free_port

SQL = load(Path(__file__).with_name("peers.sql"))


def prepare(ground: Ground) -> None:
    """Make the views, the role and the hook, in the benchmark's database only."""
    with ground.connect() as conn:
        for query in SQL.statements.values():
            conn.execute(query.sql)


class Keys:
    """The product's own keys (ES256), and a shared secret as Supabase's older projects have (HS256)."""

    def __init__(self, jwks: dict[str, Any]) -> None:
        self._jwks = jwks
        self._secret = secrets.token_bytes(32)

    def sign(self, claims: dict[str, Any]) -> str:
        """Return claims under the shared secret."""
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def under_the_secret(self, token: str) -> str:
        """Return an access token's claims under the shared secret."""
        return self.sign(jwt.decode(token, options={"verify_signature": False}))

    def document(self) -> str:
        """Return all of them as PostgREST reads them."""
        secret = base64.urlsafe_b64encode(self._secret).rstrip(b"=").decode()
        return json.dumps({"keys": [*self._jwks["keys"], {"kty": "oct", "alg": "HS256", "k": secret}]})


def serve(ground: Ground, program: Path, keys: Keys) -> int:
    """Start it with as many connections as its peers have, and return its port."""
    port = ground.home.state.ports["postgres"]
    settings = {
        "PGRST_DB_URI": f"postgresql://bench_authenticator:bench@127.0.0.1:{port}/postgres",
        "PGRST_DB_SCHEMAS": "dashboard",
        "PGRST_DB_PRE_REQUEST": "bench.pre_request",
        "PGRST_DB_POOL": str(CONNECTIONS),
        "PGRST_DB_CHANNEL_ENABLED": "false",
        "PGRST_OPENAPI_MODE": "disabled",
        "PGRST_JWT_SECRET": keys.document(),
        "PGRST_JWT_AUD": "outbound",
        "PGRST_LOG_LEVEL": "crit",
        "PGRST_SERVER_HOST": "127.0.0.1",
    }
    chosen = ground.ports["postgrest"] = free_port()
    ground.spawn("postgrest", [str(program)], {**os.environ, **settings, "PGRST_SERVER_PORT": str(chosen)})
    ground.wait("postgrest", f"http://127.0.0.1:{chosen}/")
    return chosen
