"""Every operation of the API, from its OpenAPI documents and the table of permissions, and how to ask for it.

Nothing here lists the routes. What cannot be filled by itself is a body in the subject's `subject.py` or one id in a
Side's `ids`, and a route that lacks it fails the proof with a message that says so.
"""

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.access.permissions import PUBLIC, ROUTES
from api.app import ROUTERS
from tests.bodies import BODIES, OF_LINES, body_for, request_for
from tests.engine import Engine
from tests.prove.http.ground import CAPABILITY, Side

PLACEHOLDER = re.compile(r"{(\w+)}")
HIDDEN = ("/platform/",)  # in no document that is handed out
RANKS = (
    ("/logout-everywhere", 91), ("/v1/auth/logout", 90), ("DELETE /platform/v1/organizations", 80),
    ("DELETE /partner/v1/companies/{company_id}", 70), ("/disconnect", 50), ("/rotate", 40),
    ("/unsubscribe", 35), ("/pause", 30), ("/start", 20),
)  # fmt: skip


class UnknownRouteError(AssertionError):
    """The proof does not know how to ask for a route."""


@dataclass(frozen=True)
class Operation:
    """One method of one address, and where an id can stand in it."""

    method: str
    path: str
    permission: str
    takes_body: bool
    query_ids: tuple[str, ...]
    body_ids: tuple[tuple[str, bool], ...]  # a property, and whether it is a list
    body_names: tuple[str, ...]
    paged: bool

    @property
    def key(self) -> tuple[str, str]:
        """How the tables name it."""
        return self.method, self.path

    @property
    def path_ids(self) -> list[str]:
        """The ids in its path."""
        return [name for name in PLACEHOLDER.findall(self.path) if name.endswith("_id")]

    @property
    def rank(self) -> tuple[int, str, str]:
        """When it is sent: reading first, and last what takes the most away."""
        line = f"{self.method} {self.path}"
        known = next((rank for part, rank in RANKS if line.endswith(part) or line == part), None)
        known = 80 if known is None and line.startswith("DELETE /platform/") else known
        usual = {"GET": 0, "DELETE": 60}.get(self.method, 10)
        return usual if known is None else known, self.path, self.method


@dataclass(frozen=True)
class Ask:
    """One request."""

    operation: Operation
    url: str
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    lines: bytes | None = None  # a body of NDJSON

    def sent(self) -> dict[str, Any]:
        """Return what httpx takes."""
        sent: dict[str, Any] = {"params": self.params}
        if self.lines is not None:
            return {**sent, "content": self.lines, "headers": {"Content-Type": "application/x-ndjson"}}
        return sent if self.body is None else {**sent, "json": self.body}


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of the whole application, the operator's part included."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return get_openapi(title="all", version="1", routes=[route for route in routes if route.include_in_schema])


def operations() -> list[Operation]:
    """Return every operation that asks for a credential."""
    return sorted((_operation(*key) for key in ROUTES if ROUTES[key] != PUBLIC), key=lambda found: found.rank)


def _operation(method: str, path: str) -> Operation:
    described = document()["paths"].get(path, {}).get(method.lower())
    if described is None:
        raise UnknownRouteError(f"{method} {path} is in api/access/permissions.py and in no OpenAPI document")
    queries = [item for item in described.get("parameters", []) if item["in"] == "query"]
    properties = _properties(described)
    return Operation(
        method, path, ROUTES[(method, path)], properties is not None,
        tuple(item["name"] for item in queries if _is_id(item["schema"])),
        tuple((name, "items" in schema) for name, schema in (properties or {}).items() if _is_id(schema)),
        tuple(properties or {}), any(item["name"] == "cursor" for item in queries),
    )  # fmt: skip


def _properties(described: dict[str, Any]) -> dict[str, Any] | None:
    """Return the properties of a request's JSON body; None when it takes none."""
    content = described.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    return document()["components"]["schemas"].get(name, content["schema"]).get("properties", {})


def _is_id(schema: dict[str, Any]) -> bool:
    return any(part.get("format") == "uuid" for part in (schema, schema.get("items", {}), *schema.get("anyOf", [])))


def undocumented(engine: Engine, org_token: str) -> list[str]:
    """Return how the documents that are handed out differ from the routes that there are."""
    with engine.client() as anonymous, engine.client(org_token) as partner:
        company = anonymous.get("/openapi.json").raise_for_status().json()["paths"]
        whole = partner.get("/partner/openapi.json").raise_for_status().json()["paths"]
    handed = {(method.upper(), path) for path, methods in {**whole, **company}.items() for method in methods}
    known = {key for key in ROUTES if key[1].startswith(("/v1/", "/partner/"))}
    strange = [f"{method} {path}: documented and not in api/access/permissions.py" for method, path in handed - known]
    return sorted([*strange, *(f"{method} {path}: not in the OpenAPI documents" for method, path in known - handed)])


def known_id(side: Side, operation: Operation, name: str) -> str:
    """Return a side's id of a kind: the one that is for this operation alone, or the common one."""
    own = side.own.get(operation.key, {})
    found = own.get(name) or side.ids.get(name)
    if found is None:
        raise UnknownRouteError(
            f"{operation.method} {operation.path}: declare a body of its POST in the subject's subject.py, or give "
            f"a Side an id for `{name}` in tests/prove/http/ground.py"
        )
    return found


def base(operation: Operation, asker: Side, tier: str | None, owner: Side) -> Ask:
    """Return a request that would succeed for `asker`, about what is `owner`'s in the path."""
    named = {name: known_id(owner, operation, name) for name in operation.path_ids}
    named |= {name: CAPABILITY for name in PLACEHOLDER.findall(operation.path) if name == "capability"}
    unfilled = set(PLACEHOLDER.findall(operation.path)) - named.keys()
    if unfilled:
        raise UnknownRouteError(f"{operation.method} {operation.path}: tests/prove/http/asks.py cannot fill {unfilled}")
    declared = request_for(*operation.key, asker.known) if operation.key in OF_LINES else {}
    params: dict[str, str] = {**declared.get("params", {})}
    body = _body(operation, asker)
    if tier == "org" and operation.path.startswith("/v1/"):
        if "company_id" in operation.query_ids:
            params["company_id"] = asker.ids["company_id"]
        if body is not None and "company_id" in operation.body_names:
            body["company_id"] = asker.ids["company_id"]
    return Ask(operation, operation.path.format(**named), params, body, declared.get("content"))


def _body(operation: Operation, asker: Side) -> dict[str, Any] | None:
    if not operation.takes_body:
        return None
    try:
        body = body_for(*operation.key, asker.known)
    except AssertionError as error:
        raise UnknownRouteError(str(error)) from None
    named = operation.method == "PATCH" and "name" in operation.body_names and operation.key not in BODIES
    return {"name": f"Renamed {asker.mark}"} if named else body


def with_path(plain: Ask, ids: dict[str, str]) -> Ask:
    """Return the request about other ids in the path."""
    filled = dict.fromkeys(PLACEHOLDER.findall(plain.operation.path), CAPABILITY) | ids
    return replace(plain, url=plain.operation.path.format(**filled))


def with_query(plain: Ask, name: str, value: str) -> Ask:
    """Return the request with an id in its query."""
    return replace(plain, params={**plain.params, name: value})


def with_body(plain: Ask, name: str, value: str, listed: bool) -> Ask:
    """Return the request with an id in its body."""
    return replace(plain, body={**(plain.body or {}), name: [value] if listed else value})
