"""The provider's OpenAPI document without its prose, and where a request or an answer leaves it.

Run as a script, with the path of the whole document, it writes `schema.json` anew: only the operations that the client
calls and the components these need.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from tests.providers.openapi import needed, patterns, stripped

SCHEMA = Path(__file__).with_name("schema.json")
FORMATS = FormatChecker(["uuid", "date", "email"])
CAMPAIGN, LEAD = "/v1/campaigns/{campaign_id}", "/v1/campaigns/{campaign_id}/leads/{lead_id}"
# What the client calls and the document knows.
CALLED = {
    "/v1/campaigns/": {"get"},
    "/v1/campaigns/create": {"post"},
    CAMPAIGN: {"get"},
    f"{CAMPAIGN}/status": {"post"},
    f"{CAMPAIGN}/settings": {"post"},
    f"{CAMPAIGN}/schedule": {"post"},
    f"{CAMPAIGN}/sequences": {"get", "post"},
    f"{CAMPAIGN}/email-accounts": {"get", "post", "delete"},
    f"{CAMPAIGN}/leads": {"get", "post"},
    f"{CAMPAIGN}/statistics": {"get"},
    f"{CAMPAIGN}/analytics": {"get"},
    f"{CAMPAIGN}/reply-email-thread": {"post"},
    f"{LEAD}/pause": {"post"},
    f"{LEAD}/resume": {"post"},
    f"{LEAD}/unsubscribe": {"post"},
    "/v1/email-accounts/": {"get"},
    "/v1/leads/": {"get"},
    "/v1/leads/fetch-categories": {"get"},
    "/v1/master-inbox/inbox-replies": {"post"},
}
UNKNOWN = "there is no such operation"
KINDS = {
    "enum": "has a value that is not listed",
    "format": "has another form",
    "additionalProperties": "has besides",
    "required": "lacks",
}
Fault = tuple[str, str, str]  # where, what is wrong, the property's name


@FORMATS.checks("date-time", ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _good(operation: Mapping[str, Any]) -> dict[str, Any]:
    answers = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    return {**operation, "responses": answers}


def write(source: Path) -> None:
    """Write the schema anew."""
    import yaml  # noqa: PLC0415 -- only here is it needed, and a tool of ours brings it along

    whole = stripped(yaml.safe_load(source.read_text(encoding="utf-8")))
    paths = {
        path: {method: _good(whole["paths"][path][method]) for method in sorted(methods)}
        for path, methods in CALLED.items()
    }
    document = {"openapi": whole["openapi"], "paths": paths, "components": needed(paths, whole["components"], {})}
    SCHEMA.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


@cache
def document() -> dict[str, Any]:
    """Return the schema."""
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


@cache
def templates() -> list[tuple[re.Pattern[str], str]]:
    """Return the paths as patterns, those without ids first."""
    return patterns(document()["paths"], "/api")


def template(request: httpx.Request) -> str:
    """Return the document's path of a request; where it knows none, the request's own with its ids left out."""
    found = next((path for pattern, path in templates() if pattern.fullmatch(request.url.path)), None)
    return found or re.sub(r"/\d+(?=/|$)", "/{id}", request.url.path.removeprefix("/api"))


def wrong_request(request: httpx.Request) -> list[str]:
    """Return where a request leaves the document."""
    operation = _operation(request)
    if operation is None:
        return [UNKNOWN]
    return [*shown(_parameters(request, operation)), *_body(request, operation)]


def wrong_answer(answer: httpx.Response) -> list[str]:
    """Return where a good answer leaves the document, if that describes it."""
    operation = _operation(answer.request)
    if operation is None:
        return []
    known = operation["responses"].get(str(answer.status_code))
    if known is None:
        return [f"the answer's status {answer.status_code} is not there"]
    if not answer.content:
        return ["the answer is empty"]
    if "json" not in answer.headers.get("content-type", ""):
        return ["the answer is not JSON"]
    return shown(faults("answer", known["content"]["application/json"]["schema"], answer.json()))


def _operation(request: httpx.Request) -> dict[str, Any] | None:
    return document()["paths"].get(template(request), {}).get(request.method.lower())


def _parameters(request: httpx.Request, operation: dict[str, Any]) -> Iterator[Fault]:
    shared = document()["components"]["parameters"]
    listed = [shared[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one for one in operation["parameters"]]
    path = zip(template(request).split("/"), request.url.path.removeprefix("/api").split("/"), strict=True)
    given = {
        "path": {name[1:-1]: value for name, value in path if name.startswith("{")},
        "query": dict(request.url.params),
    }
    for place, values in given.items():
        known = {one["name"]: one for one in listed if one["in"] == place}
        yield from ((place, KINDS["additionalProperties"], name) for name in values.keys() - known.keys())
        needed_here = {name for name, one in known.items() if one.get("required")}
        yield from ((place, KINDS["required"], name) for name in needed_here - values.keys())
        for name in values.keys() & known.keys():
            schema, value = known[name]["schema"], values[name]
            number = schema["type"] == "integer" and value.isdecimal()
            for _, kind, _ in faults("", schema, int(value) if number else value):
                yield place, kind, name


def _body(request: httpx.Request, operation: dict[str, Any]) -> list[str]:
    known = operation.get("requestBody")
    if not request.content:
        return ["the body is missing"] if known and known.get("required") else []
    if known is None:
        return ["there is no body"]
    if request.headers["content-type"] != "application/json":
        return ["the body is not JSON"]
    return shown(faults("body", known["content"]["application/json"]["schema"], json.loads(request.content)))


def faults(where: str, schema: dict[str, Any], value: Any) -> Iterator[Fault]:
    """Yield what of a value is not as the document says."""
    whole = closed({**schema, "components": document()["components"]})
    for error in Draft202012Validator(whole, format_checker=FORMATS).iter_errors(value):
        parts = [where, *("[]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)]
        if error.validator in ("additionalProperties", "required"):
            yield from (("".join(parts), KINDS[error.validator], name) for name in _names(error))
            continue
        name = parts.pop()[1:] if parts[-1].startswith(".") else "itself"
        yield "".join(parts), _kind(error), name


def _names(error: ValidationError) -> set[str]:
    if error.validator == "required":
        return set(error.validator_value) - error.instance.keys()
    return error.instance.keys() - error.schema["properties"].keys()


def _kind(error: ValidationError) -> str:
    if error.validator != "type":
        return KINDS.get(str(error.validator), f"breaks {error.validator}")
    is_number = isinstance(error.instance, (int, float)) and not isinstance(error.instance, bool)
    seen = "null" if error.instance is None else "number" if is_number else type(error.instance).__name__
    return f"has {seen} for {error.validator_value}"


def shown(found: Iterator[Fault]) -> list[str]:
    """Return faults as text, those of one kind at one place together."""
    names = defaultdict[tuple[str, str], set[str]](set)
    for where, kind, name in found:
        names[where, kind].add(name)
    return [f"{where} {kind}: {', '.join(sorted(some))}" for (where, kind), some in sorted(names.items())]


def closed(schema: Any) -> Any:
    """Return a schema without room for properties it does not name, and with null where it means to allow that."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(part) for name, part in schema.items()}
    if isinstance(schema.get("properties"), dict):
        inner.setdefault("additionalProperties", False)
    if schema.get("nullable") is True:
        inner["type"] = [schema["type"], "null"]
    return inner


if __name__ == "__main__":
    write(Path(sys.argv[1]))
