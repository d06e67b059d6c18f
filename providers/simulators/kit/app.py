"""The provider's side of any simulator: one endpoint for every path, and the faults before and after the work."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from providers.simulators.kit import ledger
from providers.simulators.kit.answers import Vanished, truncated
from providers.simulators.kit.faults import Faults, Strike
from providers.simulators.kit.store import Store

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Early = Callable[[Strike], Response | None]
Work = Callable[[bool], Awaitable[Response]]
Wait = Callable[[Strike], float]


def application(handle: Callable[[Request], Awaitable[Response]]) -> Starlette:
    """Return an application that hands every request over."""
    return Starlette(routes=[Route("/{path:path}", handle, methods=[*METHODS])])


def slow(strike: Strike) -> float:
    """Return the seconds that a request waits before the work."""
    return strike.seconds.get("slow", 0.0)


class Gate:
    """Lets requests through to the work, unless a fault is in the way, and notes those that changed nothing."""

    def __init__(self, store: Store, faults: Faults, adding: ledger.Adding) -> None:
        self._store = store
        self._faults = faults
        self._adding = adding

    def note_no_effect(self, request: Request, body: bytes, *, answered: bool = True) -> None:
        """Write the ledger's lines of a request to add leads that changed nothing."""
        adding = self._adding(request.method, request.url.path, body)
        ledger.write_without_effect(self._store, adding, answered=answered)

    async def serve(self, request: Request, body: bytes, early: Early, work: Work, wait: Wait = slow) -> Response:
        """Answer with the fault that comes before the work, or with what the work and the faults after it leave.

        The work learns whether its answer will arrive.
        """
        strike = self._faults.draw(request.method, request.url.path)
        refused = early(strike)
        if refused is not None:
            self.note_no_effect(request, body)
            return refused
        seconds = wait(strike)
        if seconds:
            await asyncio.sleep(seconds)
        response = await work("lost_response" not in strike)
        if "lost_response" in strike:
            return Vanished()
        return truncated(response) if "malformed" in strike else response
