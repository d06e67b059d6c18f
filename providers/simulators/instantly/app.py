"""The provider's side of the simulator: who may ask, what goes wrong on purpose, and who answers."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from providers.simulators.instantly import accounts, ledger, validation
from providers.simulators.instantly.figures import audit_log
from providers.simulators.instantly.limits import Limits
from providers.simulators.instantly.requests import (
    Call,
    Caller,
    EmptyPageError,
    Later,
    RefusedError,
    Route,
    answer,
    envelope,
)
from providers.simulators.instantly.routes import TABLE
from providers.simulators.instantly.state import options
from providers.simulators.kit.app import Gate, application, slow
from providers.simulators.kit.faults import Faults, Strike
from providers.simulators.kit.routing import find
from providers.simulators.kit.store import Object, Store

_EARLY = {
    "unauthorized": (401, "Invalid authorization header or API key"),
    "payment_required": (402, "Workspace does not have an active paid plan"),
    "forbidden": (403, "Forbidden"),
    "rate_limited": (429, "Rate limit exceeded"),
    "server_error": (500, "Internal Server Error"),
}


class Provider:
    """Answers requests for the workspaces whose keys it knows."""

    def __init__(self, store: Store, faults: Faults, limits: Limits) -> None:
        self._store = store
        self._faults = faults
        self._gate = Gate(store, faults, ledger.adding)
        self._limits = limits

    def app(self) -> Starlette:
        """Return the application."""
        return application(self.handle)

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        if self._is_shut_out(request):
            return _cloudflare()
        body = await request.body()
        try:
            caller = accounts.caller(self._store, request.headers.get("authorization"))
            if not self._limits.allow(caller.workspace, request.method, request.url.path):
                raise RefusedError(429, "Rate limit exceeded")
        except RefusedError as refusal:
            self._gate.note_no_effect(request, body)
            return answer(refusal.body, refusal.status)
        return await self._serve(request, caller, body)

    def _is_shut_out(self, request: Request) -> bool:
        agent = request.headers.get("user-agent", "")
        plain = agent.startswith(("python-", "curl/", "Go-http-client", "Java/"))
        return agent.startswith("Python-urllib") or (plain and self._faults.on("plain_user_agents"))

    async def _serve(self, request: Request, caller: Caller, body: bytes) -> Response:
        searching = request.url.path.endswith("/leads/list") and b'"search"' in body

        def wait(strike: Strike) -> float:
            return slow(strike) + (strike.seconds.get("slow_search", 0.0) if searching else 0.0)

        async def work(answered: bool) -> Response:
            return await self._work(request, caller, body, answered=answered)

        return await self._gate.serve(request, body, _early_fault, work, wait)

    async def _work(self, request: Request, caller: Caller, body: bytes, *, answered: bool) -> Response:
        try:
            with self._store.transaction():
                response = self._call(request, caller, body, answered=answered)
        except EmptyPageError:
            return answer({"items": []})
        except RefusedError as refusal:
            self._gate.note_no_effect(request, body, answered=answered)
            return answer(refusal.body, refusal.status)
        return await response.finish() if isinstance(response, Later) else response

    def _call(self, request: Request, caller: Caller, body: bytes, *, answered: bool) -> Response | Later:
        found = find(TABLE, request.method, request.url.path)
        if found is None:
            raise RefusedError(404, f"Route {request.method}:{request.url.path} not found")
        route, params = found
        chosen = options(self._store)
        if not route.terms.open_to(caller.scopes):
            status = int(chosen["scope_status"])
            raise RefusedError(status, "Forbidden" if status == 403 else _EARLY["unauthorized"][1])
        strict = chosen["unknown_properties"] == "reject"
        call = Call(
            store=self._store,
            faults=self._faults,
            caller=caller,
            now=self._store.clock.stamp(),
            answered=answered,
            params=_params(params),
            query=_checked(route.terms.query, _query(request), validation.Place("querystring")),
            body=_body(route, request, body, validation.Place("body", strict=strict)),
        )
        response = route.handler(call)
        audit_log.note(call, route, request)
        return response


def _params(params: dict[str, str]) -> dict[str, str]:
    identity = params.get("id")
    if identity is not None and len(identity) != 24:
        _checked(validation.obj({"id": validation.text("uuid")}), params, validation.Place("params"))
    return params


def _checked(rule: validation.Rule, value: Any, place: validation.Place) -> Any:
    try:
        return rule(value, place)
    except validation.InvalidError as fault:
        raise RefusedError(400, str(fault)) from None


def _query(request: Request) -> Object:
    given = request.query_params
    lists = {name.removesuffix("[]"): given.getlist(name) for name in given}
    return {name: values[0] if len(values) == 1 else values for name, values in lists.items()}


def _body(route: Route, request: Request, raw: bytes, place: validation.Place) -> Object:
    media_type = request.headers.get("content-type", "")
    is_json = media_type.startswith("application/json")
    if request.method != "GET" and is_json and not raw:
        message = "Body cannot be empty when content-type is set to 'application/json'"
        raise RefusedError(400, envelope(400, message, code="FST_ERR_CTP_EMPTY_JSON_BODY"))
    if request.method != "GET" and raw and not is_json:
        message = f"Unsupported Media Type: {media_type}" if media_type else "Unsupported Media Type"
        raise RefusedError(415, envelope(415, message, code="FST_ERR_CTP_INVALID_MEDIA_TYPE"))
    value = _decoded(raw) if request.method != "GET" and raw else None
    if route.terms.body is None:
        return {}
    return _checked(route.terms.body, value, place)


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        message = "Body is not valid JSON but content-type is set to 'application/json'"
        raise RefusedError(400, envelope(400, message, code="FST_ERR_CTP_INVALID_JSON_BODY")) from None


def _cloudflare() -> Response:
    return HTMLResponse("<html><body>error code: 1010</body></html>", status_code=403)


def _early_fault(strike: Strike) -> Response | None:
    if "cloudflare" in strike:
        return _cloudflare()
    if "bad_gateway" in strike:
        return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", status_code=502)
    for name, (status, message) in _EARLY.items():
        if name in strike:
            return JSONResponse(envelope(status, message), status_code=status)
    return None
