import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from tests.database import as_owner, fresh_database

from cliply.errors import Unavailable
from cliply.infra import health, schema
from cliply.infra.db import Database
from cliply.infra.health import Check, Readiness, readiness
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue
from cliply.infra.self_audit import Finding, findings
from cliply.infra.settings import Database as DatabaseSettings
from cliply.infra.settings import Mail, Server, Settings, Storage


def of(checks: tuple[Check, ...]) -> dict[str, bool]:
    return {check.name: check.ok for check in checks}


def told(checks: tuple[Check, ...], name: str) -> str:
    return next(check.found for check in checks if check.name == name)


def test_an_installation_in_order_is_ready(database: Database, tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    checks = readiness(database, Settings(data=tmp_path)).checks()
    assert of(checks) == {
        "database": True, "schema": True, "secrets": True, "storage": True, "queue": True, "disk": True,
    }  # fmt: skip
    assert told(checks, "database").startswith("PostgreSQL 1")
    assert told(checks, "queue") == "0 waiting, 0 running, 0 workers"


def test_a_database_that_is_away_is_named_and_the_rest_still_told(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    secret = "postgresql://me:hunter2-hunter2@127.0.0.1:1/nothing"
    checks = readiness(Database(secret), Settings(data=tmp_path)).checks()
    assert of(checks) == {
        "database": False, "schema": False, "secrets": False, "storage": True, "queue": False, "disk": True,
    }  # fmt: skip
    assert "hunter2" not in repr(checks)


def test_a_database_without_tables_answers_and_what_to_do_is_told(server: str, tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    with fresh_database(server, "bare") as url:
        bare = Database(url)
        checks = readiness(bare, Settings(data=tmp_path)).checks()
        bare.close()
    assert of(checks) == {
        "database": True, "schema": False, "secrets": False, "storage": True, "queue": False, "disk": True,
    }  # fmt: skip
    for name in ("schema", "secrets", "queue"):
        assert "cliply db upgrade" in told(checks, name)


@pytest.mark.slow
def test_a_database_that_takes_the_call_and_says_nothing_is_named_in_time(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        frozen = Database(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/frozen")
        asked = readiness(frozen, Settings(data=tmp_path))
        began = time.monotonic()
        checks = asked.checks()
        assert time.monotonic() - began < 5
    assert (of(checks)["database"], of(checks)["disk"]) == (False, True)
    assert told(checks, "database") == "No answer within 4 s."


def test_tables_of_another_version_are_named(server: str, tmp_path: Path) -> None:
    with fresh_database(server, "behind") as url:
        schema.upgrade(url, "0004")
        behind = Database(url)
        checks = readiness(behind, Settings(data=tmp_path)).checks()
        behind.close()
    assert (of(checks)["database"], of(checks)["schema"]) == (True, False)
    assert "cliply db upgrade" in told(checks, "schema")


def test_a_storage_that_cannot_be_written_is_named(database: Database, tmp_path: Path) -> None:
    gone = Settings(
        data=tmp_path,
        storage=Storage(bucket="b", endpoint="http://127.0.0.1:1", key=SecretStr("key"), secret=SecretStr("hunter2-2")),
    )
    began = time.monotonic()
    checks = readiness(database, gone).checks()
    assert time.monotonic() - began < 5
    assert of(checks)["storage"] is False
    assert of(checks)["database"] is True
    assert "hunter2" not in repr(checks)


def waiting(database: Database, seconds: int) -> None:
    with database.system() as session:
        job = enqueue(session, NewJob(kind="ANY", queue="media"))
        session.execute(
            text("update procrastinate_jobs set created_at = now() - make_interval(secs => :s) where id = :id"),
            {"s": seconds, "id": job},
        )


def test_a_queue_that_stands_still_is_named_and_a_short_wait_is_not(database: Database, tmp_path: Path) -> None:
    waiting(database, 30)
    assert of(readiness(database, Settings(data=tmp_path)).checks())["queue"] is True
    waiting(database, 600)
    checks = readiness(database, Settings(data=tmp_path)).checks()
    assert of(checks)["queue"] is False
    assert told(checks, "queue") == (
        "Jobs in the queue media have waited for 10 min and none runs. Start a worker: cliply worker"
    )


def test_a_long_queue_that_moves_is_no_fault(database: Database, tmp_path: Path) -> None:
    waiting(database, 600)
    waiting(database, 600)
    with database.system() as session:
        session.execute(
            text("update procrastinate_jobs set status = 'doing' where id = (select min(id) from procrastinate_jobs)")
        )
    assert of(readiness(database, Settings(data=tmp_path)).checks())["queue"] is True


def test_a_disk_that_is_nearly_full_is_named(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LEAST_DISK", 10**18)
    checks = readiness(database, Settings(data=tmp_path, cache=tmp_path)).checks()
    assert of(checks)["disk"] is False
    assert str(tmp_path) in told(checks, "disk")


@contextmanager
def hanging() -> Iterator[tuple[Readiness, list[int]]]:
    release, begun = threading.Event(), list[int]()

    def hang() -> str:
        begun.append(1)
        release.wait(30)
        return "at last"

    yield Readiness({"stuck": hang, "quick": lambda: "there"}, within=0.05, kept=0), begun
    release.set()


def test_a_check_that_hangs_holds_nobody_up_and_is_not_begun_again() -> None:
    with hanging() as (ready, begun):
        for _ in range(3):
            assert of(ready.checks()) == {"stuck": False, "quick": True}
        assert begun == [1]


def test_an_answer_is_kept_for_a_moment() -> None:
    asked = list[int]()

    def counted() -> str:
        asked.append(1)
        return "there"

    ready = Readiness({"counted": counted}, kept=60)
    askers = [threading.Thread(target=ready.checks) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert asked == [1]


def test_a_check_that_breaks_says_so_without_what_it_said() -> None:
    def refused() -> str:
        raise Unavailable("It is away. Start it.")

    def broken() -> str:
        raise RuntimeError("password=hunter2-hunter2")

    checks = Readiness({"refused": refused, "broken": broken}).checks()
    assert [check.found for check in checks] == ["It is away. Start it.", "The check itself failed (RuntimeError)."]


def found_in(database: Database, settings: Settings) -> list[Finding]:
    with database.system() as session:
        return findings(session, settings)


WELL = Settings(mail=Mail(host="smtp.example.com"), server=Server(url="https://clips.example.com"))


def test_an_installation_in_order_has_no_findings(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIPLY_UNKNOWN", raising=False)
    assert found_in(database, WELL) == []


def test_a_table_that_is_open_between_workspaces_is_reported(server: str) -> None:
    with fresh_database(server, "holes") as url:
        schema.upgrade(url)
        with as_owner(url) as owner:
            for statement in (
                "CREATE TABLE bare (workspace_id uuid)",
                "CREATE TABLE unforced (workspace_id uuid)",
                "ALTER TABLE unforced ENABLE ROW LEVEL SECURITY",
                "CREATE TABLE half (workspace_id uuid)",
                "ALTER TABLE half ENABLE ROW LEVEL SECURITY",
                "ALTER TABLE half FORCE ROW LEVEL SECURITY",
                "CREATE POLICY everybody ON half TO cliply_app USING (true)",
                "CREATE VIEW seen AS SELECT * FROM bare",
                "ALTER TABLE audit_entries DISABLE TRIGGER append_only",
            ):
                owner.execute(text(statement))
        database = Database(url)
        found = found_in(database, WELL)
        database.close()
    assert {each.severity for each in found} == {"error"}
    told = " ".join(each.told for each in found)
    for name in ("table bare", "table unforced", "table half", "view seen", "audit log"):
        assert name in told
    assert len(found) == 5


def test_settings_that_do_harm_are_reported_worst_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPLY_MAIL__PASWORD", "hunter2-hunter2")
    harmful = Settings(
        mail=Mail(host="smtp.example.com", encryption="none"),
        server=Server(url="http://clips.example.com"),
        storage=Storage(bucket="b", endpoint="http://s3.example.com"),
        database=DatabaseSettings(url=SecretStr("postgresql://me:hunter2-hunter2@db.example.com/clips")),
    )
    found = found_in(database, harmful)
    assert [(each.about, each.severity) for each in found] == [
        ("mail", "error"), ("secrets", "error"), ("address", "error"), ("settings", "warning"), ("storage", "warning"),
    ]  # fmt: skip
    assert "hunter2" not in repr(found)


def test_jobs_that_failed_for_good_are_counted(database: Database) -> None:
    waiting(database, 1)
    with database.system() as session:
        session.execute(text("update procrastinate_jobs set status = 'failed'"))
    assert [each.told.split(".")[0] for each in found_in(database, WELL)] == ["1 jobs have failed for good"]
