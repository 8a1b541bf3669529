"""Every operation of the document, and requests made from what it says of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI

from cliply.api.openapi import ACTION

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    document: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def action(self) -> str | None:
        return self.document.get(ACTION)

    @property
    def is_secured(self) -> bool:
        return bool(self.document["security"])

    @property
    def names_workspace(self) -> bool:
        """By its path, or by the header."""
        return any(each["name"] in ("workspace_id", "X-Workspace-Id") for each in self.document.get("parameters", ()))

    @property
    def path_names(self) -> list[str]:
        return [each["name"] for each in self.document.get("parameters", ()) if each["in"] == "path"]

    def request(self, ids: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Arguments of a client's call that fits the document; `ids` says which thing a name means."""
        path = self.path
        for name in self.path_names:
            path = path.replace("{" + name + "}", str(ids[name]))
        needed = {
            each["name"]: '"1"'
            for each in self.document.get("parameters", ())
            if each["in"] == "header" and each["required"]
        }
        arguments: dict[str, Any] = {
            "method": self.method.upper(),
            "url": path,
            "headers": {**needed, **(headers or {})},
        }
        query = {
            each["name"]: ids[each["name"]]
            for each in self.document.get("parameters", ())
            if each["in"] == "query" and each["name"] in ids
        }
        if query:
            arguments["params"] = query
        if "requestBody" in self.document:
            schema = self.document["requestBody"]["content"]["application/json"]["schema"]
            arguments["json"] = self._example(schema, ids)
        return arguments

    def mentions(self, ids: Mapping[str, Any]) -> bool:
        """Whether one of these things is named in a request, apart from the workspace."""
        others = {name: value if name == "workspace_id" else uuid4() for name, value in ids.items()}
        return self.request(ids) != self.request(others)

    def _example(self, schema: Mapping[str, Any], ids: Mapping[str, Any], name: str = "") -> Any:  # noqa: C901 - one case for each word of a schema
        if name in ids:
            return [ids[name]] if schema.get("type") == "array" else _plain(ids[name])
        if schema.get("examples"):
            return schema["examples"][0]
        if "$ref" in schema:
            return self._example(self.schemas[schema["$ref"].rpartition("/")[2]], ids, name)
        if schema.get("type") == "object" and "properties" in schema:
            properties = schema["properties"]
            wanted = {*schema.get("required", ()), *(each for each in properties if each in ids)}
            return {each: self._example(properties[each], ids, each) for each in properties if each in wanted}
        if schema.get("enum"):
            return schema["enum"][0]
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("anyOf", "oneOf", "allOf"):
            if key in schema:
                return self._example(schema[key][0], ids, name)
        match schema.get("type"):
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case "array":
                return [self._example(schema["items"], ids)]
            case "object":
                return {}
        return str(UUID(int=7)) if schema.get("format") == "uuid" else "x" * max(1, schema.get("minLength", 1))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def operations(app: FastAPI) -> list[Operation]:
    document = app.openapi()
    schemas = document["components"]["schemas"]
    return [
        Operation(said["operationId"], method, path, said, schemas)
        for path, methods in document["paths"].items()
        for method, said in methods.items()
        if method in _METHODS
    ]
