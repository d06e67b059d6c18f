"""Passwords under argon2id, in a few threads of their own, so that logging in never holds up the other requests."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from api.errors import Unavailable

MOST_WAITING = 64  # hashings at once, those in work included: some four seconds of them
T = TypeVar("T")
# 46 MiB in one pass: OWASP's recommendation, about 70 ms on the reference machine.
_HASHER = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1)
_THREADS = ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1), thread_name_prefix="argon2")
_WAITING = asyncio.Semaphore(MOST_WAITING)
_NOBODY = _HASHER.hash("nobody's password, compared when there is nobody")


async def hash_password(password: str) -> str:
    """Return the hash to keep. Raises Unavailable when too many wait."""
    return await _in_turn(lambda: _HASHER.hash(password))


async def verify_password(known: str | None, password: str) -> bool:
    """Tell whether a password is the known one. Takes the same time when there is none to compare with.

    Raises Unavailable when too many wait.
    """
    right = await _in_turn(lambda: _matches(known or _NOBODY, password))
    return right and known is not None


async def _in_turn(work: Callable[[], T]) -> T:
    """Run one hashing in a thread; the queue before the threads has an end."""
    if _WAITING.locked():
        raise Unavailable("Too many are logging in right now; try again.", retry_after=5)
    async with _WAITING:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


def needs_rehash(known: str) -> bool:
    """Tell whether a hash was made with older parameters."""
    return _HASHER.check_needs_rehash(known)


def _matches(known: str, password: str) -> bool:
    try:
        return _HASHER.verify(known, password)
    except (Argon2Error, InvalidHashError):
        return False
