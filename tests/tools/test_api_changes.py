"""Clients of the last release: today's API serves them, and a change that would not is found."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tools.api_changes import accepted, changes, is_free
from tools.docs import REFERENCE

from tools import api_changes

RELEASED: dict[str, Any] = json.loads(api_changes.RELEASED.read_text(encoding="utf-8"))
TODAY: dict[str, Any] = json.loads((REFERENCE / "openapi.json").read_text(encoding="utf-8"))


def test_clients_of_the_last_release_are_served() -> None:
    """Where not: take the change back, list it in tools/api_breaks.toml with its reason, or save it for later."""
    assert is_free(RELEASED, TODAY) or sorted(set(changes(RELEASED, TODAY)) - set(accepted())) == []


def test_what_is_listed_as_broken_is_broken_and_says_why() -> None:
    assert set(accepted()) <= set(changes(RELEASED, TODAY))
    assert all(reason.strip() for reason in accepted().values())


def test_a_new_major_version_may_change_everything() -> None:
    later = copy.deepcopy(RELEASED)
    later["info"]["version"] = f"{int(RELEASED['info']['version'].partition('.')[0]) + 1}.0.0"
    assert is_free(RELEASED, later)
    later["info"]["version"] = RELEASED["info"]["version"] + "1"
    assert not is_free(RELEASED, later)


def document() -> dict[str, Any]:
    """Of a small service, with what a schema may say."""
    thing = {
        "type": "object",
        "required": ["id", "state"],
        "properties": {
            "id": {"type": "integer"},
            "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "state": {"type": "string", "enum": ["open", "done"]},
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
            "more": {"type": "object", "additionalProperties": {"type": "string", "format": "uuid"}},
        },
    }
    new_thing = {
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 100},
            "size": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": 3},
            "colour": {"enum": ["red", "blue"], "type": "string"},
            "of": {"oneOf": [{"$ref": "#/components/schemas/File"}, {"$ref": "#/components/schemas/Link"}]},
        },
    }
    schemas: dict[str, Any] = {"Thing": thing, "NewThing": new_thing}
    for kind in ("file", "link"):
        told = {"kind": {"const": kind, "type": "string"}, "where": {"type": "string"}}
        schemas[kind.title()] = {"type": "object", "required": ["kind", "where"], "properties": told}
    answer = {"description": "It.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    limit = {"in": "query", "name": "limit", "required": False, "schema": {"type": "integer", "maximum": 100}}
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewThing"}}}}
    return {
        "info": {"version": "1.2.3"},
        "paths": {
            "/things": {
                "get": {"operationId": "get_thing", "parameters": [limit], "responses": {"200": answer}},
                "post": {
                    "operationId": "make_thing",
                    "security": [{"key": []}, {"cookie": []}],
                    "x-cliply-action": "things:make",
                    "requestBody": body,
                    "responses": {"201": answer, "404": {"$ref": "#/components/responses/NotFound"}},
                },
            }
        },
        "components": {
            "schemas": schemas,
            "responses": {"NotFound": {"description": "Not there.", "headers": {"Why": {}}}},
        },
    }


def get(it: dict[str, Any]) -> Any:
    return it["paths"]["/things"]["get"]


def post(it: dict[str, Any]) -> Any:
    return it["paths"]["/things"]["post"]


def thing(it: dict[str, Any]) -> Any:
    return it["components"]["schemas"]["Thing"]


def wanted(it: dict[str, Any]) -> Any:
    return it["components"]["schemas"]["NewThing"]


def without(of: Callable[[Any], Any], name: str) -> Callable[[Any], None]:
    return lambda it: of(it).pop(name)


def put(of: Callable[[Any], Any], **values: Any) -> Callable[[Any], None]:
    return lambda it: of(it).update(values)


NUMBER_OR_NULL = [{"type": "number"}, {"type": "null"}]


def prop(of: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    return lambda it: of(it)["properties"][name]


BREAKS: dict[str, Callable[[Any], Any]] = {
    "GET /things is gone": without(lambda it: it["paths"]["/things"], "get"),
    "GET /things: operationId was get_thing and is see_thing": put(get, operationId="see_thing"),
    "GET /things 200 is gone": lambda it: get(it).update(responses={"202": get(it)["responses"]["200"]}),
    "GET /things: has to be proved who asks now": put(get, security=[{"key": []}]),
    "POST /things: cookie proves nothing any more": put(post, security=[{"key": []}]),
    "POST /things: x-cliply-action was things:make and is things:all": put(post, **{"x-cliply-action": "things:all"}),
    "POST /things 404: the header Why is gone": without(
        lambda it: it["components"]["responses"]["NotFound"], "headers"
    ),
    "GET /things: query limit is gone": put(get, parameters=[]),
    "GET /things: query limit has to be sent now": put(lambda it: get(it)["parameters"][0], required=True),
    "GET /things: query limit: maximum was 100 and is 50": put(
        lambda it: get(it)["parameters"][0]["schema"], maximum=50
    ),
    "POST /things body.colour has to be sent now": put(wanted, required=["name", "colour"]),
    "POST /things body.note has to be sent now": lambda it: (
        wanted(it)["required"].append("note"),
        wanted(it)["properties"].update(note={"type": "string"}),
    ),
    "POST /things body.size is gone": without(lambda it: wanted(it)["properties"], "size"),
    "POST /things body.colour: the value 'red' is gone": put(prop(wanted, "colour"), enum=["blue"]),
    "POST /things body.name: maxLength was 100 and is 10": put(prop(wanted, "name"), maxLength=10),
    "POST /things body.name: minLength was 1 and is 2": put(prop(wanted, "name"), minLength=2),
    "POST /things body.name: pattern was open and is x": put(prop(wanted, "name"), pattern="x"),
    "POST /things body.name: the type was string and is integer": put(prop(wanted, "name"), type="integer"),
    "POST /things body.size: the type was null and is integer": put(
        prop(wanted, "size"), anyOf=[{"type": "integer", "minimum": 1}]
    ),
    "POST /things body.size: what is left out means 4 instead of 3": put(prop(wanted, "size"), default=4),
    "POST /things body.of.kind: the value 'link' is gone": put(
        prop(wanted, "of"), oneOf=[{"$ref": "#/components/schemas/File"}]
    ),
    "POST /things body application/json is gone": put(lambda it: post(it)["requestBody"], content={"text/csv": {}}),
    "GET /things 200.state is gone": without(lambda it: thing(it)["properties"], "state"),
    "GET /things 200.state may be missing now": put(thing, required=["id"]),
    "GET /things 200.state: the value 'done' is gone": put(prop(thing, "state"), enum=["open"]),
    "GET /things 200.state: there is a new value 'lost'": put(prop(thing, "state"), enum=["open", "done", "lost"]),
    "GET /things 200.id: the type was integer and is string": put(prop(thing, "id"), type="string"),
    "GET /things 200.id: the type was integer and is null": lambda it: thing(it)["properties"].update(
        id={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "GET /things 200.parts: the type was array and is object": put(prop(thing, "parts"), type="object"),
    "GET /things 200.more{}: format was uuid and is open": put(
        prop(thing, "more"), additionalProperties={"type": "string"}
    ),
    "GET /things 200 application/json is gone": lambda it: get(it).update(responses={"200": {"description": "It."}}),
}

HARMLESS: dict[str, Callable[[Any], Any]] = {
    "a new operation": put(lambda it: it["paths"]["/things"], delete={"operationId": "x", "responses": {"204": {}}}),
    "a new parameter": lambda it: get(it)["parameters"].append(
        {"in": "query", "name": "after", "required": False, "schema": {"type": "string"}}
    ),
    "a new field that may be left out": lambda it: wanted(it)["properties"].update(note={"type": "string"}),
    "a new field of an answer": lambda it: thing(it)["properties"].update(note={"type": "string"}),
    "a wider limit": put(prop(wanted, "name"), maxLength=200, minLength=0),
    "a new value that is taken": put(prop(wanted, "colour"), enum=["red", "blue", "green"]),
    "a field that was needed and is not": put(wanted, required=[]),
    "a field that is always there now": put(thing, required=["id", "state", "name"]),
    "an answer that is never empty any more": lambda it: thing(it)["properties"].update(name={"type": "string"}),
    "a whole number where any number was taken": put(prop(wanted, "size"), anyOf=NUMBER_OR_NULL),
    "other words": put(prop(thing, "id"), description="Counted up.", title="Id", examples=[7]),
    "an error more": lambda it: get(it)["responses"].update({"404": {"$ref": "#/components/responses/NotFound"}}),
    "no action needed any more": without(post, "x-cliply-action"),
    "open to all": put(post, security=[]),
}  # fmt: skip


@pytest.mark.parametrize("told", BREAKS)
def test_a_change_that_breaks_clients_is_told(told: str) -> None:
    later = document()
    BREAKS[told](later)
    assert told in changes(document(), later)


@pytest.mark.parametrize("what", HARMLESS)
def test_a_change_that_breaks_nobody_is_let_pass(what: str) -> None:
    later = document()
    HARMLESS[what](later)
    assert later != document()
    assert changes(document(), later) == []


def fields(schema: Any, where: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to each field of each schema below."""
    if isinstance(schema, dict):
        for name in schema["properties"] if isinstance(schema.get("properties"), dict) else ():
            yield (*where, "properties", name)
        for name, inner in schema.items():
            if name not in ("example", "examples"):
                yield from fields(inner, (*where, name))
    elif isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from fields(inner, (*where, number))


@pytest.mark.slow
def test_a_field_that_goes_is_missed_wherever_it_was() -> None:
    """In the real document, one after the other."""
    later = copy.deepcopy(RELEASED)
    unseen = []
    for way in fields(RELEASED["components"]["schemas"]):
        place = later["components"]["schemas"]
        for step in way[:-1]:
            place = place[step]
        gone = place.pop(way[-1])
        if not changes(RELEASED, later):
            unseen.append(way)
        place[way[-1]] = gone
    assert unseen == []
    assert later == RELEASED


def test_an_operation_that_goes_is_missed() -> None:
    later = copy.deepcopy(RELEASED)
    for path, item in RELEASED["paths"].items():
        for method in item:
            gone = later["paths"][path].pop(method)
            assert changes(RELEASED, later) == [f"{method.upper()} {path} is gone"]
            later["paths"][path][method] = gone
