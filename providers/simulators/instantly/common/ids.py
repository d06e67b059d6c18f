"""Identifiers of the kinds the provider uses: random, ordered by time, and those of its job store."""

import hashlib
import secrets
import uuid
from base64 import b64encode, urlsafe_b64encode

from providers.simulators.kit.clock import Clock
from providers.simulators.kit.store import Store


def random_id() -> str:
    """Return a uuid of version 4."""
    return str(uuid.uuid4())


def derived(*parts: str) -> str:
    """Return a uuid of version 4 that depends on the parts alone."""
    digest = hashlib.sha256("/".join(parts).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


class Sequence:
    """Gives uuids of version 7, each greater than the one before, also within a millisecond."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, clock: Clock) -> str:
        """Return the next one for the present moment."""
        self._last = max(int(clock.time() * 1000) << 12, self._last + 1)
        high = (self._last >> 12) << 16 | 0x7000 | self._last & 0xFFF
        return str(uuid.UUID(int=high << 64 | 0b10 << 62 | secrets.randbits(62)))


_sequence = Sequence()


def ordered_id(store: Store) -> str:
    """Return a uuid of version 7."""
    return _sequence.next(store.clock)


def job_id(store: Store) -> str:
    """Return 24 hexadecimal digits that begin with the time."""
    return f"{int(store.clock.time()):08x}{secrets.token_hex(8)}"


def thread_id(campaign: str, lead: str) -> str:
    """Return a conversation's id: two digits of the campaign's, then 23 url-safe characters."""
    digest = hashlib.sha256(f"{campaign}/{lead}".encode()).digest()
    return f"{campaign[:2]}-{urlsafe_b64encode(digest).decode()[:23]}"


def api_key(identity: str) -> str:
    """Return a key as the provider writes them: base64 of the key's id and a secret."""
    return b64encode(f"{identity}:{secrets.token_urlsafe(9)}".encode()).decode()
