"""One request as a handler sees it, the answers it may give, and what an endpoint is."""

import html
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.responses import HTMLResponse, JSONResponse, Response

from providers.simulators.kit import routing
from providers.simulators.kit.answers import RefusedError
from providers.simulators.kit.store import Object, Row, Store
from providers.simulators.smartlead import validation
from providers.simulators.smartlead.validation import Fields, Rule


class CampaignMissingError(RefusedError):
    """There is no such campaign in the account; reading it is an empty 200 all the same."""

    def __init__(self) -> None:
        super().__init__(404, {"error": "Campaign not found - Invalid campaign_id."})


@dataclass(frozen=True)
class Account:
    """The owner of an api key."""

    id: int
    secret_key: str
    name: str
    email: str


@dataclass(frozen=True)
class Call:
    """A checked request; `answered` is False when its response will be lost on purpose."""

    store: Store
    account: Account
    now: str
    answered: bool
    params: dict[str, int] = field(default_factory=dict[str, int])
    query: Object = field(default_factory=Object)
    body: Object = field(default_factory=Object)

    @property
    def campaign_id(self) -> int:
        """Return the campaign named in the path."""
        return self.params["campaign_id"]

    def find_campaign(self) -> Row | None:
        """Return the account's campaign named in the path, if it exists."""
        return self.store.one(
            "select * from campaigns where id = ? and account_id = ? and deleted_at is null",
            self.campaign_id,
            self.account.id,
        )

    def campaign(self) -> Row:
        """Return the campaign named in the path, or refuse with the provider's 404."""
        found = self.find_campaign()
        if found is None:
            raise CampaignMissingError
        return found


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Terms:
    """The rules of an endpoint's query and body."""

    query: Rule
    body: Rule


Route = routing.Route[Handler, Terms]


class Routes(routing.Routes[Handler, Terms]):
    """The endpoints of one subject; `{name}` in a path is a numeric id."""

    def __init__(self) -> None:
        # POST /campaigns/new was probed and is no route, whatever the method.
        super().__init__("/api/v1", segment="(?!new/?$)[^/]+")

    def on(
        self, method: str, path: str, *, query: Fields | None = None, body: Fields | None = None
    ) -> Callable[[Handler], Handler]:
        """Register the decorated handler."""
        queried = validation.obj({"api_key": validation.anything, **(query or {})})
        return self.add(method, path, Terms(queried, validation.obj(body or {})))


def joi_refusal(source: str, fault: validation.InvalidError) -> RefusedError:
    """Return the 400 of the provider's validator."""
    return RefusedError(
        400,
        {
            "statusCode": 400,
            "error": "Bad Request",
            "message": str(fault),
            "validation": {"source": source, "keys": [fault.key]},
        },
    )


def invalid(message: str) -> RefusedError:
    """Return a 400 with a plain error text."""
    return RefusedError(400, {"error": message})


def answer(body: object) -> Response:
    """Return a JSON answer."""
    return JSONResponse(body)


def done() -> Response:
    """Return the answer of most writes."""
    return JSONResponse({"ok": True})


def nothing() -> Response:
    """Return what reading a missing campaign gives: 200 and no body."""
    return Response(b"", media_type="application/json")


def no_such_route(method: str, path: str) -> Response:
    """Return the web framework's page for an unknown route or method."""
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
        f"<body>\n<pre>Cannot {method} {html.escape(path)}</pre>\n</body>\n</html>\n"
    )
    return HTMLResponse(page, status_code=404)
