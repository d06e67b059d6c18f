"""The provider's side of the simulator: who may ask, what goes wrong on purpose, and who answers."""

import asyncio
import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route as Endpoint

from providers.simulators.kit.accounts import Accounts
from providers.simulators.kit.answers import Vanished, truncated
from providers.simulators.kit.faults import Faults, Strike
from providers.simulators.kit.limits import Limiter
from providers.simulators.kit.store import Store
from providers.simulators.smartlead import ledger, validation
from providers.simulators.smartlead.limits import headers, too_many
from providers.simulators.smartlead.requests import (
    Account,
    Call,
    CampaignMissingError,
    RefusedError,
    Route,
    joi_refusal,
    no_such_route,
    nothing,
)
from providers.simulators.smartlead.routes import TABLE

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Provider:
    """Answers requests for the accounts of the given keys."""

    def __init__(self, store: Store, accounts: Accounts[Account], limiter: Limiter, faults: Faults) -> None:
        self._store = store
        self._faults = faults
        self._accounts = accounts
        self._limiter = limiter

    def app(self) -> Starlette:
        """Return the application."""
        endpoint = Endpoint("/{path:path}", self.handle, methods=[*METHODS, "OPTIONS"])
        return Starlette(routes=[endpoint])

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        if request.headers.get("user-agent", "").startswith("Python-urllib"):
            return HTMLResponse("<html><body>error code: 1010</body></html>", status_code=403)
        api_key = request.query_params.get("api_key", "")
        account = self._accounts.get(api_key)
        if account is None:
            return JSONResponse({"message": "Invalid API Key"}, status_code=401)
        budget = self._limiter.take(api_key)
        body = await request.body()
        if budget is None or budget.allowed:
            response = await self._serve(request, account, body)
        else:
            self._note_no_effect(request, body)
            response = JSONResponse(too_many(str(budget.retry_after)), status_code=429)
        response.headers.update(headers(budget))
        return response

    async def _serve(self, request: Request, account: Account, body: bytes) -> Response:
        strike = self._faults.draw(request.method, request.url.path)
        early = _early_fault(strike)
        if early is not None:
            self._note_no_effect(request, body)
            return early
        if "slow" in strike:
            await asyncio.sleep(strike.seconds["slow"])
        response = self._work(request, account, body, answered="lost_response" not in strike)
        if "lost_response" in strike:
            return Vanished()
        return truncated(response) if "malformed" in strike else response

    def _note_no_effect(self, request: Request, body: bytes, *, answered: bool = True) -> None:
        ledger.write_without_effect(self._store, request.method, request.url.path, body, answered=answered)

    def _work(self, request: Request, account: Account, body: bytes, *, answered: bool) -> Response:
        try:
            with self._store.transaction():
                return self._call(request, account, body, answered=answered)
        except RefusedError as refusal:
            self._note_no_effect(request, body, answered=answered)
            if isinstance(refusal, CampaignMissingError) and request.method == "GET":
                return nothing()
            return JSONResponse(refusal.body, status_code=refusal.status)

    def _call(self, request: Request, account: Account, body: bytes, *, answered: bool) -> Response:
        found = find_route(request.method, request.url.path)
        if found is None:
            return no_such_route(request.method, request.url.path)
        route, texts = found
        params = validation.obj(dict.fromkeys(texts, validation.number()))
        call = Call(
            store=self._store,
            account=account,
            now=self._store.clock.stamp(),
            answered=answered,
            params=_checked("params", params, texts),
            query=_checked("query", route.query, dict(request.query_params)),
            body=_checked("body", route.body, _decoded(body)),
        )
        return route.handler(call)


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the endpoint for a path, with the ids in it."""
    for route in TABLE:
        match = route.pattern.fullmatch(path) if route.method == method else None
        if match:
            return route, match.groupdict()
    return None


def _checked(source: str, rule: validation.Rule, value: Any) -> Any:
    try:
        return rule(value, ())
    except validation.InvalidError as fault:
        raise joi_refusal(source, fault) from None


def _decoded(body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        return json.loads(body, parse_constant=_no_number)
    except ValueError:
        raise RefusedError(400, {"error": "Unexpected token in JSON"}) from None


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _early_fault(strike: Strike) -> Response | None:
    if "rate_limited" in strike:
        wait = str(max(1, round(strike.seconds["rate_limited"])))
        return JSONResponse(too_many(wait), status_code=429, headers={"Retry-After": wait})
    if "server_error" in strike:
        return JSONResponse({"error": "Internal Server Error"}, status_code=500)
    return None
