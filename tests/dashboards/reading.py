"""Dashboards as clients of PostgREST see them: tokens, real and made up, and the rows that an answer has."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from api.access.access_tokens import Signer, believed
from api.db.ticket import Tickets
from tests.engine import Engine

Claims = dict[str, Any]
Rows = list[dict[str, Any]]


def dashboard_token(api: httpx.Client) -> str:
    """Exchange a credential of the API for a token of dashboards."""
    return str(api.post("/v1/auth/dashboard-token").raise_for_status().json()["token"])


def reader(engine: Engine, token: str | None) -> httpx.Client:
    """Return a client of PostgREST with a token, or without."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = httpx.Client(base_url=engine.dev["postgrest_url"], headers=headers, timeout=60)
    engine.clients.append(client)
    return client


def inside(engine: Engine, token: str | None) -> httpx.Client:
    """Return a client of PostgREST's own port, which nothing stands before."""
    client = reader(engine, token)
    client.base_url = httpx.URL(f"http://127.0.0.1:{engine.folder.state.ports['postgrest']}")
    return client


def rows(client: httpx.Client, view: str, **filters: Any) -> Rows:
    """Return what a view shows, having checked that it is shown."""
    answer = client.get(f"/{view}", params=filters)
    assert answer.status_code in (200, 206), f"{view} {filters}: {answer.status_code} {answer.text}"
    return answer.json()


def views_of(engine: Engine) -> list[str]:
    """Return every relation that PostgREST exposes, as the database has them."""
    query = "select relname from pg_class where relnamespace = 'dashboard'::regnamespace and relkind <> 'i' order by 1"
    with engine.sql() as sql:
        return [row["relname"] for row in sql.execute(query).fetchall()]


def claims_of(token: str) -> Claims:
    """Return what a token says, whatever its signature."""
    return jwt.decode(token, options={"verify_signature": False})


class Forge:
    """Makes tokens that our API would never make; with its own keys, unless another is given."""

    def __init__(self, engine: Engine) -> None:
        settings = engine.folder.settings()
        self.signer = Signer.from_settings(settings)
        self.tickets = Tickets.from_settings(settings)
        self.key = next(iter(self.signer._keys.values()))

    def sign(self, claims: Claims, key: ec.EllipticCurvePrivateKey | None = None) -> str:
        """Sign any claims."""
        return jwt.encode(claims, key or self.key, algorithm="ES256", headers={"kid": "s1"})

    def changed(self, token: str, *without: str, believe: bool = True, **changes: Any) -> str:
        """Return a token with other claims; with a `ctx` that covers them, unless the old one is to stay."""
        claims = {**claims_of(token), **changes}
        if believe:
            claims["ctx"] = believed(self.tickets, {**claims, **dict.fromkeys(set(without) & {"iss"}, "")})
        return self.sign({name: value for name, value in claims.items() if name not in without})

    def symmetric(self, claims: Mapping[str, Any], secret: bytes, *, alg: str = "HS256", kid: str = "s1") -> str:
        """Sign with a shared secret, as no library does with a public key; not at all where `alg` is `none`."""
        text = f"{_part({'alg': alg, 'typ': 'JWT', 'kid': kid})}.{_part(claims)}"
        if alg == "none":
            return f"{text}."
        return f"{text}.{_encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def _part(document: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(dict(document)).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
