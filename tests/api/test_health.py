import logging
import time

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.api.conftest import World

from cliply.infra.db import Database
from cliply.infra.health import readiness
from cliply.infra.logging import current_context
from cliply.infra.settings import Metrics, Settings
from cliply.runtime import Runtime


def test_the_service_says_that_it_is_there_while_the_database_is_not(runtime: Runtime) -> None:
    away = Runtime(runtime.settings, Database("postgresql://127.0.0.1:1/nothing"), runtime.storage, runtime.mailer)
    client = TestClient(app_of(away))
    assert client.get("/api/health").json() == client.get("/api/healthz").json() == {"status": "ok"}
    began = time.monotonic()
    told = client.get("/api/readyz")
    assert time.monotonic() - began < 5
    assert (told.status_code, told.json()["code"]) == (503, "not_ready")
    assert "database, schema, secrets, queue" in told.json()["detail"]


def test_a_service_in_order_is_ready(client: TestClient) -> None:
    told = client.get("/api/readyz")
    assert told.status_code == 200
    assert set(told.json()["checks"]) == {"database", "schema", "secrets", "storage", "queue", "disk", "scheduler"}


def test_a_storage_that_cannot_be_used_is_named_alone(app: FastAPI, runtime: Runtime, client: TestClient) -> None:
    file = runtime.settings.data / "no-folder"
    file.write_text("in the way")
    app.state.readiness = readiness(runtime.database, Settings(data=file / "data"))
    told = client.get("/api/readyz")
    assert told.status_code == 503
    assert "Not ready: storage." in told.json()["detail"]
    assert str(file) not in told.text


@pytest.mark.parametrize("path", ["/api/admin/readyz", "/api/health/audit"])
def test_details_are_for_operators_only(client: TestClient, world: World, path: str) -> None:
    assert client.get(path).status_code == 401
    for who in ("owner", "viewer"):
        assert client.get(path, headers=world.headers(who)).status_code == 403
        assert client.get(path, headers=world.headers(who, key=True)).status_code == 403
    assert client.get(path, headers=world.headers("operator")).status_code == 200


def test_an_operator_is_told_everything_at_a_glance(client: TestClient, world: World) -> None:
    told = client.get("/api/admin/readyz", headers=world.headers("operator")).json()
    assert told["ready"] is True
    assert [check["name"] for check in told["checks"]] == [
        "database",
        "schema",
        "secrets",
        "storage",
        "queue",
        "disk",
        "scheduler",
    ]
    assert abs(told["clock_skew_seconds"]) < 5
    assert told["pool"]["size"] >= told["pool"]["in_use"] >= 1


def test_an_operator_is_told_what_is_wrong_with_the_set_up(client: TestClient, world: World) -> None:
    told = client.get("/api/health/audit", headers=world.headers("operator")).json()
    assert told["ok"] is True
    assert "mail" in [each["about"] for each in told["findings"]]


def test_figures_are_shown_for_their_token_only(runtime: Runtime, client: TestClient) -> None:
    assert client.get("/metrics").status_code == 404
    settings = Settings(data=runtime.settings.data, metrics=Metrics(token=SecretStr("a-token-of-16-chars")))
    shown = TestClient(app_of(Runtime(settings, runtime.database, runtime.storage, runtime.mailer)))
    for wrong in ({}, {"authorization": "Bearer another"}, {"authorization": "a-token"}):
        assert shown.get("/metrics", headers=wrong).status_code == 401
    shown.get("/api/workspaces/not-an-id")
    page = shown.get("/metrics", headers={"authorization": "Bearer a-token-of-16-chars"})
    assert page.status_code == 200
    assert 'cliply_http_requests_total{method="GET",route="/api/workspaces/{workspace_id}",status="4xx"}' in page.text
    assert "not-an-id" not in page.text


def test_a_line_in_the_log_says_who_asked_in_which_workspace(
    client: TestClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    told = list[dict[str, str]]()

    class Noted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage() == "request_answered":
                told.append({**current_context(), "route": record.__dict__["route"]})

    logger, handler = logging.getLogger("cliply.api.middleware"), Noted()
    logger.addHandler(handler)
    with caplog.at_level(logging.INFO, "cliply.api.middleware"):
        client.get(f"/api/workspaces/{world.workspace}", headers=world.headers("viewer") | {"x-request-id": "r-7"})
        client.get("/api/workspaces", headers={"x-request-id": "r-8"})
    logger.removeHandler(handler)
    assert told == [
        {
            "request_id": "r-7",
            "user_id": str(world.people["viewer"].id),
            "workspace_id": str(world.workspace),
            "route": "/api/workspaces/{workspace_id}",
        },
        {"request_id": "r-8", "route": "/api/workspaces"},
    ]
