"""The provider's side of the simulator: who may ask, what goes wrong on purpose, and who answers."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from providers.simulators.heyreach import ledger, validation
from providers.simulators.heyreach.common import times
from providers.simulators.heyreach.limits import too_many
from providers.simulators.heyreach.requests import Call, Route, Workspace, answer, refusal, unfit, wrong_media_type
from providers.simulators.heyreach.routes import TABLE
from providers.simulators.heyreach.state import options
from providers.simulators.kit.accounts import Accounts
from providers.simulators.kit.answers import RefusedError
from providers.simulators.kit.app import Gate, application
from providers.simulators.kit.faults import Faults, Strike
from providers.simulators.kit.limits import Limiter
from providers.simulators.kit.routing import matches
from providers.simulators.kit.store import Object, Store


class Provider:
    """Answers requests for the workspaces of the given keys."""

    def __init__(self, store: Store, faults: Faults, workspaces: Accounts[Workspace], limiter: Limiter) -> None:
        self._store = store
        self._faults = faults
        self._gate = Gate(store, faults, ledger.adding)
        self._workspaces = workspaces
        self._limiter = limiter

    def app(self) -> Starlette:
        """Return the application."""
        return application(self.handle)

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
            self._gate.note_no_effect(request, body)
            return _too_many(chosen, budget.retry_after)
        return await self._serve(request, workspace, body, chosen)

    async def _serve(self, request: Request, workspace: Workspace, body: bytes, chosen: Object) -> Response:
        def early(strike: Strike) -> Response | None:
            return _early_fault(strike, chosen)

        async def work(answered: bool) -> Response:
            return self._work(request, workspace, body, answered=answered)

        return await self._gate.serve(request, body, early, work)

    def _work(self, request: Request, workspace: Workspace, body: bytes, *, answered: bool) -> Response:
        try:
            route, params = _find_route(request.method, request.url.path)
            struck = self._drawn(route)
            with self._store.transaction():
                return route.handler(self._call(request, workspace, body, answered, (route, params, struck)))
        except RefusedError as refused:
            self._gate.note_no_effect(request, body, answered=answered)
            return _refused(refused)

    def _drawn(self, route: Route) -> frozenset[str]:
        if not route.terms.quirks:
            return frozenset()
        with self._store.transaction():
            return frozenset(name for name in route.terms.quirks if self._faults.strikes(name))

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
            query=_bound(route.terms.query, dict(request.query_params), queried=True),
            body={} if route.terms.body is None else _bound(route.terms.body, _decoded(request, body)),
        )


def _find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    found = matches(TABLE, path)
    for route, params in found:
        if route.method == method:
            return route, params
    raise RefusedError(405 if found else 404, None)


def _check_beta(route: Route, access: str) -> None:
    if route.terms.beta and access == "absent":
        raise RefusedError(404, None)
    if route.terms.beta and access == "forbidden" and route.method == "POST":
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
