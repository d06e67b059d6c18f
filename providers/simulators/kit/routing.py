"""The table of a simulator's endpoints, and finding the one that a request is for."""

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Endpoint(Protocol):
    """What every provider's endpoints have: a method, and a pattern whose groups are the ids in the path."""

    @property
    def method(self) -> str:
        """Return the method."""
        ...

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return the pattern that a path has to fit."""
        ...


R = TypeVar("R", bound=Endpoint)


def ordered(routes: Iterable[R]) -> list[R]:
    """Return endpoints with a path without an id before those that have one in its place."""
    return sorted(routes, key=lambda route: route.pattern.groups)


def matches(table: Iterable[R], path: str) -> list[tuple[R, dict[str, str]]]:
    """Return the endpoints of a path, whatever their method, each with the ids in the path."""
    found = ((route, route.pattern.fullmatch(path)) for route in table)
    return [(route, match.groupdict()) for route, match in found if match]


def find(table: Iterable[R], method: str, path: str) -> tuple[R, dict[str, str]] | None:
    """Return the first endpoint of a method and a path, with the ids in the path."""
    return next(iter(matches((route for route in table if route.method == method), path)), None)
