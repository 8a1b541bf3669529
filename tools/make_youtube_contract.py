"""Takes out of Google's own description of YouTube's APIs what the stand-in for them holds requests and answers to.

The description is inside google-api-python-client: install that, then `python -m tools.make_youtube_contract`.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src" / "cliply" / "dev_providers" / "youtube_contract.json"
METHODS = {
    "youtube.v3": (
        "videos.insert",
        "videos.list",
        "videos.batchGetStats",
        "thumbnails.set",
        "channels.list",
        "playlistItems.list",
    ),
    "youtubeAnalytics.v2": ("reports.query",),
}
_ABOUT_PARAMETERS = ("type", "format", "enum", "required", "repeated", "minimum", "maximum")
_ABOUT_VALUES = ("type", "format", "enum", "$ref", "items", "properties", "additionalProperties")
_LEFT_OPEN = frozenset({"ContentRating"})
"""Ratings by the film boards of all countries are ten thousand letters that nothing here uses."""


def contract() -> dict[str, Any]:
    """Revisions, methods with their parameters and scopes, and the schemas that these lead to."""
    made: dict[str, Any] = {"revisions": {}, "parameters": {}, "methods": {}, "schemas": {}}
    for name, methods in METHODS.items():
        document = _document(name)
        made["revisions"][name] = document["revision"]
        made["parameters"] |= {name: _parameter(told) for name, told in document["parameters"].items()}
        for method in methods:
            told = _method(document, method)
            made["methods"][method] = told
            for wanted in (told["request"], told["response"]):
                if wanted is not None:
                    made["schemas"] |= _schemas(document["schemas"], wanted)
    made["schemas"] = dict(sorted(made["schemas"].items()))
    return made


def written(made: Mapping[str, Any]) -> str:
    """One line for each method and schema, so that a change of one is a change of a line."""
    groups = (
        f'  "{group}": {{\n'
        + ",\n".join(f'    "{name}": {json.dumps(told, sort_keys=True)}' for name, told in members.items())
        + "\n  }"
        for group, members in made.items()
    )
    return "{\n" + ",\n".join(groups) + "\n}\n"


def _document(name: str) -> dict[str, Any]:
    folder = files("googleapiclient") / "discovery_cache" / "documents"
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return document


def _method(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    resource, _, verb = name.partition(".")
    told = document["resources"][resource]["methods"][verb]
    return {
        "verb": told["httpMethod"],
        "path": "/" + document["servicePath"] + told["path"],
        "scopes": sorted(told["scopes"]),
        "parameters": {key: _parameter(value) for key, value in told.get("parameters", {}).items()},
        "upload": told.get("mediaUpload", {}).get("protocols", {}).get("simple", {}).get("path"),
        "accept": told.get("mediaUpload", {}).get("accept"),
        "largest": int(told["mediaUpload"]["maxSize"]) if "mediaUpload" in told else None,
        "request": told.get("request", {}).get("$ref"),
        "response": told.get("response", {}).get("$ref"),
    }


def _parameter(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: told[key] for key in _ABOUT_PARAMETERS if key in told}


def _schemas(known: Mapping[str, Any], wanted: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    left = [wanted]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = {"type": "object"} if name in _LEFT_OPEN else _value(known[name])
            left += _references(found[name])
    return found


def _value(told: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: told[key] for key in _ABOUT_VALUES if key in told}
    for key in ("items", "additionalProperties"):
        if key in made:
            made[key] = _value(made[key])
    if "properties" in made:
        made["properties"] = {name: _value(each) for name, each in made["properties"].items()}
    return made


def _references(told: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in told:
        yield told["$ref"]
    for key in ("items", "additionalProperties"):
        if key in told:
            yield from _references(told[key])
    for each in told.get("properties", {}).values():
        yield from _references(each)


if __name__ == "__main__":
    TARGET.write_text(written(contract()))
