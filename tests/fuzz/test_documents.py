"""The two OpenAPI documents say all that the API does, and a short run of the fuzzer finds nothing against them."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest

from api import errors
from api.access.permissions import PUBLIC, ROUTES
from api.app import SUBJECTS
from api.http.openapi.documents import document
from api.http.routes import Guarded
from api.http.subject import routers
from tests.engine import Engine
from tests.fuzz.runs import PAIRS, Ground, Result

PROVIDERS = ("smartlead", "instantly", "heyreach")
EVERYWHERE = {"422", "500", "503"}
GUARDED = EVERYWHERE | {"401", "403", "429"}
SHORT = ("--mode", "positive", "--max-examples", "1", "--include-path-regex")
# A short run takes the addresses that no other pair takes; `python -m tests.fuzz` takes everything.
SLICES = {
    ("company", "company"): "^/v1/(suppressions|leads|capabilities)",
    ("company", "org"): "^/v1/(senders|events)",
    ("partner", "org"): "^/partner/v1/(organization|providers|companies$|audit-log)",
    ("partner", "company"): "^/partner/v1/(connections|users$)",
}
DOCUMENTS = {"company": document(SUBJECTS, partner=False), "partner": document(SUBJECTS, partner=True)}
OPERATIONS = [
    pytest.param(name, path, method, id=f"{name} {method.upper()} {path}")
    for name, built in DOCUMENTS.items()
    for path, methods in built["paths"].items()
    for method in methods
]
each = pytest.mark.parametrize(("name", "path", "method"), OPERATIONS)


def resolved(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference."""
    found: Any = DOCUMENTS[name] if "$ref" in part else part
    for step in part.get("$ref", "#").split("/")[1:]:
        found = found[step]
    return found


def operation(name: str, path: str, method: str) -> dict[str, Any]:
    return DOCUMENTS[name]["paths"][path][method]


def responses(name: str, path: str, method: str) -> dict[str, dict[str, Any]]:
    return {status: resolved(name, part) for status, part in operation(name, path, method)["responses"].items()}


def bodies(name: str, path: str, method: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the media types of the request and of every response."""
    yield from operation(name, path, method).get("requestBody", {}).get("content", {}).items()
    for response in responses(name, path, method).values():
        yield from response.get("content", {}).items()


@each
def test_an_operation_is_described(name: str, path: str, method: str) -> None:
    found = operation(name, path, method)
    assert re.fullmatch(r"[A-Z][A-Za-z ]+", found["summary"])
    assert found["description"].endswith(".")
    assert found["tags"]
    assert ("security" in found) == (ROUTES[(method.upper(), path)] != PUBLIC)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_operation_has_an_id_of_its_own(name: str) -> None:
    ids = Counter(item["operationId"] for methods in DOCUMENTS[name]["paths"].values() for item in methods.values())
    assert [one for one, count in ids.items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z_]+", one) for one in ids)


@each
def test_every_body_has_an_example_that_is_one(name: str, path: str, method: str) -> None:
    components = DOCUMENTS[name]["components"]
    for media_type, body in bodies(name, path, method):
        assert "example" in body, media_type
        schema = {**body["schema"], "components": components}
        jsonschema.Draft202012Validator(schema).validate(body["example"])


@each
def test_every_status_it_can_answer_is_documented(name: str, path: str, method: str) -> None:
    found, public = operation(name, path, method), ROUTES[(method.upper(), path)] == PUBLIC
    wanted = set(EVERYWHERE if public else GUARDED)
    wanted |= {"400"} if "requestBody" in found else set()
    wanted |= {"404"} if "{" in path or path.startswith("/partner/") else set()
    parameters = {parameter["name"] for parameter in found.get("parameters", [])}
    wanted |= {"412"} if "If-Match" in parameters else set()
    wanted |= {"409"} if "Idempotency-Key" in parameters else set()
    assert wanted <= set(found["responses"])
    assert any(status.startswith("2") for status in found["responses"])


@each
def test_every_problem_is_a_problem_document(name: str, path: str, method: str) -> None:
    for status, response in responses(name, path, method).items():
        if status >= "4":
            ((media_type, body),) = response["content"].items()
            assert media_type == "application/problem+json"
            assert body["schema"]["$ref"].endswith("/ProblemDocument")
            assert body["example"]["status"] == int(status)


def test_every_status_of_the_tree_of_errors_is_documented_somewhere() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Problem)]
    known = {status for methods in DOCUMENTS["partner"]["paths"].values() for one in methods.values()
             for status in one["responses"]}  # fmt: skip
    # 405 is for methods that an address does not have: no operation can document it.
    assert {str(kind.status) for kind in kinds} - {"405"} <= known
    assert len(kinds) > 10


@each
def test_headers_are_modelled(name: str, path: str, method: str) -> None:
    guarded = ROUTES[(method.upper(), path)] != PUBLIC
    for status, response in responses(name, path, method).items():
        wanted = {"X-Request-Id"}
        wanted |= {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} if guarded else set()
        wanted |= {"Retry-After"} if status in ("429", "503") else set()
        wanted |= {"WWW-Authenticate"} if status == "401" else set()
        wanted |= {"Idempotency-Replayed"} if guarded and method != "get" and status < "3" else set()
        assert wanted <= set(response["headers"]), status
        assert all(resolved(name, header)["schema"] for header in response["headers"].values())


def test_resources_carry_their_version() -> None:
    tagged = {
        f"{method.upper()} {path}"
        for path, methods in DOCUMENTS["partner"]["paths"].items()
        for method in methods
        for response in responses("partner", path, method).values()
        if "ETag" in response["headers"]
    }
    patched = {f"GET {path}" for path, methods in DOCUMENTS["partner"]["paths"].items() if "patch" in methods}
    assert patched <= tagged
    assert "GET /v1/campaigns" not in tagged


def test_the_companys_document_names_no_provider_and_no_partner() -> None:
    text = json.dumps(DOCUMENTS["company"], ensure_ascii=False).lower()
    assert [word for word in (*PROVIDERS, "/partner", "partner_") if word in text] == []
    assert all(path.startswith("/v1/") for path in DOCUMENTS["company"]["paths"])


def test_every_route_that_is_guarded_is_in_the_partners_document() -> None:
    routes = {
        (method.lower(), route.path)
        for router in routers(SUBJECTS)
        for route in router.routes
        if isinstance(route, Guarded) and not route.path.startswith("/platform/")
        for method in route.methods
    }
    built = {(method, path) for path, methods in DOCUMENTS["partner"]["paths"].items() for method in methods}
    assert routes <= built


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_openapi_3_1(name: str) -> None:
    built = DOCUMENTS[name]
    assert built["openapi"].startswith("3.1")
    assert set(built) <= {"openapi", "info", "paths", "components", "servers", "tags", "security"}
    for schema in built["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(built)))
    for reference in references:
        resolved(name, {"$ref": reference})
    for path, methods in built["paths"].items():
        for item in methods.values():
            placed = {parameter["name"] for parameter in item.get("parameters", []) if parameter["in"] == "path"}
            assert placed == set(re.findall(r"{(\w+)}", path))


def leaves(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every text in a body."""
    if isinstance(value, str):
        yield way
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from leaves(part, (*way, key))


def replaced(body: Any, way: tuple[Any, ...], text: str) -> Any:
    changed = json.loads(json.dumps(body))
    place = changed
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = text
    return changed


@pytest.mark.parametrize("text", ["\ud800" * 16, "\0" * 16], ids=["half a surrogate pair", "NUL"])
def test_text_that_no_column_holds_is_refused_in_every_field(text: str, engine: Engine) -> None:
    org, wrong, requests = engine.new_organization(), [], 0
    for _, path, method in [param.values for param in OPERATIONS if param.values[0] == "partner"]:
        content = operation("partner", str(path), str(method)).get("requestBody", {}).get("content", {})
        example = content.get("application/json", {}).get("example")
        for way in leaves(example) if example and not str(path).endswith("/leads") else ():
            sent = json.dumps(replaced(example, way, text)).encode()
            url = re.sub(r"{\w+}", "0196a7c2-6f3e-7d51-8a44-0f6b7c9d2e11", str(path))
            answer = org.api.request(str(method), url, content=sent, headers={"Content-Type": "application/json"})
            requests += 1
            # NUL may stand in a password, and in the token of a link that there never was.
            if answer.status_code not in ((401, 404, 422, 429) if "/auth/" in url else (404, 422)):
                wrong.append((method, path, way, answer.status_code))
    assert wrong == []
    assert requests > 60


@pytest.fixture(scope="module")
def results(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Result]:
    """A short run of each pair, two at a time: most of it is the fuzzer's own start."""

    def run(pair: tuple[str, str]) -> Result:
        ground = Ground.lay(engine, tmp_path_factory.mktemp("-".join(pair)))
        served = json.loads((ground.folder / f"{pair[0]}.json").read_text())
        assert served == json.loads(json.dumps(DOCUMENTS[pair[0]]))
        return ground.run(*pair, "examples,coverage", *SHORT, SLICES[pair])

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(PAIRS, pool.map(run, PAIRS), strict=True))


@pytest.mark.long  # python -m tests.fuzz
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_a_short_run_of_the_fuzzer_finds_nothing(pair: tuple[str, str], results: dict[tuple[str, str], Result]) -> None:
    result = results[pair]
    assert result.ok, result.text
    assert result.operations > 0
    assert result.cases > 10
    print(result)
