"""Secrets: API tokens and their HMACs, and encryption bound to a row."""

import base64
import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.settings import Settings, parse_keys

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
TOKEN_PREFIXES = {"org": "obx_org_", "company": "obx_co_", "platform": "obx_plat_"}
REFRESH_PREFIX = "obx_rt_"
LINK_PREFIX = "obx_link_"
CHECK_DIGITS = 6


class DecryptionError(Exception):
    """A stored secret does not open with any of our keys, or was moved from its row."""


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

    def __init__(self, *, pepper: bytes, encryption_keys: dict[str, bytes]) -> None:
        self._pepper = pepper
        self._check_key = hmac.digest(pepper, b"check-digits", hashlib.sha256)
        self._encryption_kid = next(iter(encryption_keys))
        self._ciphers = {kid: AESGCM(key) for kid, key in encryption_keys.items()}

    @classmethod
    def from_settings(cls, settings: Settings) -> "Vault":
        """Build it from `OUTBOUND_TOKEN_PEPPER` and `OUTBOUND_ENCRYPTION_KEYS`. Raises ValueError for keys that do not
        parse."""
        return cls(
            pepper=base64.b64decode(settings.token_pepper.get_secret_value(), validate=True),
            encryption_keys=parse_keys(settings.encryption_keys.get_secret_value()),
        )

    def token_hmac(self, secret: str, *, purpose: str = "token") -> bytes:
        """Return the 32 bytes under which a token, path or provider key is stored and found."""
        return hmac.digest(self._pepper, f"{purpose}:{secret}".encode(), hashlib.sha256)

    def new_token(self, tier: str) -> str:
        """Return a fresh API token: prefix, 32 random base62 characters, 6 check digits."""
        return self._checked(TOKEN_PREFIXES[tier] + "".join(secrets.choice(BASE62) for _ in range(32)))

    def token_tier(self, token: str) -> str | None:
        """Return the tier of an API token that was made under our pepper, or None for anything else. No look-up is
        made: one made-up token in 62^6 passes the check digits, and it is not in the database."""
        for tier, prefix in TOKEN_PREFIXES.items():
            if token.startswith(prefix) and len(token) == len(prefix) + 32 + CHECK_DIGITS:
                return tier if self.is_ours(token, prefix) else None
        return None

    def new_secret(self, prefix: str) -> str:
        """Return 256 random bits behind a prefix by which scanners and people know what it is, and check digits."""
        return self._checked(prefix + secrets.token_urlsafe(32))

    def new_path_token(self) -> str:
        """Return 192 random bits for a webhook address, and check digits."""
        return self._checked(secrets.token_urlsafe(24))

    def is_ours(self, secret: str, prefix: str = "") -> bool:
        """Tell by its check digits whether a secret was made under our pepper."""
        body, digits = secret[:-CHECK_DIGITS], secret[-CHECK_DIGITS:]
        return secret.startswith(prefix) and hmac.compare_digest(
            self._check_digits(body).encode(), digits.encode(errors="replace")
        )

    def _checked(self, body: str) -> str:
        return body + self._check_digits(body)

    def _check_digits(self, body: str) -> str:
        """Return 35 bits of an HMAC in base62, which cannot be made without the pepper."""
        value = int.from_bytes(hmac.digest(self._check_key, body.encode(errors="replace"), hashlib.sha256)[:8])
        digits = ""
        for _ in range(CHECK_DIGITS):
            value, rest = divmod(value, 62)
            digits = BASE62[rest] + digits
        return digits

    def child_of(self, refresh_token: str) -> str:
        """Return the one refresh token that may follow another: a second call returns the same one."""
        child = hmac.digest(self._pepper, f"refresh-child:{refresh_token}".encode(), hashlib.sha256)
        return self._checked(REFRESH_PREFIX + base64.urlsafe_b64encode(child).decode().rstrip("="))

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


def last_four(secret: str) -> str:
    """Return what may be shown of a secret."""
    return secret[-4:]
