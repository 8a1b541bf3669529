"""Whatever a client sends as a secret, no line of the log holds it."""

import io
import json
import logging
import secrets
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.api.networks import PROVIDERS, Scene, media, scene

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.publishing import tokens
from cliply.features.publishing.models import Channel, Publication
from cliply.features.publishing.steps import handle_of
from cliply.infra.logging import configure
from cliply.infra.sealing import open_sealer
from cliply.infra.settings import Settings

__all__ = ["media", "scene"]


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
        lambda it: client.get(f"/api/oauth/google/callback?state={it}&code={it}", headers=world.headers("owner")),
        lambda it: client.get(f"/api/oauth/tiktok/callback?state=x&error={it}", headers=world.headers("owner")),
        lambda it: client.post(
            "/api/oauth/google/finish", json={"state": it, "code": it, "iss": it}, headers=world.headers("owner")
        ),
        lambda it: client.get(f"/files/{world.workspace}/{world.workspace}/source/{world.workspace}?signature={it}"),
    )
    for number, canary in enumerate(canaries):
        ways[number % len(ways)](canary)
    written = lines.getvalue()
    assert written.count("request_answered") == len(canaries)
    assert [canary for canary in canaries if canary in written] == []
    assert all(key not in written for key in world.keys.values())


@pytest.mark.slow
def test_no_token_of_an_account_leaves_a_trace_whatever_its_network_says(
    scene: Scene, lines: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    """Codes, tokens and handles of uploads, in what goes right and in every kind of answer that does not."""
    said = [secrets.token_hex(12) for _ in range(40)]
    stage = scene.stage
    seen = [scene.allowed(provider)["code"] for provider in PROVIDERS]
    for number, canary in enumerate(said):
        provider, path = (("google", "/token"), ("tiktok", "/v2/oauth/token/"))[number % 2]
        told = {"access_token": canary, "refresh_token": canary, "error_description": canary}
        if number % 4 > 1:
            told["error"] = ("invalid_grant", "invalid_client", "server_error", canary)[number // 4 % 4]
        world = stage.google if provider == "google" else stage.tiktok
        world.faults.plan(
            Fault(Kind.ANSWER, path=path, status=(200, 400, 500)[number % 3], body=json.dumps(told).encode())
        )
        sent = scene.allowed(provider)
        seen += [sent["code"], sent["state"]]
        assert scene.back(provider, sent).status_code == 400
    for provider, network in PROVIDERS.items():
        scene.connect(provider)
        stage.publish(network)
    stage.run(passing=timedelta(minutes=2))
    assert len(stage.posts()) == 2
    stage.google.tokens.end(*stage.google.tokens.consents())
    stage.publish(PROVIDERS["google"])
    stage.run(passing=timedelta(hours=2))
    with scene.world.database.system() as session:
        sealer = open_sealer(stage.runtime.settings)
        grants = [tokens.opened(sealer, each) for each in session.scalars(select(Channel)).all()]
        handles = [handle_of(sealer, each) for each in session.scalars(select(Publication)).all()]
    seen += [token for each in grants for token in (each.access_token, each.refresh_token or "")]
    seen += [each.address for each in handles if each is not None]
    written = lines.getvalue() + caplog.text
    assert written.count("request_answered") > 80
    assert len(seen) > 80
    assert [secret for secret in (*said, *seen, "app-secret-canary") if secret in written] == []
    rows = everything(scene.world)
    assert len(rows) > 50
    assert [secret for secret in (*said, *seen) for row in rows if secret in row] == []


def everything(world: World) -> list[str]:
    """Every row that a dump would hold."""
    with world.database.system() as session:
        tables = session.scalars(
            text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        ).all()
        readable = [each for each in tables if session.scalar(text(f"SELECT has_table_privilege('{each}', 'SELECT')"))]
        return [row for each in readable for row in session.scalars(text(f"SELECT t::text FROM {each} t"))]


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
