"""Access tokens for every server: the product's own for its API, and the same claims under PostgREST's keys."""

import base64
import json
import time
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from api.access.access_tokens import Session, Signer
from tests.bench.data import Probe
from tests.bench.ground import SQL, Ground


def new_key() -> str:
    """Return a private key for ES256, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_jwk(pem: str) -> dict[str, str]:
    """Return the public half as PostgREST reads it."""
    key = _private(pem).public_key()
    document: dict[str, str] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key))
    return {**document, "alg": "ES256", "use": "sig"}


def secret_jwk(secret: bytes) -> dict[str, str]:
    """Return a shared secret for HS256 as PostgREST reads it."""
    return {"kty": "oct", "alg": "HS256", "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()}


def session_claims(role: str, org_id: object, company_id: object, user_id: object) -> dict[str, Any]:
    """Return the claims of an access token, as the design lists them."""
    now = int(time.time())
    return {
        "iss": "outbound", "aud": "outbound", "sub": str(user_id), "sid": str(uuid.uuid4()), "role": role,
        "org_id": str(org_id), "company_id": str(company_id), "user_role": "company_admin", "token_use": "access",
        "iat": now, "exp": now + 3600, "jti": str(uuid.uuid4()),
    }  # fmt: skip


def sign(pem: str, claims: dict[str, Any]) -> str:
    """Return the signed token."""
    return jwt.encode(claims, pem, algorithm="ES256", headers={"kid": "s1"})


def _private(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def open_sessions(ground: Ground, probes: Sequence[Probe]) -> dict[int, str]:
    """Open a session for each probe's user, as a login does, and return the access tokens by the probe's number."""
    signer = Signer.from_settings(ground.home.settings())
    tokens: dict[int, str] = {}
    with ground.connect() as conn:
        for probe in probes:
            ids = {"org_id": probe.org_id, "company_id": probe.company_id, "user_id": probe.user_id}
            row = conn.execute(SQL.open_session.sql, ids).fetchone()
            assert row is not None
            session = Session(UUID(str(row[0])), probe.org_id, probe.company_id, probe.user_id, "company_admin")
            tokens[probe.number] = signer.sign(session)
    return tokens
