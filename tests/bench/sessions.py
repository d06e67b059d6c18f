"""Sessions do not exist yet: this serves the product's own application behind the check of an ES256 session token.

Run as a process of its own with the settings of `outbound serve`. Every request carries, beside its API token, a real
token of the claims that the design names; it is verified with PyJWT before the application sees the request.
"""

import base64
import json
import os
import time
import uuid
from typing import Any

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from starlette.types import ASGIApp, Receive, Scope, Send

HEADER = b"x-bench-session"
CLAIMS = ["iss", "aud", "sub", "sid", "role", "org_id", "user_role", "token_use", "iat", "exp", "jti"]


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


class Verified:
    """Lets a request through when its session token holds."""

    def __init__(self, app: ASGIApp, key: ec.EllipticCurvePublicKey) -> None:
        self.app, self.key = app, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Verify, then serve; a bad token ends the request."""
        if scope["type"] == "http":
            token = next((value for name, value in scope["headers"] if name == HEADER), b"")
            try:
                claims = jwt.decode(token, self.key, ["ES256"], audience="outbound", issuer="outbound",
                                    options={"require": CLAIMS})  # fmt: skip
                if claims["token_use"] != "access":
                    raise jwt.InvalidTokenError("not an access token")
            except jwt.InvalidTokenError:
                await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
                await send({"type": "http.response.body"})
                return
        await self.app(scope, receive, send)


def main() -> None:
    """Serve as `outbound serve` does, with the check in front."""
    from api.app import create_app  # noqa: PLC0415  # the bench itself needs no settings
    from api.observability import configure_logging  # noqa: PLC0415
    from api.settings import get_settings  # noqa: PLC0415

    settings = get_settings()
    configure_logging(settings.log_format)
    app = Verified(create_app(settings), _private(os.environ["BENCH_SESSION_KEY"]).public_key())
    uvicorn.run(
        app, host=settings.host, port=settings.port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=10, timeout_keep_alive=30,
    )  # fmt: skip


if __name__ == "__main__":
    main()
