"""A provider's OpenAPI document, made small enough to be kept: without prose, and only what is needed of it."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

PROSE = {"description", "example", "examples", "summary", "externalDocs", "title", "tags", "operationId", "security"}
NAMED = {"properties", "paths", "schemas", "responses", "content", "parameters", "patternProperties"}


def stripped(node: Any, *, names: bool = False) -> Any:
    """Return a part of a document without prose; in a map of names, no key is prose."""
    if isinstance(node, list):
        return [stripped(part) for part in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if names or not (key in PROSE or key.startswith("x-"))}
    return {key: stripped(value, names=not names and key in NAMED) for key, value in kept.items()}


def needed(node: Any, components: Mapping[str, Any], found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the components a part refers to, directly or not, by kind and name."""
    for kind, name in re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(node)):
        if name not in found.setdefault(kind, {}):
            found[kind][name] = components[kind][name]
            needed(components[kind][name], components, found)
    return found


def patterns(paths: Iterable[str], prefix: str = "") -> list[tuple[re.Pattern[str], str]]:
    """Return paths as patterns of what is requested, those without ids first."""
    ordered = sorted(paths, key=lambda path: path.count("{"))
    return [(re.compile(prefix + re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in ordered]
