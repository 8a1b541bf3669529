import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.database import as_owner, fresh_database
from typer.testing import CliRunner, Result

from cliply.cli import console
from cliply.cli.doctor import _service
from cliply.cli.main import app
from cliply.infra import schema
from cliply.infra.settings import Settings


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    console.settings.cache_clear()
    monkeypatch.setenv("CLIPLY_DATA", str(tmp_path / "data"))
    yield monkeypatch
    console.settings.cache_clear()


@pytest.fixture
def named(server: str, environment: pytest.MonkeyPatch) -> Iterator[str]:
    with fresh_database(server, "readyz") as url:
        environment.setenv("CLIPLY_DATABASE__URL", url)
        yield url


def readyz(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["readyz", *arguments])


def test_a_service_in_order_is_ready(named: str) -> None:
    schema.upgrade(named)
    shown = readyz("--json")
    assert shown.exit_code == 0
    told = json.loads(shown.output)
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


def test_what_is_not_ready_is_named_and_the_exit_code_says_so(named: str) -> None:
    shown = readyz()
    assert shown.exit_code == 8
    assert "NOT READY  schema" in shown.output
    assert "cliply db upgrade" in shown.output
    assert "ok         database" in shown.output


def test_a_database_that_does_not_answer_is_named_without_its_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CLIPLY_DATABASE__URL", "postgresql://me:hunter2-hunter2@127.0.0.1:1/nothing")
    shown = readyz("--json")
    assert shown.exit_code == 8
    assert "hunter2" not in shown.output


def test_before_the_service_was_ever_started_nothing_is_made(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = readyz()
    assert shown.exit_code == 8
    assert "cliply up" in shown.output
    assert not (tmp_path / "data").exists()


def test_doctor_says_the_same_of_the_queue_and_tells_what_is_open(named: str, tmp_path: Path) -> None:
    schema.upgrade(named)
    with as_owner(named) as owner:
        owner.execute(text("CREATE TABLE bare (workspace_id uuid)"))
    said = {check.name: check for check in _service(Settings(data=tmp_path))}
    assert (said["service: queue"].state, said["service: disk"].state) == ("ok", "ok")
    assert said["service: workspaces"].state == "missing"
    assert "table bare" in said["service: workspaces"].used
    assert said["service: mail"].state == "optional"
