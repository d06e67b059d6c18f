"""The table of a simulator's endpoints, and finding the one that a request is for."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

H = TypeVar("H")
T = TypeVar("T")


@dataclass(frozen=True)
class Route(Generic[H, T]):
    """One endpoint; `terms` are what its provider checks before the handler works."""

    method: str
    path: str
    pattern: re.Pattern[str]
    terms: T
    handler: H


class Routes(Generic[H, T]):
    """The endpoints of one subject, all under the provider's prefix."""

    def __init__(self, prefix: str, *, segment: str = "[^/]+", flags: re.RegexFlag = re.NOFLAG) -> None:
        self.table: list[Route[H, T]] = []
        self._prefix = prefix
        self._segment = segment
        self._flags = flags

    def add(self, method: str, path: str, terms: T) -> Callable[[H], H]:
        """Register the decorated handler; `{name}` in the path is one segment."""
        segments = re.sub(r"\{(\w+)\}", lambda name: f"(?P<{name[1]}>{self._segment})", path)
        pattern = re.compile(f"{self._prefix}{segments}/?", self._flags)

        def register(handler: H) -> H:
            self.table.append(Route(method, path, pattern, terms, handler))
            return handler

        return register


def ordered(routes: Iterable[Route[H, T]]) -> list[Route[H, T]]:
    """Return endpoints with those without an id in the path before those that have one in its place."""
    return sorted(routes, key=lambda route: route.path.count("{"))


def matches(table: Iterable[Route[H, T]], path: str) -> list[tuple[Route[H, T], dict[str, str]]]:
    """Return the endpoints of a path, whatever their method, each with the ids in the path."""
    found = ((route, route.pattern.fullmatch(path)) for route in table)
    return [(route, match.groupdict()) for route, match in found if match]


def find(table: Iterable[Route[H, T]], method: str, path: str) -> tuple[Route[H, T], dict[str, str]] | None:
    """Return the first endpoint of a method and a path, with the ids in the path."""
    return next(iter(matches((route for route in table if route.method == method), path)), None)
