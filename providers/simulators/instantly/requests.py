"""One request as a handler sees it, the answers it may give, and what an endpoint is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from providers.simulators.instantly import validation
from providers.simulators.instantly.common import entities
from providers.simulators.instantly.state import options
from providers.simulators.kit import answers, routing
from providers.simulators.kit.faults import Faults
from providers.simulators.kit.store import Object, Store

MOST_PER_PAGE = 100
USUAL_PAGE = 10
ERRORS = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
}
PAGE: validation.Fields = {"limit": validation.number(whole=True, least=1), "starting_after": validation.text()}


def envelope(status: int, message: str, **more: str) -> Object:
    """Return the body of nearly every error."""
    return {"statusCode": status, **more, "error": ERRORS[status], "message": message}


class RefusedError(answers.RefusedError):
    """The provider refuses, mostly with a message in the usual envelope; nothing is changed."""

    def __init__(self, status: int, body: str | Object) -> None:
        super().__init__(status, envelope(status, body) if isinstance(body, str) else body)


class EmptyPageError(Exception):
    """The list is answered as if nothing were in it."""


@dataclass(frozen=True)
class Caller:
    """Whose key it is and what the key may do."""

    workspace: str
    user: str
    scopes: Sequence[str]


@dataclass(frozen=True)
class Call:
    """A checked request; `answered` is False when its response will be lost on purpose."""

    store: Store
    faults: Faults
    caller: Caller
    now: str
    answered: bool
    params: dict[str, str]
    query: Object
    body: Object

    @property
    def workspace(self) -> str:
        """Return the workspace of the key."""
        return self.caller.workspace

    @property
    def options(self) -> Object:
        """Return how the simulator is set."""
        return options(self.store)

    def find(self, kind: str, identity: str | None = None) -> Object:
        """Return the thing of this kind, by default the one named in the path, or refuse with a 404."""
        wanted = self.params["id"] if identity is None else identity
        found = entities.find(self.store, self.workspace, kind, wanted)
        if found is None:
            raise RefusedError(404, "Resource not found")
        return found

    def save(self, kind: str, fields: Object, **keys: str) -> Object:
        """Write a changed thing back."""
        return entities.save(self.store, self.workspace, kind, fields, **keys)

    def every(self, kind: str) -> list[Object]:
        """Return all of the workspace's things of this kind, oldest first."""
        return entities.every(self.store, self.workspace, kind)

    def limit(self, source: Object | None = None, most: int = MOST_PER_PAGE) -> int:
        """Return the size of a page."""
        limit = (self.query if source is None else source).get("limit", USUAL_PAGE)
        if limit > most and self.options["over_limit"] == "empty":
            raise EmptyPageError
        if limit > most:
            raise RefusedError(400, f"{'querystring' if source is None else 'body'}/limit must be <= {most}")
        return int(limit)

    def page(self, rows: Sequence[Object], key: str = "id", *, down: bool = False) -> Response:
        """Return a page of things that are sorted by the cursor's field."""
        after = self.query.get("starting_after")
        rest = [row for row in rows if after is None or (row[key] < after if down else row[key] > after)]
        return items(rest[: self.limit()], key)


def items(rows: Sequence[Object], key: str = "id") -> Response:
    """Return a page whose cursor is there as long as there are rows, also on the last."""
    cursor = {"next_starting_after": rows[-1][key]} if rows else {}
    return answer({"items": [entities.shown(row) for row in rows], **cursor})


def answer(body: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return JSONResponse(body, status_code=status)


def thing(fields: Object) -> Response:
    """Return a single thing."""
    return answer(entities.shown(fields))


@dataclass(frozen=True)
class Later:
    """An answer that has to wait for something outside, after the work is done."""

    finish: Callable[[], Awaitable[Response]]


Handler = Callable[[Call], Response | Later]


@dataclass(frozen=True)
class Terms:
    """The scope that a key needs for an endpoint, and the rules of its query and body."""

    scope: str
    query: validation.Rule
    body: validation.Rule | None

    def open_to(self, scopes: Sequence[str]) -> bool:
        """Return whether a key with these scopes may ask."""
        resource, _, verb = self.scope.partition(":")
        return not self.scope or not {self.scope, f"{resource}:all", f"all:{verb}", "all:all"}.isdisjoint(scopes)


Route = routing.Route[Handler, Terms]


class Routes(routing.Routes[Handler, Terms]):
    """The endpoints of one subject."""

    def __init__(self) -> None:
        super().__init__("/api/v2")

    def on(
        self,
        method: str,
        path: str,
        scope: str = "",
        *,
        query: validation.Fields | None = None,
        body: validation.Fields | validation.Rule | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register the decorated handler; a body of None is neither expected nor read."""
        rule = body if body is None or callable(body) else validation.obj(body)
        return self.add(method, path, Terms(scope, validation.obj(query or {}), rule))
