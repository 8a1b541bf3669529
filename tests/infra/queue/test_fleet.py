"""Real worker processes, killed, frozen and cut off."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from tests.infra.queue.fleet import QUICK, Fleet, make_effects, until
from tests.infra.queue.looking import effects, history, one, put, put_many, state

from cliply.infra import schema
from cliply.infra.db import Database
from cliply.infra.embedded import embedded_postgres
from cliply.infra.queue import control
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue

pytestmark = pytest.mark.slow


def test_runs_a_job_and_commits_its_effect_with_its_end(database: Database, fleet: Fleet) -> None:
    job = put(database, "EFFECT")
    fleet.start()
    until(lambda: state(database, job) == "succeeded")
    assert effects(database, job) == 1
    assert history(database, job) == ["queued", "running", "succeeded"]


def test_a_job_whose_worker_is_killed_runs_again_elsewhere_and_once(database: Database, fleet: Fleet) -> None:
    job = put(database, "LONG", seconds=1)
    fleet.start(2)
    until(lambda: effects(database, job, "started") == 1)
    holder = one(database, "select process from fleet.effects where job_id = :id", id=job)
    next(member for member in fleet.members if member.pid == holder).send_signal(signal.SIGKILL)
    until(lambda: state(database, job) == "succeeded")
    assert effects(database, job, "started") == 2
    assert effects(database, job) == 1
    assert history(database, job) == ["queued", "running", "queued", "running", "succeeded"]
    assert one(database, "select deaths from jobs where id = :id", id=job) == 1


def test_a_worker_frozen_past_its_lease_commits_nothing(database: Database, fleet: Fleet) -> None:
    job = put(database, "BLOCKING", seconds=0.5)
    (frozen,) = fleet.start()
    until(lambda: effects(database, job, "started") == 1)
    frozen.send_signal(signal.SIGSTOP)
    fleet.start()
    until(lambda: state(database, job) == "succeeded")
    frozen.send_signal(signal.SIGCONT)
    # It works on, as a worker that has registered again: the next job shows that it has had its chance to write.
    later = [put(database, "LONG", seconds=0.3) for _ in range(8)]
    until(lambda: all(state(database, each) == "succeeded" for each in later))
    assert effects(database, job) == 1
    assert history(database, job) == ["queued", "running", "queued", "running", "succeeded"]
    assert frozen.poll() is None


def test_a_job_that_kills_its_worker_is_parked_after_three(database: Database, fleet: Fleet) -> None:
    job = put(database, "POISON")
    fleet.start()

    def parked() -> bool:
        fleet.replace_the_dead()
        return state(database, job) == "failed"

    until(parked)
    assert effects(database, job, "started") == 3
    assert "3 times" in one(database, "select error from jobs where id = :id", id=job)
    assert one(database, "select error_code from jobs where id = :id", id=job) == "worker_lost"


def test_a_job_that_a_worker_does_not_know_waits_for_one_that_does(database: Database, fleet: Fleet) -> None:
    job = put(database, "OF_A_LATER_VERSION")
    fleet.start()
    until(lambda: history(database, job) == ["queued", "running", "queued"])
    waits = "select scheduled_at - now() between interval '30 seconds' and interval '1 minute' from jobs where id = :id"
    assert one(database, waits, id=job)
    assert one(database, "select failures + deaths from jobs where id = :id", id=job) == 0
    assert one(database, "select error from jobs where id = :id", id=job) is None


def test_a_job_that_no_worker_ever_knows_fails_with_what_to_do(database: Database, fleet: Fleet) -> None:
    job = put(database, "OF_NO_VERSION")
    with database.system() as session:
        session.execute(
            text(
                "insert into job_events (job_id, became, attempt)"
                " select :job, 'queued', 1 from generate_series(1, 1000)"
            ),
            {"job": job},
        )
    fleet.start()
    until(lambda: state(database, job) == "failed")
    assert "workers of one version" in one(database, "select error from jobs where id = :id", id=job)


def test_a_handler_that_blocks_longer_than_the_lease_runs_once(database: Database, fleet: Fleet) -> None:
    job = put(database, "BLOCKING", seconds=QUICK.lease * 2)
    fleet.start(2)
    until(lambda: state(database, job) == "succeeded")
    assert effects(database, job, "started") == 1


def test_handlers_that_fill_every_thread_do_not_starve_the_heartbeat(database: Database, fleet: Fleet) -> None:
    jobs = [put(database, "BLOCKING", seconds=QUICK.lease * 1.5) for _ in range(12)]
    fleet.start(concurrency=12)
    until(lambda: all(state(database, job) == "succeeded" for job in jobs))
    assert sum(effects(database, job, "started") for job in jobs) == len(jobs)


def test_a_failing_job_is_tried_as_often_as_its_kind_says_and_kept(database: Database, fleet: Fleet) -> None:
    job = put(database, "FAILING")
    fleet.start()
    until(lambda: state(database, job) == "failed")
    assert effects(database, job, "started") == 3
    assert one(database, "select error from jobs where id = :id", id=job) == "no luck"


def test_sigterm_lets_a_running_job_finish(database: Database, fleet: Fleet) -> None:
    job = put(database, "LONG", seconds=0.5)
    (worker,) = fleet.start()
    until(lambda: effects(database, job, "started") == 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    assert state(database, job) == "succeeded"


@pytest.mark.parametrize("kind", ["LONG", "STUBBORN"])
def test_sigterm_gives_back_what_does_not_finish_in_time(database: Database, fleet: Fleet, kind: str) -> None:
    job = put(database, kind, seconds=60)
    (worker,) = fleet.start()
    until(lambda: effects(database, job, "started") == 1)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=10) == 0
    assert state(database, job) == "queued"
    assert one(database, "select failures + deaths from jobs where id = :id", id=job) == 0


def test_cancelling_ends_the_ffmpeg_of_a_running_job(database: Database, fleet: Fleet) -> None:
    job = put(database, "FFMPEG")
    (worker,) = fleet.start()
    until(lambda: ffmpegs_of(worker))
    with database.system() as session:
        control.cancel(session, job, actor="tester")
    until(lambda: state(database, job) == "cancelled", within=5)
    assert not ffmpegs_of(worker)
    assert history(database, job) == ["queued", "running", "stopping", "cancelled"]


def test_killing_a_worker_ends_its_ffmpeg(database: Database, fleet: Fleet) -> None:
    put(database, "FFMPEG")
    (worker,) = fleet.start()
    until(lambda: ffmpegs_of(worker))
    children = ffmpegs_of(worker)
    worker.kill()
    until(lambda: not any(is_alive(child) for child in children), within=5)


def test_unlock_takes_a_job_from_its_worker_for_good(database: Database, fleet: Fleet) -> None:
    job = put(database, "BLOCKING", seconds=1)
    fleet.start()
    until(lambda: effects(database, job, "started") == 1)
    with database.system() as session:
        assert control.unlock(session, job, actor="tester")
    until(lambda: state(database, job) == "succeeded")
    assert effects(database, job, "started") == 2
    assert effects(database, job) == 1


def test_a_recurring_kind_fires_once_for_each_tick_however_many_workers_there_are(
    database: Database, fleet: Fleet
) -> None:
    fleet.start(3)
    ticks = "select count(*) from jobs where kind = 'TICK' and state = 'succeeded'"
    until(lambda: one(database, ticks) >= 3)
    doubles = "select count(*) - count(distinct args->>'timestamp') from procrastinate_jobs where task_name = 'TICK'"
    assert one(database, doubles) == 0


def ffmpegs_of(worker: "subprocess.Popen[bytes]") -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "ffmpeg" in fields["Name"] and int(fields["PPid"]) == worker.pid and not fields["State"].startswith("Z"):
            found.append(int(status.parent.name))
    return found


def is_alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_new_job_starts_without_waiting_for_a_poll(database: Database, fleet: Fleet) -> None:
    fleet.start(pace=replace(QUICK, poll=60))
    first = put(database, "LONG", seconds=0)
    until(lambda: state(database, first) == "succeeded")
    second = put(database, "LONG", seconds=0)
    until(lambda: state(database, second) == "succeeded", within=5)


def test_a_job_for_later_starts_then(database: Database, fleet: Fleet) -> None:
    due = datetime.now(UTC) + timedelta(seconds=1.5)
    with database.system() as session:
        job = enqueue(session, NewJob(kind="EFFECT", queue="work"), at=due)
    fleet.start()
    until(lambda: state(database, job) == "succeeded")
    assert one(database, "select started_at from jobs where id = :id", id=job) >= due


def test_a_limited_workspace_starts_its_next_job_when_one_ends(
    database: Database, fleet: Fleet, workspaces: list[UUID]
) -> None:
    fleet.start(cap=1, pace=replace(QUICK, poll=60))
    ids = put_many(database, [NewJob(kind="EFFECT", queue="work", workspace_id=workspaces[0])] * 20)
    until(lambda: all(state(database, job) == "succeeded" for job in ids), within=10)


@pytest.fixture
def restartable() -> Iterator[tuple[Database, Fleet, Path]]:
    """A server of the test's own, so that nobody else sees it fall."""
    folder = Path(tempfile.mkdtemp(prefix="cliply-"))
    folder.chmod(0o755)
    with embedded_postgres(folder / "pg") as url:
        schema.upgrade(url)
        make_effects(url)
        database, fleet = Database(url), Fleet(url)
        yield database, fleet, folder / "pg" / "server" / "data" / "postmaster.pid"
        fleet.end()
        database.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_outlive_a_restart_of_the_database(
    restartable: tuple[Database, Fleet, Path], how: signal.Signals
) -> None:
    database, fleet, pid_file = restartable
    long = put(database, "BLOCKING", seconds=6)
    (worker,) = fleet.start(pace=replace(QUICK, lease=4))
    until(lambda: effects(database, long, "started") == 1)
    postmaster = int(pid_file.read_text().splitlines()[0])
    os.kill(postmaster, how)
    until(lambda: answers(database) and int(pid_file.read_text().splitlines()[0]) != postmaster)
    after = put(database, "EFFECT")
    until(lambda: state(database, after) == "succeeded")
    until(lambda: state(database, long) == "succeeded")
    assert worker.poll() is None
    assert effects(database, long, "started") == 1


def answers(database: Database) -> bool:
    try:
        return bool(one(database, "select true"))
    except OperationalError:
        return False
