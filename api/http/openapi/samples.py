"""Examples in the OpenAPI documents: made from a schema, by a field's name and by format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ID = "0196a7c2-6f3e-7d51-8a44-0f6b7c9d2e11"
BY_FORMAT = {"uuid": ID, "date-time": "2026-03-02T09:30:00.123456+00:00"}
BY_TYPE: dict[str, Any] = {"string": "text", "integer": 0, "number": 0, "boolean": True}


@dataclass(frozen=True)
class Samples:
    """Makes examples. `models` are the document's schemas by name, `by_name` what a field of a name holds."""

    models: Mapping[str, dict[str, Any]]
    by_name: Mapping[str, Any]

    def model(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return the schema that a reference stands for, or the schema itself."""
        return self.models[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def of(self, schema: dict[str, Any], name: str = "") -> Any:
        """Return an example of a schema: its own, its only value, what a field of this name holds, or one made of
        parts."""
        schema = self.model(schema)
        if "examples" in schema:
            return schema["examples"][0]
        if name in self.by_name:
            return self.by_name[name]
        if "properties" in schema:
            return {field: self.of(part, field) for field, part in schema["properties"].items()}
        if "anyOf" in schema:
            return self.of(schema["anyOf"][0], name)
        if schema.get("type") == "array":
            return [self.of(schema["items"])]
        if "const" in schema or "enum" in schema:
            plain = schema.get("enum", [schema.get("const")])[0]
        else:
            plain = schema.get("default", schema.get("minimum", BY_TYPE.get(schema.get("type", ""))))
        return BY_FORMAT.get(schema.get("format", ""), plain)
