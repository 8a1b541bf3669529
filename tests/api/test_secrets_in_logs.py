"""Whatever a client sends as a secret, no line of the log holds it."""

import io
import logging
import secrets
import sys
import threading
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from tests.api.conftest import World

from cliply.infra.logging import configure
from cliply.infra.settings import Settings


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root, out = logging.getLogger(), io.StringIO()
    handlers, level, hooks = list(root.handlers), root.level, (sys.excepthook, threading.excepthook)
    configure(Settings(log_level="debug"), service="test", stream=out)
    # The test's own client, not the service.
    monkeypatch.setattr(logging.getLogger("httpx2"), "disabled", True)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


@pytest.mark.slow
def test_two_hundred_secrets_sent_on_every_way_leave_no_trace(
    client: TestClient, world: World, lines: io.StringIO
) -> None:
    canaries = [secrets.token_hex(12) for _ in range(200)]
    ways = (
        lambda it: client.post("/api/auth/sign-in", json={"email": "ada@example.com", "password": it}),
        lambda it: client.post("/api/auth/sign-in", json={"email": it, "password": "correct horse"}),
        lambda it: client.post("/api/auth/sign-in", content=f'{{"password": "{it}"'),
        lambda it: client.post("/api/auth/recover/finish", json={"token": it, "password": "correct horse battery"}),
        lambda it: client.post("/api/invitations/accept", json={"token": it}, headers=world.headers("owner")),
        lambda it: client.get("/api/me", headers={"authorization": f"Bearer {it}"}),
        lambda it: client.get("/api/me", headers={"authorization": f"Bearer clp_live_{it}"}),
        lambda it: client.get("/api/me", headers={"cookie": f"cliply={it}"}),
        lambda it: client.get("/api/me", headers={"x-api-key": it}),
        lambda it: client.get("/metrics", headers={"authorization": f"Bearer {it}"}),
        lambda it: client.get(f"/api/workspaces?token={it}", headers=world.headers("owner")),
        lambda it: client.get(f"/api/{it}"),
        lambda it: client.get(f"/files/{world.workspace}/{world.workspace}/source/{world.workspace}?signature={it}"),
    )
    for number, canary in enumerate(canaries):
        ways[number % len(ways)](canary)
    written = lines.getvalue()
    assert written.count("request_answered") == len(canaries)
    assert [canary for canary in canaries if canary in written] == []
    assert all(key not in written for key in world.keys.values())


def test_a_fault_is_told_in_the_log_without_the_secret_in_its_words(
    app: FastAPI, client: TestClient, lines: io.StringIO
) -> None:
    def fail() -> None:
        raise RuntimeError("could not reach https://me:hunter2-hunter2@db.example.com/?token=hunter2-hunter2")

    app.add_api_route("/api/fail", fail, methods=["GET"])
    assert client.get("/api/fail").status_code == 500
    assert "request_failed" in lines.getvalue()
    assert "RuntimeError" in lines.getvalue()
    assert "hunter2" not in lines.getvalue()
