"""Access tokens: ES256 JWTs that say who is logged in, for the API and for PostgREST alike."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from api.access.permissions import allows
from api.db.ticket import Tickets
from api.settings import Settings, parse_keys

AUDIENCE = "outbound"
ACCESS_SECONDS = 600
LONGEST_LIFE = 3600
LEEWAY = 5
TOKEN_USE = "access"  # noqa: S105  # the value of a JWT claim, not a secret
CACHED = 4096
CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
REQUIRED = ["iss", "aud", "sub", "sid", "role", "org_id", "user_role", "token_use", "iat", "exp", "jti", "scope", "ctx"]
DATABASE_ROLES = {"org": "dashboard_org", "company": "dashboard_company"}
DASHBOARD_PERMISSIONS = ("conversations:read", "dashboards:read")  # what the views of dashboards ask for


@dataclass(frozen=True)
class Session:
    """Who an access token says is logged in. The database has the last word on whether that still holds."""

    session_id: UUID
    org_id: UUID
    company_id: UUID | None
    user_id: UUID
    role: str

    @property
    def tier(self) -> str:
        """`company` for people of one company, else `org`."""
        return "org" if self.company_id is None else "company"

    @property
    def hmac(self) -> str:
        """Under which name the database knows the session's credential."""
        return hashlib.sha256(f"session:{self.session_id}".encode()).hexdigest()


class Signer:
    """The process's signing keys: the first one signs, all of them verify. `tickets` sign what the database believes of
    a token that PostgREST passes on."""

    def __init__(self, keys: Mapping[str, bytes], *, issuer: str, tickets: Tickets) -> None:
        self._keys = {kid: _private_key(key) for kid, key in keys.items()}
        self._public = {kid: key.public_key() for kid, key in self._keys.items()}
        self._issuer = issuer
        self._tickets = tickets
        self._verified: OrderedDict[str, tuple[float, Session]] = OrderedDict()

    @classmethod
    def from_settings(cls, settings: Settings) -> "Signer":
        """Build it from `OUTBOUND_SIGNING_KEYS`, `OUTBOUND_JWT_ISSUER` and `OUTBOUND_TICKET_KEYS`."""
        return cls(
            parse_keys(settings.signing_keys.get_secret_value()),
            issuer=settings.jwt_issuer or settings.public_url,
            tickets=Tickets.from_settings(settings),
        )

    @property
    def issuer(self) -> str:
        """`iss` of every access token."""
        return self._issuer

    def sign(self, session: Session, *, scopes: tuple[str, ...] | None = None, seconds: int = ACCESS_SECONDS) -> str:
        """Return an access token of ten minutes, or of fewer seconds. Scopes narrow what dashboards show with it."""
        kid, key = next(iter(self._keys.items()))
        return jwt.encode(self._claims(session, scopes, seconds), key, algorithm="ES256", headers={"kid": kid})

    def verify(self, token: str) -> Session | None:
        """Return the session of a valid access token, or None. A token's signature is checked once."""
        known = self._verified.get(token)
        if known is None:
            known = self._decode(token)
            if known is None:
                return None
            self._verified[token] = known
            if len(self._verified) > CACHED:
                self._verified.popitem(last=False)
        expires, session = known
        return session if expires + LEEWAY > time.time() else None

    def jwks(self) -> dict[str, Any]:
        """Return the public keys as `/.well-known/jwks.json` shows them."""
        keys = [
            {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": kid, "alg": "ES256", "use": "sig"}
            for kid, key in self._public.items()
        ]
        return {"keys": keys}

    def _claims(self, session: Session, scopes: tuple[str, ...] | None, seconds: int) -> dict[str, Any]:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": str(session.user_id),
            "sid": str(session.session_id),
            "role": DATABASE_ROLES[session.tier],
            "org_id": str(session.org_id),
            "user_role": session.role,
            "token_use": TOKEN_USE,
            "iat": now,
            "exp": now + seconds,
            "jti": str(uuid4()),
            "scope": " ".join(name for name in DASHBOARD_PERMISSIONS if allows(session.role, scopes, name)),
        }
        claims["ctx"] = believed(self._tickets, claims)
        if session.company_id is not None:
            claims["company_id"] = str(session.company_id)
        return claims

    def _decode(self, token: str) -> tuple[float, Session] | None:
        try:
            header = jwt.get_unverified_header(token)
            key = self._public.get(header.get("kid", ""))
            if key is None:
                return None
            claims = jwt.decode(
                token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=self._issuer, leeway=LEEWAY,
                options={"require": REQUIRED, "strict_aud": True},
            )  # fmt: skip
            return _session(claims)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            return None


def believed(tickets: Tickets, claims: Mapping[str, Any]) -> str:
    """Return the signature over what the database is to believe of claims, `ctx`.

    PostgREST has verified a token when it passes its claims on, but a process with its database address could claim
    anything: `ctx.dashboard_claims` asks for this.
    """
    names = ("sid", "role", "iat", "exp", "iss", "scope")
    return tickets.mac("|".join(["dashboard", *(str(claims[name]) for name in names)]))


def _session(claims: Mapping[str, Any]) -> tuple[float, Session] | None:
    """Return when the claims end and what they say; None for a token of another use, or one that lives too long."""
    company = claims.get("company_id")
    session = Session(
        session_id=UUID(claims["sid"]),
        org_id=UUID(claims["org_id"]),
        company_id=None if company is None else UUID(company),
        user_id=UUID(claims["sub"]),
        role=str(claims["user_role"]),
    )
    life = claims["exp"] - claims["iat"]
    if claims["token_use"] != TOKEN_USE or not 0 < life <= LONGEST_LIFE:
        return None
    if claims["role"] != DATABASE_ROLES[session.tier]:
        return None
    return float(claims["exp"]), session


def _private_key(key: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the P-256 key that 32 random bytes stand for."""
    return ec.derive_private_key(int.from_bytes(key) % (CURVE_ORDER - 1) + 1, ec.SECP256R1())
