"""Secrets: API tokens and their HMACs, tickets for the database's doors, and encryption bound to a row."""

import base64
import hashlib
import hmac
import json
import secrets
import string
import time
import zlib
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.settings import Settings

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
TICKET_SECONDS = 5
TOKEN_PREFIXES = {"org": "obx_org_", "company": "obx_co_", "platform": "obx_plat_"}
REFRESH_PREFIX = "obx_rt_"
LINK_PREFIX = "obx_link_"


class DecryptionError(Exception):
    """A stored secret does not open with any key we hold, or was moved from its row."""


def parse_keys(text: str) -> dict[str, bytes]:
    """Return `{kid: key}` in the order written; keys are base64 of 32 bytes. ValueError says which entry is wrong."""
    keys: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        kid, _, encoded = entry.partition(":")
        key = base64.b64decode(encoded, validate=True)
        if len(key) != 32 or not kid.isalnum() or kid != kid.lower():
            raise ValueError(f"key {kid!r}: expected `kid:base64 of 32 bytes` with a lower-case alphanumeric kid")
        keys[kid] = key
    if not keys:
        raise ValueError("no keys given")
    return keys


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer padded keys with which the database computes HMAC-SHA256 from sha256 alone."""
    block = key.ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def new_token(tier: str) -> str:
    """Return a fresh API token: prefix, 32 random base62 characters, and 6 of CRC32 so that typos never reach us."""
    body = TOKEN_PREFIXES[tier] + "".join(secrets.choice(BASE62) for _ in range(32))
    return body + _checksum(body)


def token_tier(token: str) -> str | None:
    """Return the tier a well-formed token claims, or None for anything else. No look-up is made."""
    for tier, prefix in TOKEN_PREFIXES.items():
        if token.startswith(prefix) and len(token) == len(prefix) + 38:
            body = token[:-6]
            return tier if hmac.compare_digest(_checksum(body).encode(), token[-6:].encode()) else None
    return None


def _checksum(body: str) -> str:
    value = zlib.crc32(body.encode())
    digits = ""
    for _ in range(6):
        value, rest = divmod(value, 62)
        digits = BASE62[rest] + digits
    return digits


def new_secret(prefix: str) -> str:
    """Return 256 random bits behind a prefix by which scanners and people know what it is."""
    return prefix + secrets.token_urlsafe(32)


def new_path_token() -> str:
    """Return 256 random bits for a webhook address."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class SealedField:
    """Where a secret lives. It opens nowhere else."""

    org_id: UUID
    table: str
    column: str
    row_id: UUID

    def associated_data(self, kid: str) -> bytes:
        """Return the length-prefixed bytes that AES-GCM authenticates beside the secret."""
        parts = [
            b"1",
            kid.encode(),
            self.org_id.bytes,
            self.table.encode(),
            self.column.encode(),
            self.row_id.bytes,
        ]
        return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


class Vault:
    """The process's keys. Holds nothing of the database."""

    def __init__(self, *, pepper: bytes, ticket_keys: dict[str, bytes], encryption_keys: dict[str, bytes]) -> None:
        self._pepper = pepper
        self._ticket_kid, self._ticket_key = next(iter(ticket_keys.items()))
        self._encryption_kid = next(iter(encryption_keys))
        self._ciphers = {kid: AESGCM(key) for kid, key in encryption_keys.items()}

    @classmethod
    def from_settings(cls, settings: Settings) -> "Vault":
        """Build it from `OUTBOUND_TOKEN_PEPPER`, `OUTBOUND_TICKET_KEYS` and `OUTBOUND_ENCRYPTION_KEYS`."""
        return cls(
            pepper=base64.b64decode(settings.token_pepper.get_secret_value(), validate=True),
            ticket_keys=parse_keys(settings.ticket_keys.get_secret_value()),
            encryption_keys=parse_keys(settings.encryption_keys.get_secret_value()),
        )

    def token_hmac(self, secret: str, *, purpose: str = "token") -> bytes:
        """Return the 32 bytes under which a token, path or provider key is stored and found."""
        return hmac.digest(self._pepper, f"{purpose}:{secret}".encode(), hashlib.sha256)

    def ticket(self, kind: str, subject: str) -> str:
        """Return a ticket for one of the database's doors, good for five seconds."""
        expires = int((time.time() + TICKET_SECONDS) * 1000)
        body = f"v1:{kind}:{self._ticket_kid}:{subject}:{expires}:{secrets.token_hex(8)}"
        return body + ":" + hmac.digest(self._ticket_key, body.encode(), hashlib.sha256).hex()

    def document_ticket(self, kind: str, document: object) -> str:
        """Return a ticket whose subject is a JSON document, for the doors that take more than a name."""
        return self.ticket(kind, base64.b64encode(json.dumps(document).encode()).decode())

    def child_of(self, refresh_token: str) -> str:
        """Return the one refresh token that may follow another: whoever asks twice is given the same."""
        child = hmac.digest(self._pepper, f"refresh-child:{refresh_token}".encode(), hashlib.sha256)
        return REFRESH_PREFIX + base64.urlsafe_b64encode(child).decode().rstrip("=")

    def seal(self, secret: bytes, field: SealedField) -> bytes:
        """Return `version, length of kid, kid, nonce, ciphertext` for `field` only."""
        kid = self._encryption_kid
        nonce = secrets.token_bytes(12)
        sealed = self._ciphers[kid].encrypt(nonce, secret, field.associated_data(kid))
        return bytes([1, len(kid)]) + kid.encode() + nonce + sealed

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether something was sealed under the key that seals now."""
        return sealed[2 : 2 + sealed[1]] == self._encryption_kid.encode()

    def unseal(self, sealed: bytes, field: SealedField) -> bytes:
        """Return the secret; DecryptionError when the key is gone or the bytes were sealed for another row."""
        length = sealed[1] if len(sealed) > 2 else 0
        kid = sealed[2 : 2 + length].decode(errors="replace")
        cipher = self._ciphers.get(kid)
        if cipher is None or sealed[0] != 1:
            raise DecryptionError("no key for this secret")
        nonce, body = sealed[2 + length : 14 + length], sealed[14 + length :]
        try:
            return cipher.decrypt(nonce, body, field.associated_data(kid))
        except (InvalidTag, ValueError) as error:
            raise DecryptionError("this secret was not sealed for this row") from error


def generate_key(kid: str = "k1") -> str:
    """Return a new `kid:base64` entry for a key setting."""
    return f"{kid}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def last_four(secret: str) -> str:
    """Return what may be shown of a secret."""
    return secret[-4:]
