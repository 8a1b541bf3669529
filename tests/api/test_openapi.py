"""The document of the service is complete, and its routes keep what it says."""

from typing import Any

import pytest
from fastapi import FastAPI

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
    # A signed link is all the proof that these take.
    "get_file",
    "put_part",
}
"""Routes that ask for nobody, each a decision."""


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
        if method == "post" and operation["security"]:
            assert "Idempotency-Key" in {each["name"] for each in operation["parameters"]}, name


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for name, (_, _, operation) in operations(document).items():
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            if int(status) >= 400:
                assert answer["content"] == problem, (name, status)


def test_every_name_that_is_referred_to_is_there_and_every_one_there_is_used(document: dict[str, Any]) -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return here.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(document) == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
