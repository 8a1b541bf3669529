"""Requests made from the document, by a tool that looks for answers that the document does not allow."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import content_type_conformance, not_a_server_error, response_schema_conformance
from schemathesis.checks import status_code_conformance as status_conformance
from schemathesis.core.failures import FailureGroup
from tests.api.conftest import World

from cliply.infra.settings import Server
from cliply.runtime import Runtime

CHECKS = [not_a_server_error, response_schema_conformance, content_type_conformance, status_conformance]
OPEN_ENDED = {"watch_project"}
"""Its answer goes on until the client leaves."""
SIGNS_OUT = {"sign_out", "end_sessions", "delete_me"}
"""Nobody is let in after these, so they come last."""

EXAMPLES = [
    # Of each operation and mode: enough to meet every field with something odd, and still quick.
    pytest.param(8, marks=pytest.mark.slow),
    pytest.param(150, marks=pytest.mark.soak),
]


@pytest.fixture
def runtime(runtime: Runtime) -> Runtime:
    """It knows its address, so that accounts can be connected."""
    server = Server(url="http://localhost:8000", sign_up="open")
    return replace(runtime, settings=runtime.settings.model_copy(update={"server": server}))


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("who", ["owner", "operator"])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_nothing_that_fits_the_document_or_does_not_makes_a_fault(
    app: FastAPI, world: World, who: str, mode: GenerationMode, examples: int
) -> None:
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app)
    wrong: list[str] = []
    asked = set()
    there = [cast("Any", found).ok() for found in schema.get_all_operations()]
    named = [(operation.definition.raw["operationId"], operation) for operation in there]
    for name, operation in sorted(named, key=lambda each: each[0] in SIGNS_OUT):
        if name not in OPEN_ENDED:
            asked.add(name)
            wrong += _tried(operation, mode, world, who, examples)
    assert wrong == [], "\n\n".join(wrong)
    assert len(asked) > 60


def _tried(operation: Any, mode: GenerationMode, world: World, who: str, examples: int) -> list[str]:
    wrong: list[str] = []

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        # Whoever is signed out by one request still asks the next.
        case.cookies = {}
        headers = world.headers(who, workspace=world.workspace, key=who == "owner")
        response = case.call(headers=headers)
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as unlike:
            wrong.append(f"{operation.label}: {unlike}")

    # Where nothing is asked for, nothing can be asked wrongly.
    with suppress(Unsatisfiable):
        ask()
    return wrong[:1]
