"""One job that fans out to five, and one after them, by workers that die at random between any two statements."""

import threading
import time
from dataclasses import replace

import pytest
from tests.infra.queue.fleet import QUICK, Fleet
from tests.infra.queue.looking import one, put_many

from cliply.infra.db import Database
from cliply.infra.queue.rows import NewJob

# Here it is not the job that is to blame for its workers.
LASTING = replace(QUICK, deaths=1000)


def run(database: Database, fleet: Fleet, pipelines: int, *, kill: float, within: float) -> int:
    """Returns how many workers died."""
    put_many(database, [NewJob(kind="PLAN", queue="work", arguments={"number": n}) for n in range(pipelines)])
    fleet.start(3, kill=kill, pace=LASTING)
    deaths, deadline = 0, time.monotonic() + within
    while one(database, "select count(*) from jobs where kind <> 'TICK' and state in ('queued', 'running')"):
        deaths += fleet.replace_the_dead(kill=kill, pace=LASTING)
        assert time.monotonic() < deadline, "it did not end in time"
        threading.Event().wait(0.05)
    return deaths


def assert_exactly_once(database: Database, pipelines: int) -> None:
    for what, expected in (("plan", 1), ("render", 5), ("join", 1)):
        done = "select count(*) from fleet.effects where what like :what"
        assert one(database, done, what=f"{what} %") == pipelines * expected
        distinct = "select count(distinct what) from fleet.effects where what like :what"
        assert one(database, distinct, what=f"{what} %") == pipelines * expected
    assert one(database, "select count(*) from stages where pending <> 0 or failed <> 0") == 0


@pytest.mark.slow
def test_pipelines_run_exactly_once_though_workers_die(database: Database, fleet: Fleet) -> None:
    deaths = run(database, fleet, 20, kill=0.02, within=120)
    assert deaths > 0
    assert_exactly_once(database, 20)


@pytest.mark.soak
def test_many_pipelines_run_exactly_once_though_workers_die_often(database: Database, fleet: Fleet) -> None:
    deaths = run(database, fleet, 200, kill=0.02, within=1200)
    assert deaths > 20
    assert_exactly_once(database, 200)
