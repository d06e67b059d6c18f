"""The provider's side of the simulator: who may ask, what goes wrong on purpose, and who answers."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from providers.simulators.kit.accounts import Accounts
from providers.simulators.kit.answers import RefusedError
from providers.simulators.kit.app import Gate, application
from providers.simulators.kit.faults import Faults, Strike
from providers.simulators.kit.limits import Limiter
from providers.simulators.kit.routing import find
from providers.simulators.kit.store import Store
from providers.simulators.smartlead import ledger, validation
from providers.simulators.smartlead.limits import headers, too_many
from providers.simulators.smartlead.requests import (
    Account,
    Call,
    CampaignMissingError,
    joi_refusal,
    no_such_route,
    nothing,
)
from providers.simulators.smartlead.routes import TABLE


class Provider:
    """Answers requests for the accounts of the given keys."""

    def __init__(self, store: Store, accounts: Accounts[Account], limiter: Limiter, faults: Faults) -> None:
        self._store = store
        self._gate = Gate(store, faults, ledger.adding)
        self._accounts = accounts
        self._limiter = limiter

    def app(self) -> Starlette:
        """Return the application."""
        return application(self.handle)

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
            self._gate.note_no_effect(request, body)
            response = JSONResponse(too_many(str(budget.retry_after)), status_code=429)
        response.headers.update(headers(budget))
        return response

    async def _serve(self, request: Request, account: Account, body: bytes) -> Response:
        async def work(answered: bool) -> Response:
            return self._work(request, account, body, answered=answered)

        return await self._gate.serve(request, body, _early_fault, work)

    def _work(self, request: Request, account: Account, body: bytes, *, answered: bool) -> Response:
        try:
            with self._store.transaction():
                return self._call(request, account, body, answered=answered)
        except RefusedError as refusal:
            self._gate.note_no_effect(request, body, answered=answered)
            if isinstance(refusal, CampaignMissingError) and request.method == "GET":
                return nothing()
            return JSONResponse(refusal.body, status_code=refusal.status)

    def _call(self, request: Request, account: Account, body: bytes, *, answered: bool) -> Response:
        found = find(TABLE, request.method, request.url.path)
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
            query=_checked("query", route.terms.query, dict(request.query_params)),
            body=_checked("body", route.terms.body, _decoded(body)),
        )
        return route.handler(call)


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
