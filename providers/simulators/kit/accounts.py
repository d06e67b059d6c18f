"""Whose key is shown: those the simulator was started with, and any test key, which gets an account of its own."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

TEST_KEY = "test_"
LONGEST = 200
A = TypeVar("A")


def is_test_key(api_key: str) -> bool:
    """Tell whether a key is one that any caller may make up."""
    return api_key.startswith(TEST_KEY) and len(TEST_KEY) < len(api_key) <= LONGEST and api_key.isascii()


class Accounts(Generic[A]):
    """One account per key. That of a test key is made when the key is first shown."""

    def __init__(self, open_one: Callable[[str], A], api_keys: Iterable[str]) -> None:
        self._open = open_one
        self._known = {api_key: open_one(api_key) for api_key in api_keys}

    def get(self, api_key: str) -> A | None:
        """Return the account of a key, or None where no account has the key."""
        if api_key not in self._known and is_test_key(api_key):
            self._known[api_key] = self._open(api_key)
        return self._known.get(api_key)
