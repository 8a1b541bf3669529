"""What Google's own description of its APIs says of requests and answers: `youtube_contract.json` is a part of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

_WHOLE = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


class Misfit(Exception):
    """`path` is where it is, as in `body.snippet.title`."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


@dataclass(frozen=True, slots=True)
class Method:
    """As the description has it; paths begin with a slash."""

    name: str
    verb: str
    path: str
    upload: str | None
    accept: tuple[str, ...]
    largest: int
    """Bytes of what is uploaded."""
    scopes: frozenset[str]
    request: str | None
    response: str
    parameters: Mapping[str, Mapping[str, Any]]


@cache
def method(name: str) -> Method:
    told = _contract()["methods"][name]
    return Method(
        name,
        told["verb"],
        told["path"],
        told["upload"],
        tuple(told["accept"] or ()),
        told["largest"] or 0,
        frozenset(told["scopes"]),
        told["request"],
        told["response"],
        {**_contract()["parameters"], **told["parameters"]},
    )


def check(schema: str, value: Any, path: str = "body") -> None:
    """Raises Misfit: at the first name that the schema does not have, and at the first value of another kind."""
    _check(_contract()["schemas"][schema], value, path)


def checked_parameters(wanted: Method, given: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """The parameters of a query; those that may be repeated are taken apart at commas too. Raises Misfit."""
    for name, values in given.items():
        told = wanted.parameters.get(name)
        if told is None:
            raise Misfit(name, f'Unknown name "{name}": Cannot bind query parameter.')
        if len(values) > 1 and not told.get("repeated"):
            raise Misfit(name, "Non-repeated field appears more than once.")
        for value in values:
            _check_parameter(told, name, value)
    for name, told in wanted.parameters.items():
        if told.get("required") and not any(given.get(name, ())):
            raise Misfit(name, f"Required parameter: {name}")
    return {
        name: _apart(values) if wanted.parameters[name].get("repeated") else values for name, values in given.items()
    }


@cache
def _contract() -> Mapping[str, Any]:
    text = (files("cliply.dev_providers") / "youtube_contract.json").read_text("utf-8")
    contract: Mapping[str, Any] = json.loads(text)
    return contract


def _apart(values: list[str]) -> list[str]:
    return [part for value in values for part in value.split(",")]


def _check(told: Mapping[str, Any], value: Any, path: str) -> None:
    if "$ref" in told:
        told = _contract()["schemas"][told["$ref"]]
    match told["type"]:
        case "object":
            _check_object(told, value, path)
        case "array":
            if not isinstance(value, list):
                raise Misfit(path, "is not a list")
            for number, each in enumerate(value):
                _check(told["items"], each, f"{path}[{number}]")
        case "string":
            _check_text(told, value, path)
        case kind if kind != "any" and not _is_a(kind, value):
            raise Misfit(path, f"is no {kind}")


def _is_a(kind: str, value: Any) -> bool:
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    return isinstance(value, int if kind == "integer" else (int, float))


def _check_object(told: Mapping[str, Any], value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise Misfit(path, "is not an object")
    known, others = told.get("properties"), told.get("additionalProperties")
    for name, each in value.items():
        if known is not None and name in known:
            _check(known[name], each, f"{path}.{name}")
        elif others is not None:
            _check(others, each, f"{path}.{name}")
        elif known is not None:
            raise Misfit(path, f"Unknown name \"{name}\" at '{path}': Cannot find field.")


def _check_text(told: Mapping[str, Any], value: Any, path: str) -> None:
    if not isinstance(value, str):
        raise Misfit(path, "is no text")
    if "enum" in told and value not in told["enum"]:
        raise Misfit(path, f"is none of {', '.join(told['enum'])}")
    if (limits := _WHOLE.get(told.get("format", ""))) is not None and not _is_whole(value, *limits):
        raise Misfit(path, f"is no {told['format']}")
    if told.get("format") == "date-time" and not _is_moment(value):
        raise Misfit(path, "is no moment as in RFC 3339")


def _check_parameter(told: Mapping[str, Any], name: str, value: str) -> None:
    match told["type"]:
        case "boolean":
            if value not in ("true", "false"):
                raise Misfit(name, "is not true or false")
        case "integer":
            low, high = _WHOLE[told.get("format", "int32")]
            if not _is_whole(value, int(told.get("minimum", low)), int(told.get("maximum", high))):
                raise Misfit(name, "is out of its range")
        case "string":
            if "enum" in told and value not in told["enum"]:
                raise Misfit(name, f"is none of {', '.join(told['enum'])}")


def _is_whole(value: str, low: int, high: int) -> bool:
    return re.fullmatch(r"-?\d{1,20}", value, re.ASCII) is not None and low <= int(value) <= high


def _is_moment(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
