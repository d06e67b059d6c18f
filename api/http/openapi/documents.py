"""The OpenAPI documents: the company's names no provider, the partner's includes it."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from api.access.permissions import PUBLIC, ROLES, ROUTES
from api.http.openapi.examples import COMMON
from api.http.openapi.problems import PROBLEM_JSON, ProblemDocument, problem_response
from api.http.openapi.samples import ID, Samples
from api.http.subject import Subject, examples, routers

REFERENCE = "#/components/schemas/{model}"
NULL = {"type": "null"}
ONE_COMPANY = ("/v1/capabilities", "/v1/events", "/v1/company")
LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "X-Request-Id": ("Names this request; tell us it when you ask.", {"type": "string", "pattern": r"^[\w.-]{1,64}$"}),
    "RateLimit-Limit": ("Requests a minute for this credential.", {"type": "integer", "minimum": 1}),
    "RateLimit-Remaining": ("How many are left at this moment.", {"type": "integer", "minimum": 0}),
    "RateLimit-Reset": ("In how many seconds all of them are there again.", {"type": "integer", "minimum": 0}),
    "ETag": ("The version; send it as `If-Match` to change only this one.", {"type": "string", "pattern": '^".+"$'}),
    "Idempotency-Replayed": ("The write was done before; this is its answer again.", {"const": "true"}),
    "Retry-After": ("In how many seconds to try again.", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("How to present a credential.", {"const": "Bearer"}),
}
ABOUT = """Campaigns, people and what came of them.

Send an API token, or a session's access token, as `Authorization: Bearer …`. Errors are
`application/problem+json`. Lists take `limit` and `cursor` and answer `{"data": […], "next_cursor": …}`.
Every answer carries `X-Request-Id`; tell us it when you ask.
"""


def document(subjects: Sequence[Subject], *, partner: bool) -> dict[str, Any]:
    """Return the OpenAPI document of a tier. The partner's includes the company's."""
    routes = [
        route
        for router in routers(subjects)
        for route in router.routes
        if isinstance(route, APIRoute)
        and (route.path.startswith("/v1/") or (partner and route.path.startswith("/partner/")))
    ]
    built = get_openapi(
        title="Outbound partner API" if partner else "Outbound API",
        version="1",
        description=ABOUT,
        routes=routes,
    )
    raw = [model for subject in subjects for model in subject.models]
    _, extra = models_json_schema([(model, "validation") for model in (*raw, ProblemDocument)], ref_template=REFERENCE)
    components = built["components"]
    components["schemas"].update(extra["$defs"])
    components["headers"] = dict(_header_components())
    components["securitySchemes"] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token (`obx_co_…`, `obx_org_…`) or the access token of a session.",
        }
    }
    if not partner and "ApiTokenCreate" in components["schemas"]:
        scopes = components["schemas"]["ApiTokenCreate"]["properties"]["scopes"]["anyOf"][0]
        scopes["items"]["enum"] = sorted(ROLES["company_admin"])
    samples = Samples(components["schemas"], examples(subjects, COMMON))
    for route in routes:
        for method in route.methods or ():
            operation = built["paths"][route.path][method.lower()]
            _describe(operation, method, route, samples, partner=partner)
            _share(operation, components.setdefault("responses", {}))
    return built


def _share(operation: dict[str, Any], shared: dict[str, Any]) -> None:
    """Put the operation's problems where every operation finds them, once for each set of headers."""
    for status, response in operation["responses"].items():
        if PROBLEM_JSON in response.get("content", {}):
            response["content"].pop("application/json", None)  # where the framework puts every model
            name = f"Problem{status}" if "security" in operation else f"PublicProblem{status}"
            shared[name] = response
            operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}


def _describe(operation: dict[str, Any], method: str, route: APIRoute, samples: Samples, *, partner: bool) -> None:
    """Complete an operation with what follows from its address."""
    path, public = route.path, ROUTES[(method, route.path)] == PUBLIC
    operation["operationId"] = f"partner_{route.name}" if path.startswith("/partner/") else route.name
    operation["summary"] = route.name.replace("_", " ").capitalize().replace("api token", "API token")
    if not public:  # the guard asks for it before any dependency that could say so
        operation["security"] = [{"bearer": []}]
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _not_null(parameter["schema"])
    if partner and path.startswith("/v1/"):
        _name_company(operation, method, path, samples)
    responses = operation["responses"]
    more = {400, 408, 413, 415} if "requestBody" in operation else set[int]()
    more |= {404} if path.startswith("/partner/") else set()  # other callers find nothing here
    more |= {409} if method != "GET" and not public else set()
    for status in more:
        responses.setdefault(str(status), problem_response(status))
    operation["responses"] = dict(sorted(responses.items()))
    for status, response in operation["responses"].items():
        response["headers"] = dict(_headers(int(status), response, method, samples, public=public))
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for body in (*bodies, *operation["responses"].values()):
        for content in body.get("content", {}).values():
            if "example" not in content:
                content["example"] = samples.of(content["schema"])


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a parameter's schema without null, which an address or a header cannot carry."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != NULL]
    if len(kinds) != 1:
        return schema
    return {**kinds[0], **{name: value for name, value in schema.items() if name != "anyOf"}}


def _name_company(operation: dict[str, Any], method: str, path: str, samples: Samples) -> None:
    """Say where an organization's credential has to name the company that a company's credential implies."""
    if path in ONE_COMPANY:
        for parameter in operation["parameters"]:
            parameter["required"] = parameter["required"] or parameter["name"] == "company_id"
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None or method != "POST":
        return
    if "company_id" in samples.model(content["schema"]).get("properties", {}):
        own = {"required": ["company_id"], "properties": {"company_id": {"type": "string", "format": "uuid"}}}
        content["schema"] = {"allOf": [content["schema"], own]}
        content["example"] = {**samples.of(content["schema"]["allOf"][0]), "company_id": ID}


def _header_components() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each header twice: as it always comes with some answers, and as it may come with others."""
    for name, (about, schema) in HEADERS.items():
        yield name, {"description": about, "required": True, "schema": schema}
        yield f"Maybe-{name}", {"description": about, "schema": schema}


def _headers(
    status: int, response: dict[str, Any], method: str, samples: Samples, *, public: bool
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the headers of one answer."""
    always, maybe = {"X-Request-Id"}, set[str]()
    if not public:
        (maybe if status in (401, 404) else always).update(LIMITS)
    if status < 300 and method != "GET" and not public:
        maybe.add("Idempotency-Replayed")
    model = samples.model(response.get("content", {}).get("application/json", {}).get("schema", {}))
    fields = set(model.get("properties", ()))
    if "updated_at" in fields and not fields & {"token", "link"}:
        always.add("ETag")
    always |= {401: {"WWW-Authenticate"}, 429: {"Retry-After"}, 503: {"Retry-After"}}.get(status, set())
    maybe |= {"Retry-After"} if status == 409 else set()
    for name in HEADERS:
        if name in always | maybe:
            yield name, {"$ref": f"#/components/headers/{name if name in always else f'Maybe-{name}'}"}
