"""Real worker processes, killed, frozen and cut off."""

import signal
import subprocess
from pathlib import Path

import pytest
from tests.infra.queue.fleet import QUICK, Fleet, until
from tests.infra.queue.looking import effects, history, one, put, state

from cliply.infra.db import Database
from cliply.infra.queue import control

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
