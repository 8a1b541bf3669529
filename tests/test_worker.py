import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.infra.queue.fleet import until
from tests.infra.queue.looking import one

from cliply.features.jobs.maintenance import clean_job_history
from cliply.infra.db import Database
from cliply.infra.queue import control
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue
from cliply.worker import CLOCKED_AT_ONCE, ERRANDS_AT_ONCE, Lane, lanes, queues

CLIPLY = Path(sys.executable).with_name("cliply")


@contextmanager
def running(url: str, *arguments: str, log: int | None = subprocess.PIPE) -> Iterator["subprocess.Popen[str]"]:
    """A worker; give `log` None for one that says more than a pipe holds, which nobody empties."""
    environment = {**os.environ, "CLIPLY_DATABASE__URL": url}
    worker = subprocess.Popen(
        [CLIPLY, "worker", *arguments], env=environment, stderr=log, text=True, stdout=subprocess.PIPE
    )
    try:
        yield worker
    finally:
        worker.kill()
        worker.communicate()


@pytest.mark.slow
def test_a_worker_has_the_queue_follow_the_plans_when_it_starts(database: Database, migrated: str) -> None:
    with database.system() as session:
        made = text("insert into workspaces (slug, name, plan) values ('engines', 'Engines', 'basic')")
        session.execute(made)
    with running(migrated, "--queues", "maintenance"):
        until(lambda: one(database, "select max(max_running) from workspace_limits") == 2)


def test_what_renders_and_what_is_due_at_a_time_have_places_of_their_own() -> None:
    assert lanes(queues(), 2) == [
        Lane(["media"], 2),
        Lane(["billing", "mail", "maintenance", "publish"], ERRANDS_AT_ONCE),
        Lane(["schedules"], CLOCKED_AT_ONCE),
    ]
    assert lanes(["media"], 3) == [Lane(["media"], 3)]
    assert lanes(["mail", "publish"], 3) == [Lane(["mail", "publish"], 3)]
    assert lanes(["publish", "schedules"], 3) == [Lane(["publish"], 3), Lane(["schedules"], CLOCKED_AT_ONCE)]


@pytest.mark.slow
def test_cliply_worker_runs_its_jobs_and_leaves_well_when_asked(database: Database, migrated: str) -> None:
    with database.system() as session:
        old = enqueue(session, NewJob(kind="ANYTHING", queue="gone"))
        new = enqueue(session, NewJob(kind="ANYTHING", queue="gone"))
        for job in (old, new):
            control.cancel(session, job, actor="tester")
        session.execute(
            text("update procrastinate_jobs set finished_at = now() - interval '31 days' where id = :id"), {"id": old}
        )
        clean_job_history.start(session)
    with running(migrated, "--queues", "maintenance", "--concurrency", "2") as worker:
        until(lambda: one(database, "select count(*) from jobs where id = :id", id=old) == 0)
        assert one(database, "select count(*) from jobs where id = :id", id=new) == 1
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0
        assert worker.stderr is not None
        lines = [json.loads(line) for line in worker.stderr]
    told = {(line["event"], line["job_kind"], line.get("outcome")) for line in lines}
    assert told >= {
        ("worker_started", None, None),
        ("job_started", "JOB_HISTORY_CLEAN", None),
        ("job_ended", "JOB_HISTORY_CLEAN", "succeeded"),
        ("worker_stopped", None, None),
    }


def test_a_queue_that_does_not_exist_is_refused_with_those_that_do(migrated: str) -> None:
    with running(migrated, "--queues", "maintenance,medai") as worker:
        _out, said = worker.communicate(timeout=20)
    assert worker.returncode != 0
    assert "There is no queue medai. There are: billing, mail, maintenance, media, publish, schedules." in said
