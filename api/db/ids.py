"""Ids made before their row is written, because something must be sealed under them first."""

import secrets
import time
from uuid import UUID


def new_id() -> UUID:
    """Return a version 7 UUID: 48 bits of milliseconds, then randomness, as the database makes them."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    return UUID(int=(value & ~(0x3 << 62)) | (0x2 << 62))
