"""Faults of every process reach the Sentry that is named, and nothing that is a secret goes with them."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
import sentry_sdk
from fastapi import Body, FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient
from tests.api.conftest import World, app, client, runtime, world
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until
from tests.servers.sentry import Sink, sink

from cliply.errors import Invalid
from cliply.features.jobs.kinds import Registry
from cliply.features.jobs.retries import Retries
from cliply.features.jobs.runner import JobRun
from cliply.infra import error_reports
from cliply.infra.db import Database
from cliply.infra.error_reports import NotADsn
from cliply.infra.settings import Sentry, Settings, Storage

__all__ = ["app", "client", "runtime", "world"]

CANARY = "canary-that-must-not-leave"
"""Looks like no secret: it is one by its name, its place, or because it is in the settings."""


@pytest.fixture
def reported() -> Iterator[Sink]:
    with sink() as there:
        yield there
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)
        ours = logging.getLogger("cliply")
        ours.handlers[:] = [
            each for each in ours.handlers if type(each).__module__ != "sentry_sdk.integrations.logging"
        ]


def start(to: Sink, process: str) -> None:
    settings = Settings(
        sentry=Sentry(dsn=SecretStr(to.dsn), environment="test"), storage=Storage(secret=SecretStr(CANARY))
    )
    error_reports.start(settings, process=process)


def only_event(there: Sink) -> dict[str, Any]:
    sentry_sdk.flush(10)
    [event] = there.events
    assert CANARY not in there.text
    assert event.get("breadcrumbs", {}).get("values", []) == []
    assert not {"request", "user", "modules"} & event.keys()
    assert (event["environment"], event["release"].partition("@")[0]) == ("test", "cliply")
    return event


def frames(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for value in event["exception"]["values"] for each in value["stacktrace"]["frames"]]


def test_a_fault_of_a_route_is_reported_without_what_was_sent(
    app: FastAPI, client: TestClient, world: World, reported: Sink
) -> None:
    def fail(sent: Annotated[dict[str, str], Body()]) -> None:
        held = sent["password"]
        raise RuntimeError(f"no answer from https://me:{held}@db.example.com/?token={held}")

    app.add_api_route("/api/fail/{name}", fail, methods=["POST"])
    start(reported, "api")
    headers = {**world.headers("owner"), "x-api-key": CANARY, "x-request-id": "r-17"}
    answer = client.post(f"/api/fail/{CANARY}?token={CANARY}", json={"password": CANARY}, headers=headers)
    assert answer.status_code == 500
    event = only_event(reported)
    assert event["tags"] == {"process": "api", "request_id": "r-17"}
    assert event["exception"]["values"][-1]["type"] == "RuntimeError"
    assert "no answer from https://***@db.example.com" in event["exception"]["values"][-1]["value"]
    assert frames(event)[-1]["function"] == "fail"
    assert event["extra"] == {"method": "POST", "route": "/api/fail/{name}"}
    assert all("vars" not in frame for frame in frames(event))
    assert world.people["owner"].session not in reported.text


def test_an_error_that_is_for_people_is_no_fault(client: TestClient, world: World, reported: Sink) -> None:
    start(reported, "api")
    assert client.get("/api/projects/nonsense", **world.as_("viewer")).status_code == 422
    assert client.get("/api/projects", **world.as_("viewer")).status_code == 200
    error_reports.report(Invalid("Choose another name."))
    sentry_sdk.flush(10)
    assert reported.envelopes == []


def test_a_fault_of_a_job_is_reported_by_its_kind_and_place_alone(
    database: Database, migrated: str, world: World, reported: Sink
) -> None:
    kinds = Registry()
    seen: list[int] = []

    @kinds.job("FAULTY", queue="test", timeout=timedelta(minutes=1), retries=Retries(times=0))
    def faulty(run: JobRun, said: str) -> None:
        """Fail."""
        seen.append(run.id)
        raise RuntimeError(f"what somebody said: {said}")

    @kinds.job("REFUSED", queue="test", timeout=timedelta(minutes=1))
    def refused(run: JobRun) -> None:
        """Refuse."""
        seen.append(run.id)
        raise Invalid("Choose another video.")

    start(reported, "worker")
    with database.workspace(world.workspace) as session:
        faulty.start(session, said=CANARY)
        refused.start(session)
    with working(migrated, database, kinds):
        until(lambda: len(seen) == 2)
    event = only_event(reported)
    assert event["tags"].items() >= {"process": "worker", "job_kind": "FAULTY"}.items()
    assert event["tags"]["workspace_id"] == str(world.workspace)
    assert event["exception"]["values"][0]["type"] == "RuntimeError"
    assert "value" not in event["exception"]["values"][0]
    assert frames(event)[-1]["function"] == "faulty"


_FAILS = """
from cliply.cli import main

@main.app.command()
def fail(path: str):
    raise RuntimeError("cannot read " + path)

main.main()
"""


def test_a_fault_of_the_command_line_is_reported_without_what_it_was_called_with(
    reported: Sink, tmp_path: Path
) -> None:
    environment = {
        **os.environ, "CLIPLY_CACHE": str(tmp_path), "CLIPLY_SENTRY__DSN": reported.dsn,
        "CLIPLY_SENTRY__ENVIRONMENT": "test", "CLIPLY_REMOTE__KEY": CANARY,
    }  # fmt: skip
    command = [sys.executable, "-c", _FAILS, "fail", f"https://me:{CANARY}@example.com/a.mp4"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.count("RuntimeError") == 1, "the fault is told as ever, and once"
    assert "entry" not in done.stderr.replace("Traceback", "").lower()
    event = only_event(reported)
    assert event["tags"] == {"process": "cli"}
    assert event["exception"]["values"][-1]["value"] == "cannot read https://***@example.com/a.mp4"


def test_arguments_of_a_message_are_not_sent_alone(reported: Sink) -> None:
    start(reported, "worker")
    logging.getLogger("cliply.test").error("password=%s of %s", CANARY, "ada", extra={"token": CANARY})
    logging.getLogger("procrastinate.worker").error("job with %s", CANARY)
    event = only_event(reported)
    assert (event["logentry"], event["extra"]) == ({"message": "password=*** of ada"}, {"token": "***"})


def test_nothing_is_sent_unless_a_sentry_is_named(reported: Sink) -> None:
    error_reports.start(Settings(), process="api")
    error_reports.report(RuntimeError("fault"))
    logging.getLogger("cliply.test").error("fault")
    assert not sentry_sdk.is_initialized()
    assert reported.envelopes == []


@pytest.mark.parametrize("wrong", ["nonsense", "https://sentry.example.com/1", f"ftp://{CANARY}@example.com/1"])
def test_a_dsn_that_is_none_is_told_without_it(wrong: str) -> None:
    with pytest.raises(NotADsn) as told:
        error_reports.start(Settings(sentry=Sentry(dsn=SecretStr(wrong))), process="api")
    assert wrong not in str(told.value)
