"""Tickets: signed contexts, good for five seconds, with which our processes say for which tenant a transaction runs."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable

from api.settings import Settings, parse_keys

TICKET_SECONDS = 5


def hmac_pads(key: bytes) -> tuple[bytes, bytes]:
    """Return the inner and outer padded keys with which the database computes HMAC-SHA256 from sha256 alone."""
    block = key.ljust(64, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


class Tickets:
    """Signs tickets with the first of the process's ticket keys; `ctx.ticket_subject` verifies them in the database, by
    the database's clock: `ahead` is by how many seconds that is ahead of this machine's."""

    def __init__(self, keys: dict[str, bytes], clock: Callable[[], float] = time.time) -> None:
        self._kid, self._key = next(iter(keys.items()))
        self.clock = clock
        self.ahead = 0.0

    @classmethod
    def from_settings(cls, settings: Settings) -> "Tickets":
        """Build it from `OUTBOUND_TICKET_KEYS`. Raises ValueError for keys that do not parse."""
        return cls(parse_keys(settings.ticket_keys.get_secret_value()))

    def sign(self, kind: str, subject: str) -> str:
        """Return a ticket for one of the database's entry points, good for five seconds."""
        expires = int((self.clock() + self.ahead + TICKET_SECONDS) * 1000)
        body = f"v1:{kind}:{self._kid}:{subject}:{expires}:{secrets.token_hex(8)}"
        return body + ":" + hmac.digest(self._key, body.encode(), hashlib.sha256).hex()

    def mac(self, message: str) -> str:
        """Return `kid:HMAC` of a message that is no ticket: none of those begins with its kind."""
        return f"{self._kid}:{hmac.digest(self._key, message.encode(), hashlib.sha256).hex()}"

    def sign_document(self, kind: str, document: object) -> str:
        """Return a ticket whose subject is a JSON document, for the entry points that take more than a name."""
        return self.sign(kind, base64.b64encode(json.dumps(document).encode()).decode())
