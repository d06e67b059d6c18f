"""One request as a handler sees it, the answers it may give, and what an endpoint is."""

import json
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from providers.simulators.heyreach import validation
from providers.simulators.heyreach.validation import Errors, Fields, Rule
from providers.simulators.kit import routing
from providers.simulators.kit.answers import RefusedError
from providers.simulators.kit.store import Object, Row, Store

PREFIX = "/api/public"
_RFC = "https://tools.ietf.org/html/rfc9110#section-15.5."


def refusal(sentence: str, status: int = 400) -> RefusedError:
    """Return the refusal of a business rule."""
    return RefusedError(status, {"errorMessage": sentence})


def unfit(errors: Errors) -> RefusedError:
    """Return the refusal of the framework's model validation."""
    title = "One or more validation errors occurred."
    return RefusedError(400, {"type": f"{_RFC}1", "title": title, "status": 400, "errors": errors, "traceId": _trace()})


def wrong_media_type() -> RefusedError:
    """Return the refusal of a body that is not declared as JSON."""
    body = {"type": f"{_RFC}16", "title": "Unsupported Media Type", "status": 415, "traceId": _trace()}
    return RefusedError(415, body)


def _trace() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


@dataclass(frozen=True)
class Workspace:
    """The owner of an api key."""

    id: int
    api_key: str
    name: str


@dataclass(frozen=True)
class Call:
    """A checked request; `answered` is False when its response will be lost on purpose."""

    store: Store
    workspace: Workspace
    now: str
    answered: bool
    options: Object
    struck: frozenset[str] = frozenset()
    params: dict[str, str] = field(default_factory=dict[str, str])
    query: Object = field(default_factory=Object)
    body: Object = field(default_factory=Object)

    def find_campaign(self, campaign_id: Any) -> Row | None:
        """Return the workspace's campaign of this id, if there is one."""
        return self.store.one(
            "select * from campaigns where id = ? and workspace_id = ?", campaign_id, self.workspace.id
        )

    def campaign(self, campaign_id: Any) -> Row:
        """Return the workspace's campaign of this id, or refuse with the provider's 404."""
        found = self.find_campaign(campaign_id)
        if found is None:
            raise refusal("There is no campaign with provided id.", 404)
        return found

    def list_(self, list_id: Any) -> Row:
        """Return the workspace's list of this id, or refuse."""
        found = self.store.one("select * from lists where id = ? and workspace_id = ?", list_id, self.workspace.id)
        if found is None:
            raise refusal("The list does not exist!")
        return found

    def seat(self, account_id: Any) -> Row | None:
        """Return the workspace's LinkedIn account of this id, if there is one."""
        return self.store.one(
            "select * from li_accounts where id = ? and workspace_id = ?", account_id, self.workspace.id
        )


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Terms:
    """The rules of an endpoint's query and body; `body` is None where no body is read.

    Of its `quirks` those that are switched on are drawn before it works. A `beta` endpoint belongs to the campaign
    API, which a workspace may not have.
    """

    query: Rule
    body: Rule | None
    quirks: tuple[str, ...] = ()
    beta: bool = False


Route = routing.Route[Handler, Terms]


class Routes(routing.Routes[Handler, Terms]):
    """The endpoints of one subject; the case of a path does not matter."""

    def __init__(self) -> None:
        super().__init__(PREFIX, flags=re.IGNORECASE)

    def on(
        self,
        method: str,
        path: str,
        *,
        query: Fields | None = None,
        body: Fields | None = None,
        quirks: tuple[str, ...] = (),
        beta: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Register the decorated handler."""
        bodied = None if body is None else validation.model(body)
        return self.add(method, path, Terms(validation.model(query or {}), bodied, quirks, beta))


def answer(body: object) -> Response:
    """Return a JSON answer."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(content, media_type="application/json; charset=utf-8")


def empty() -> Response:
    """Return the answer of most writes: 200 and no body."""
    return Response(b"")


def page(call: Call, rows: Sequence[Any], more: Object | None = None) -> Response:
    """Return the requested part of rows that are all in memory, with their whole count."""
    first, size = call.body["offset"], call.body["limit"]
    return answer({**(more or {}), "totalCount": len(rows), "items": list(rows[first : first + size])})
