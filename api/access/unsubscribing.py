"""Links by which people unsubscribe: self-contained, so that one holds whatever has been deleted since.

A token is the organization, the person's place in a campaign and 128 bits of an HMAC-SHA256 over both, in base64url: 64
characters, and no row anywhere. Keys are of their own kind; those that come after the first still verify. None is too
old: a mail may go out long after its person was handed over.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from api.settings import Settings, parse_keys

MAC_BYTES = 16
BODY_BYTES = 16 + 16


@dataclass(frozen=True)
class UnsubscribeLinks:
    """Makes and reads the tokens; `url` is the page's, without a trailing slash."""

    url: str
    keys: tuple[bytes, ...]

    @classmethod
    def from_settings(cls, settings: Settings) -> "UnsubscribeLinks":
        """Build it from `OUTBOUND_UNSUBSCRIBE_URL` and `OUTBOUND_UNSUBSCRIBE_KEYS`; without keys of its own, one is
        derived from the token pepper, which still verifies later. Raises ValueError for keys that do not parse."""
        given = settings.unsubscribe_keys
        pepper = base64.b64decode(settings.token_pepper.get_secret_value(), validate=True)
        derived = hmac.digest(pepper, b"unsubscribe-links", hashlib.sha256)
        keys = parse_keys(given.get_secret_value()).values() if given else ()
        return cls((settings.unsubscribe_url or f"{settings.public_url}/u").rstrip("/"), (*keys, derived))

    def link(self, org_id: UUID, enrolment_id: UUID) -> str:
        """Return the page's address for one person in one campaign."""
        body = org_id.bytes + enrolment_id.bytes
        token = base64.urlsafe_b64encode(body + self._mac(self.keys[0], body))
        return f"{self.url}/{token.decode()}"

    def read(self, token: str) -> tuple[UUID, UUID] | None:
        """Return the organization and the enrolment of a token, or None for what is no token of ours."""
        try:
            whole = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        body, mac = whole[:-MAC_BYTES], whole[-MAC_BYTES:]
        if len(body) != BODY_BYTES or base64.urlsafe_b64encode(whole).decode() != token:
            return None
        if not any(hmac.compare_digest(self._mac(key, body), mac) for key in self.keys):
            return None
        return UUID(bytes=body[:16]), UUID(bytes=body[16:])

    @staticmethod
    def _mac(key: bytes, body: bytes) -> bytes:
        return hmac.digest(key, b"unsubscribe:" + body, hashlib.sha256)[:MAC_BYTES]
