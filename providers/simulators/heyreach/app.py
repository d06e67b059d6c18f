"""The provider's side of the simulator: who may ask, what goes wrong on purpose, and who answers."""

import asyncio
import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as Endpoint

from providers.simulators.heyreach import ledger, validation
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.limits import too_many
from providers.simulators.heyreach.requests import (
    Call,
    RefusedError,
    Route,
    Workspace,
    answer,
    refusal,
    unfit,
    wrong_media_type,
)
from providers.simulators.heyreach.routes import TABLE
from providers.simulators.heyreach.state import options
from providers.simulators.kit.accounts import Accounts
from providers.simulators.kit.answers import Vanished, truncated
from providers.simulators.kit.faults import Faults, Strike
from providers.simulators.kit.limits import Limiter
from providers.simulators.kit.store import Object, Store

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Provider:
    """Answers requests for the workspaces of the given keys."""

    def __init__(self, store: Store, faults: Faults, workspaces: Accounts[Workspace], limiter: Limiter) -> None:
        self._store = store
        self._faults = faults
        self._workspaces = workspaces
        self._limiter = limiter

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(routes=[Endpoint("/{path:path}", self.handle, methods=[*_METHODS])])

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        chosen = options(self._store)
        api_key = request.headers.get("x-api-key", "")
        workspace = self._workspaces.get(api_key)
        if workspace is None or chosen["keys"].get(api_key, "good") != "good":
            return _raw(chosen["unauthorized_body"], 401)
        body = await request.body()
        budget = self._limiter.take(api_key)
        if budget is not None and not budget.allowed:
            self._note_no_effect(request, body)
            return _too_many(chosen, budget.retry_after)
        return await self._serve(request, workspace, body, chosen)

    async def _serve(self, request: Request, workspace: Workspace, body: bytes, chosen: Object) -> Response:
        strike = self._faults.draw(request.method, request.url.path)
        early = _early_fault(strike, chosen)
        if early is not None:
            self._note_no_effect(request, body)
            return early
        if "slow" in strike:
            await asyncio.sleep(strike.seconds["slow"])
        response = self._work(request, workspace, body, answered="lost_response" not in strike)
        if "lost_response" in strike:
            return Vanished()
        return truncated(response) if "malformed" in strike else response

    def _note_no_effect(self, request: Request, body: bytes, *, answered: bool = True) -> None:
        ledger.write_without_effect(self._store, request.method, request.url.path, body, answered=answered)

    def _work(self, request: Request, workspace: Workspace, body: bytes, *, answered: bool) -> Response:
        try:
            route, params = _find_route(request.method, request.url.path)
            struck = self._drawn(route)
            with self._store.transaction():
                return route.handler(self._call(request, workspace, body, answered, (route, params, struck)))
        except RefusedError as refused:
            self._note_no_effect(request, body, answered=answered)
            return _refused(refused)

    def _drawn(self, route: Route) -> frozenset[str]:
        if not route.quirks:
            return frozenset()
        with self._store.transaction():
            return frozenset(name for name in route.quirks if self._faults.strikes(name))

    def _call(
        self,
        request: Request,
        workspace: Workspace,
        body: bytes,
        answered: bool,
        found: tuple[Route, dict[str, str], frozenset[str]],
    ) -> Call:
        route, params, struck = found
        chosen = options(self._store)
        _check_beta(route, chosen["campaign_api"].get(workspace.api_key, "on"))
        return Call(
            store=self._store,
            workspace=workspace,
            now=times.stamp(self._store.clock.now()),
            answered=answered,
            options=chosen,
            struck=struck,
            params=params,
            query=_bound(route.query, dict(request.query_params), queried=True),
            body={} if route.body is None else _bound(route.body, _decoded(request, body)),
        )


def _find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    matches = [(route, match) for route in TABLE if (match := route.pattern.fullmatch(path))]
    for route, match in matches:
        if route.method == method:
            return route, match.groupdict()
    raise RefusedError(405 if matches else 404, None)


def _check_beta(route: Route, access: str) -> None:
    if route.beta and access == "absent":
        raise RefusedError(404, None)
    if route.beta and access == "forbidden" and route.method == "POST":
        raise refusal("You do not have an active subscription.", 403)


def _decoded(request: Request, body: bytes) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise wrong_media_type()
    if not body.strip():
        raise unfit({"": ["A non-empty request body is required."]})
    try:
        decoded = json.loads(body, parse_constant=_no_number)
        if b"\\u" in body:
            # Halves of a character cannot be kept.
            json.dumps(decoded, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise unfit({"": ["Unexpected character encountered while parsing value. Path ''."]}) from None
    if decoded is None:
        raise unfit({"": ["A non-empty request body is required."]})
    return decoded


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _bound(rule: validation.Rule, value: Any, *, queried: bool = False) -> Any:
    faults = validation.Faults()
    bound = rule(value, validation.Place(faults))
    errors = faults.types or faults.rules
    if errors and queried:
        errors = {key[:1].lower() + key[1:]: [_uncapped(text) for text in texts] for key, texts in errors.items()}
    if errors:
        raise unfit(errors)
    return bound


def _uncapped(message: str) -> str:
    # Parameters of a query keep their own spelling, where properties of a body are capitalised.
    opening = "The "
    return opening + message[4:5].lower() + message[5:] if message.startswith(opening) else message


def _refused(refused: RefusedError) -> Response:
    if refused.body is None:
        return Response(b"", status_code=refused.status)
    response = answer(refused.body)
    response.status_code = refused.status
    return response


def _raw(text: str | None, status: int) -> Response:
    media_type = "application/json" if text else None
    return Response(text or "", status_code=status, media_type=media_type)


def _too_many(chosen: Object, seconds: float) -> Response:
    text, headers = too_many(chosen, seconds)
    response = _raw(text, 429)
    response.headers.update(headers)
    return response


def _early_fault(strike: Strike, chosen: Object) -> Response | None:
    if "rate_limited" in strike:
        return _too_many(chosen, strike.seconds["rate_limited"])
    if "server_error" in strike:
        return _raw('{"errorMessage":"Internal Server Error"}', 500)
    return None
