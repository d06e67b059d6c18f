"""The provider's OpenAPI document without its prose, and whether an answer keeps to it.

Run as a script, with the path of the whole document, it writes `schema.json` anew: only the paths that the simulator
serves and the components these need.
"""

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from providers.simulators.instantly.routes import TABLE
from tests.providers.openapi import needed, patterns, stripped

SCHEMA = Path(__file__).with_name("schema.json")
FORMATS = FormatChecker(["uuid", "date", "email"])
Deviation = tuple[str, str, str]

# Where live answers are known to leave the document: (what it is about, the place, the rule that is broken).
LIVE_DEVIATIONS: dict[Deviation, str] = {
    ("emails", "thread_id", "format"): "a conversation's id is a url-safe text, not a uuid",
    ("leads", "status", "enum"): "a lead that was moved into a list has the status 0",
    ("leads", "lt_interest_status", "enum"): "a custom label's number is an interest too",
    ("custom-tag-mappings", "resource_id", "format"): "a mailbox is named by its address",
    ("leads/update-interest-status", "", "status"): "202 is documented, 200 was recorded",
    ("background-jobs", "moved_lead_emails", "format"): "the addresses are as they were added",
}


def write(source: Path) -> None:
    """Write the schema anew."""
    whole = stripped(json.loads(source.read_text(encoding="utf-8")))
    served = {(f"/api/v2{route.path}", route.method.lower()) for route in TABLE}
    paths = {
        path: {method: part for method, part in parts.items() if (path, method) in served}
        for path, parts in whole["paths"].items()
    }
    paths = {path: parts for path, parts in paths.items() if parts}
    schemas = dict(sorted(needed(paths, whole["components"], {})["schemas"].items()))
    document = {"openapi": whole["openapi"], "paths": paths, "components": {"schemas": schemas}}
    SCHEMA.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


@cache
def document() -> dict[str, Any]:
    """Return the schema."""
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


@cache
def templates() -> list[tuple[re.Pattern[str], str]]:
    """Return the paths as patterns, those without ids first."""
    return patterns(document()["paths"])


@cache
def validator(path: str, method: str, status: str) -> Draft202012Validator | None:
    """Return what an answer is checked against, if the document describes it."""
    response = document()["paths"][path].get(method, {}).get("responses", {}).get(status, {})
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return None
    return Draft202012Validator({**schema, "components": document()["components"]}, format_checker=FORMATS)


def check(response: httpx.Response) -> None:
    """Fail if an answer breaks the document in a way that is not a known live deviation."""
    request = response.request
    path = next((path for pattern, path in templates() if pattern.fullmatch(request.url.path)), None)
    if path is None or "application/json" not in response.headers.get("content-type", ""):
        return
    response.read()
    try:
        body = response.json()
    except ValueError:
        return
    kept = validator(path, request.method.lower(), str(response.status_code))
    if kept is None:
        shown = (request.method, path, response.status_code)
        assert response.is_error or _known(path, "", "status"), f"{shown} is not documented"
        if response.is_error:
            assert {"statusCode", "error", "message"} <= body.keys() or {"error"} == body.keys(), (shown, body)
        return
    wrong = [fault for error in kept.iter_errors(body) for fault in _leaves(error) if not _excused(path, fault)]
    assert not wrong, (request.method, path, response.status_code, [(f.json_path, f.message) for f in wrong][:5])


def _leaves(error: ValidationError) -> list[ValidationError]:
    if error.validator in ("anyOf", "oneOf") and error.context:
        branches: dict[Any, list[ValidationError]] = {}
        for part in error.context:
            branches.setdefault(part.schema_path[0], []).extend(_leaves(part))
        return min(branches.values(), key=len)
    return [error]


def _excused(path: str, fault: ValidationError) -> bool:
    places = [str(part) for part in fault.absolute_path if isinstance(part, str)]
    return _known(path, places[-1] if places else "", str(fault.validator))


def _known(path: str, place: str, rule: str) -> bool:
    resource = path.removeprefix("/api/v2/")
    return any(resource.startswith(about) and (place, rule) == (p, r) for about, p, r in LIVE_DEVIATIONS)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
