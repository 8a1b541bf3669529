"""The document of the service is complete, and its routes keep what it says."""

import re
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.testclient import TestClient

from cliply.api.openapi import calls_of, routes_of
from cliply.features.identity import dependencies
from cliply.features.identity.dependencies import Allowed

OPEN_TO_ALL = {
    "get_health",
    "get_healthz",
    "get_readyz",
    # Has a token of its own, for Prometheus.
    "get_metrics",
    "sign_up",
    "sign_in",
    "start_recovery",
    "finish_recovery",
    # A scheduler outside of the service brings a secret of its settings.
    "scan_schedules",
    # A signed link is all the proof that these take.
    "get_file",
    "put_part",
    # Stripe's signature is its proof.
    "receive_event",
    # Says the same to everybody.
    "show_returned",
}
"""Routes that ask for nobody, each a decision."""
HOLD_PASSWORDS = {"change_address", "change_password"}
"""Of these not even a fingerprint is kept, so they take no Idempotency-Key."""
GOOD_ONCE = {"complete_oauth"}
"""What these take is used up by the first time."""


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """By id: method, path and what the document says."""
    return {
        operation["operationId"]: (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_names_its_access(app: FastAPI) -> None:
    ways = (dependencies.principal, dependencies.member, dependencies.admin)
    unnamed = {
        route.name
        for _, route in routes_of(app)
        if not any(call in ways or isinstance(call, Allowed) for call in calls_of(route.dependant))
    }
    assert unnamed == OPEN_TO_ALL


def test_what_acts_in_a_workspace_names_an_action_or_says_that_every_member_may(app: FastAPI) -> None:
    for _, route in routes_of(app):
        calls = list(calls_of(route.dependant))
        if dependencies.member_of in calls:
            assert dependencies.member in calls or any(isinstance(call, Allowed) for call in calls), route.name


def test_what_is_open_to_all_refuses_other_sites(app: FastAPI) -> None:
    for _, route in routes_of(app):
        if route.name in OPEN_TO_ALL and "POST" in (route.methods or ()):
            assert dependencies.same_site in list(calls_of(route.dependant)), route.name


def test_every_operation_has_an_id_a_summary_and_its_errors(document: dict[str, Any]) -> None:
    listed = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(set(listed)) == len(listed)
    for name, (method, path, operation) in operations(document).items():
        assert operation["summary"], name
        assert operation["description"].rstrip().endswith("."), name
        statuses = set(operation["responses"])
        assert {"413", "500"} <= statuses, name
        if operation["security"]:
            assert {"401", "403"} <= statuses, name
        if "{" in path:
            assert "404" in statuses, name
        if method == "post" and operation["security"] and name not in HOLD_PASSWORDS | GOOD_ONCE:
            assert "Idempotency-Key" in {each["name"] for each in operation["parameters"]}, name


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for name, (_, _, operation) in operations(document).items():
        for status, answer in operation["responses"].items():
            if int(status) >= 400 and "text/html" not in answer.get("content", ()):
                schema = {"$ref": f"#/components/schemas/{'PlanProblem' if status == '402' else 'Problem'}"}
                said = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
                assert said["description"], (name, status)
                [(media, content)] = said["content"].items()
                assert (media, content["schema"]) == ("application/problem+json", schema), (name, status)
                assert content["example"]["status"] == int(status), (name, status)
            else:
                assert answer["description"], (name, status)


def test_every_name_that_is_referred_to_is_there_and_every_one_there_is_used(document: dict[str, Any]) -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return here.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    there = {
        f"#/components/{part}/{name}" for part in ("schemas", "responses") for name in document["components"][part]
    }
    assert references(document) == there


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    def check(schema: dict[str, Any], where: str) -> None:
        whole = {**schema, "components": document["components"]}
        for example in schema.get("examples", ()):
            jsonschema.Draft202012Validator(whole).validate(example)
        for name, inner in schema.get("properties", {}).items():
            check(inner, f"{where}.{name}")

    for name, schema in document["components"]["schemas"].items():
        check(schema, name)


def test_every_body_and_answer_has_an_example_that_fits(document: dict[str, Any]) -> None:
    wrong: dict[str, Any] = {}
    for name, (_, _, operation) in operations(document).items():
        told = [operation["requestBody"]] if "requestBody" in operation else []
        told += [answer for status, answer in operation["responses"].items() if status < "300"]
        for each in told:
            media = each.get("content", {}).get("application/json")
            if media is None or not media["schema"]:
                continue
            whole = {**media["schema"], "components": document["components"]}
            found = [error.message for error in jsonschema.Draft202012Validator(whole).iter_errors(media["example"])]
            wrong |= {name: (found, media["example"])} if found else {}
    assert wrong == {}


def test_the_document_that_is_served_keeps_to_its_specification(client: TestClient) -> None:
    """References, names of parameters, ids, defaults and the shape of everything, by a program that is not ours."""
    served = client.get("/api/openapi.json").json()
    assert [each.message for each in OpenAPIV31SpecValidator(served).iter_errors()] == []
    served["paths"]["/api/health"]["get"]["operationId"] = "sign_in"
    assert [each.message for each in OpenAPIV31SpecValidator(served).iter_errors()] != [], "and it does look"


def test_a_client_can_be_made_from_the_document(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for name, (_, path, operation) in operations(document).items():
        declared = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path)), name
        assert any(status < "400" for status in operation["responses"]), name
        assert operation["tags"], name
