"""Whatever a client or a network sends as a secret: no line of the log holds it, no error, no answer and no row."""

import io
import json
import logging
import re
import secrets
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from starlette.testclient import TestClient
from tests.api.conftest import World
from tests.api.networks import PROVIDERS, Scene, media, scene
from tests.features.publishing.stage import HERE, Stage

from cliply.dev_providers.faults import Fault, Kind
from cliply.features.publishing import tokens
from cliply.features.publishing.models import Channel, Publication
from cliply.features.publishing.steps import handle_of
from cliply.infra.logging import configure
from cliply.infra.sealing import open_sealer
from cliply.infra.settings import Settings
from cliply.integrations.publisher import Network, PublishFailure

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
def test_two_hundred_secrets_of_networks_are_nowhere_but_sealed(
    scene: Scene, lines: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    """Codes, tokens, proofs and handles of uploads, in what goes right and in every kind of answer that does not: they
    are in no line of the log, no error, no answer, no job, and no row but where they are sealed."""
    stage, answers = scene.stage, Answers()
    scene.client.event_hooks["response"].append(answers.hear)
    seen = [scene.allowed(provider)["code"] for provider in PROVIDERS]
    said = [secrets.token_hex(12) for _ in range(120)]
    for number, canary in enumerate(said):
        seen += refused(scene, number, canary)
    for provider, network in PROVIDERS.items():
        scene.connect(provider)
        said += upset(stage, network)
        stage.publish(network)
    stage.run(passing=timedelta(minutes=2))
    assert len(stage.posts()) == 2
    seen += sealed(scene)
    stage.google.tokens.end(*stage.google.tokens.consents())
    stage.publish(PROVIDERS["google"])
    stage.run(passing=timedelta(hours=2))
    planted = {*said, *seen, *sealed(scene), "app-secret-canary"}
    assert len(planted) > 300
    look_at_everything(scene)
    written = lines.getvalue() + caplog.text
    assert written.count("request_answered") > 150
    assert [secret for secret in planted if secret in written] == []
    assert len(answers.told) > 150
    assert [secret for secret in planted for answer in answers.told if secret in answer] == []
    rows = dumped(scene.world)
    assert len(rows) > 200
    assert any("PUBLISH_YOUTUBE" in row for row in rows), "jobs are among them"
    assert [secret for secret in planted for row in rows if secret in row] == []


class Answers:
    """Whatever the service has answered, headers and all, but for the pages of consent: these it shows once, to who
    asked, with the state that its network is to send back."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def hear(self, answer: httpx2.Response) -> None:
        answer.read()
        if "consent_url" not in answer.text:
            self.told.append(f"{answer.headers} {answer.text}")


def refused(scene: Scene, number: int, canary: str) -> list[str]:
    """A network's answer to a code holds the canary; what else was secret on this way."""
    provider, path = (("google", "/token"), ("tiktok", "/v2/oauth/token/"))[number % 2]
    told = {"access_token": canary, "refresh_token": canary, "error_description": canary}
    if number % 4 > 1:
        told["error"] = ("invalid_grant", "invalid_client", "server_error", canary)[number // 4 % 4]
    world = scene.stage.google if provider == "google" else scene.stage.tiktok
    body = json.dumps(told).encode()
    world.faults.plan(Fault(Kind.ANSWER, path=path, status=(200, 400, 500)[number % 3], body=body))
    sent = scene.allowed(provider)
    assert scene.back(provider, sent).status_code == 400
    return [sent["code"], sent["state"]]


def upset(stage: Stage, network: Network) -> list[str]:
    """What is sent goes wrong at first, in answers that hold canaries where a network repeats what it was told."""
    canaries = [secrets.token_hex(12) for _ in range(10)]
    for number, canary in enumerate(canaries):
        told = {"error": {"code": 503, "message": canary, "log_id": canary, "errors": [{"message": canary}]}}
        where = "^/(upload|youtube)/" if network is Network.YOUTUBE else "^/v2/post/"
        headers = {"location": f"https://example.com/?upload_id={canary}", "x-token": canary}
        stage.faults(network).plan(
            Fault(Kind.ANSWER, where, "POST", status=(503, 429, 500)[number % 3], body=json.dumps(told).encode(),
                  headers=headers)
        )  # fmt: skip
    return canaries


def sealed(scene: Scene) -> list[str]:
    """What is kept sealed at the moment: tokens, and addresses of uploads."""
    sealer = open_sealer(scene.stage.runtime.settings)
    with scene.world.database.system() as session:
        grants = [tokens.opened(sealer, each) for each in session.scalars(select(Channel)).all()]
        handles = [handle_of(sealer, each) for each in session.scalars(select(Publication)).all()]
    found = [token for each in grants for token in (each.access_token, each.refresh_token or "")]
    return [each for each in (*found, *(each.address for each in handles if each is not None)) if each]


def look_at_everything(scene: Scene) -> None:
    """As the owner and as an operator: lists, and each thing in them."""
    client, world = scene.client, scene.world
    owner = {**scene.cookie(), "x-workspace-id": str(world.workspace)}
    operator = scene.cookie("operator")
    for path in ("/api/accounts", "/api/publications", "/api/jobs/search?limit=100"):
        listed = client.get(path, headers=owner).json()
        for each in listed if isinstance(listed, list) else listed["items"]:
            found = client.get(f"{path.partition('?')[0].replace('/search', '')}/{each['id']}", headers=owner)
            assert found.status_code == 200, found.text
    for path in ("audit?limit=100", "audit/export"):
        assert client.get(f"/api/workspaces/{world.workspace}/{path}", headers=owner).status_code == 200
    for each in client.get("/api/admin/jobs?limit=100", headers=operator).json()["items"]:
        assert client.get(f"/api/admin/jobs/{each['id']}", headers=operator).status_code == 200
    for path in ("/api/admin/jobs/dead", "/api/admin/readyz", "/api/health/audit", "/metrics"):
        client.get(path, headers=operator)


def dumped(world: World) -> list[str]:
    """Every row of every table, with what stands in columns of bytes read as text."""
    with world.database.system() as session:
        tables = session.scalars(
            text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'")
        ).all()
        readable = [each for each in tables if session.scalar(text(f"SELECT has_table_privilege('{each}', 'SELECT')"))]
        assert {"channels", "publications", "oauth_attempts", "procrastinate_jobs", "audit_entries"} <= {*readable}
        rows = [row for each in readable for row in session.scalars(text(f"SELECT t::text FROM {each} t"))]
    return [row + _BYTES.sub(lambda found: bytes.fromhex(found[1]).decode(errors="replace"), row) for row in rows]


_BYTES = re.compile(r"\\+x((?:[0-9a-f]{2})+)")


def test_bytes_that_are_not_sealed_are_read_by_the_dump(scene: Scene) -> None:
    """Or else a secret that is kept as it is would be taken for a sealed one."""
    account = scene.connect("google")
    with scene.world.database.system() as session:
        session.execute(
            text("UPDATE channels SET grant_sealed = 'canary-in-the-clear' WHERE id = :id"), {"id": account}
        )
    assert any("canary-in-the-clear" in row for row in dumped(scene.world))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_failure_of_a_network_repeats_what_was_secret_however_it_is_shown(scene: Scene, provider: str) -> None:
    """In its message, its repr and its traceback, with all that it came from."""
    connector = scene.stage.runtime.providers.of(PROVIDERS[provider]).connector
    world, path = (scene.stage.google, "/token") if provider == "google" else (scene.stage.tiktok, "/v2/oauth/token/")
    shown, planted = "", []
    for number in range(60):
        canary, code, verifier = (secrets.token_hex(24) for _ in range(3))
        planted += [canary, code, verifier]
        body = json.dumps({"access_token": canary, "error": ("", "invalid_grant", "server_error")[number % 3]})
        kind = (Kind.ANSWER, Kind.DROP_UNREAD, Kind.DROP_ANSWER)[number // 3 % 3]
        world.faults.plan(Fault(kind, path=path, status=(200, 400, 500, 302)[number % 4], body=body.encode(), times=8))
        with pytest.raises(PublishFailure) as failed:
            connector.exchange(code, redirect_uri=HERE, verifier=verifier)
        world.faults.clear()
        shown += "".join((str(failed.value), repr(failed.value), *traceback.format_exception(failed.value)))
    assert shown.count("Traceback") >= 60
    assert [secret for secret in planted if secret in shown] == []


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
