"""Examples for the document of the service: whole bodies and answers, put together from those of their fields."""

from collections.abc import Mapping
from typing import Any

_BY_FORMAT = {
    "uuid": "8d8ac610-566d-4ef0-9c22-186b2a5ed793",
    "date-time": "2026-12-01T09:00:00Z",
    "date": "2026-12-01",
    "uri": "https://clips.example.com/",
}
_BY_TYPE = {"boolean": False, "string": "text", "null": None}
_DEEPEST = 8


def add_examples(document: dict[str, Any]) -> None:
    """To every body that is sent and every answer of JSON that has none yet."""
    schemas = document["components"]["schemas"]
    for methods in document["paths"].values():
        for operation in methods.values():
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for body in bodies:
                _fill(body, schemas, whole=False)
            for status, answer in operation["responses"].items():
                if status < "300":
                    _fill(answer, schemas, whole=True)


def _fill(told: dict[str, Any], schemas: Mapping[str, Any], *, whole: bool) -> None:
    media = told.get("content", {}).get("application/json")
    if media is not None and media.get("schema") and not {"example", "examples"} & media.keys():
        media["example"] = example_of(media["schema"], schemas, whole=whole)


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], *, whole: bool = True, depth: int = 0) -> Any:
    """A value that fits. `whole` has every property, as an answer does; else those that are needed or have examples."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, whole=whole, depth=depth)
    if schema.get("examples"):
        return schema["examples"][0]
    for name in ("const", "default"):
        if schema.get(name) is not None:
            return schema[name]
    if "enum" in schema:
        return schema["enum"][0]
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        # What may be nothing, and has no example, is nothing: better than a value that means none.
        chosen = {"type": "null"} if {"type": "null"} in choices else choices[0]
        return example_of(chosen, schemas, whole=whole, depth=depth)
    if depth > _DEEPEST:
        return {} if schema.get("type") == "object" else None
    return _of_type(schema, schemas, whole, depth + 1)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any], whole: bool, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        needed = schema.get("required", ())
        return {
            name: example_of(inner, schemas, whole=whole, depth=depth)
            for name, inner in schema.get("properties", {}).items()
            if whole or name in needed or inner.get("examples")
        }
    if kind == "array":
        fixed = schema.get("prefixItems")
        items = fixed or ([schema["items"]] if schema.get("items") else [])
        return [example_of(each, schemas, whole=whole, depth=depth) for each in items]
    if kind in ("integer", "number"):
        least: float = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return max(least, 1) if schema.get("maximum", 1) >= 1 else least
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(str(kind)))
