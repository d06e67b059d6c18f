"""Which keys have been seen in a long list: 8 bytes for each, and nothing that could be read back."""

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable

WIDTH = 8


class Seen:
    """Keys of earlier batches, as the database keeps them, and those since. That of a million keys one is taken for
    another has a chance of one in thirty millions."""

    def __init__(self, stored: Iterable[bytes] = ()) -> None:
        kept = array("Q")
        for part in stored:
            kept.frombytes(part)
        self._kept = array("Q", sorted(kept))
        self._fresh: set[int] = set()

    def __contains__(self, key: str) -> bool:
        number = _number(key)
        at = bisect_left(self._kept, number)
        return number in self._fresh or (at < len(self._kept) and self._kept[at] == number)

    def add(self, keys: Iterable[str]) -> bytes:
        """Take in keys, and return what the database is to keep of them."""
        numbers = set(map(_number, keys)) - self._fresh
        self._fresh |= numbers
        return array("Q", sorted(numbers)).tobytes()


def _number(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=WIDTH).digest(), "little")
