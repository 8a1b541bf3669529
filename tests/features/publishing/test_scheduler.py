"""The scheduler over changes of clocks, with jumps of its own, beside another one, and as a worker: once, on time."""

import random
import re
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text
from starlette.testclient import TestClient
from tests.api.apps import app_of
from tests.features.jobs.working import runtime_in
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until
from tests.test_worker import running

from cliply.features.publishing import pulse, scanning
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import Channel, ChannelState, Publication
from cliply.features.publishing.publications import set_time
from cliply.features.publishing.steps import plan
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime

CHANGES = {
    "Europe/Berlin": ("2027-03-28", "2027-10-31"),
    "America/New_York": ("2027-03-14", "2027-11-07"),
    "Australia/Lord_Howe": ("2027-10-03", "2027-04-04"),
}
"""The days on which clocks go forward, and back."""
STEP = timedelta(minutes=10)


@pytest.fixture
def runtime(office: Office, tmp_path: Path) -> Runtime:
    return runtime_in(tmp_path, office.database)


def over_changes(draw: random.Random, wanted: int) -> list[LocalTime]:
    """Times of the days on which clocks are changed, most of them around the change."""
    made = []
    for number in range(wanted):
        zone = list(CHANGES)[number % len(CHANGES)]
        day = datetime.fromisoformat(CHANGES[zone][number // len(CHANGES) % 2])
        minutes = draw.randrange(60, 240) if draw.random() < 0.7 else draw.randrange(24 * 60)
        made.append(LocalTime(day + timedelta(minutes=minutes), zone, draw.random() < 0.5))
    return made


def plans(office: Office, times: Iterable[LocalTime], *, reminded: bool = False) -> list[UUID]:
    with office.database.workspace(office.id) as session:
        channel = Channel(network=Network.YOUTUBE, external_id="UC", name="Bees", state=ChannelState.DISCONNECTED)
        session.add(channel)
        session.flush()
        made = [Publication(channel_id=channel.id, network=Network.YOUTUBE, post={"title": "Bees"}) for _ in times]
        for publication, at in zip(made, times, strict=True):
            set_time(publication, at)
        session.add_all(made)
        session.flush()
        if reminded:
            for publication in made:
                plan(session, publication)
        return [each.id for each in made]


def lateness(office: Office, which: Sequence[UUID]) -> list[timedelta]:
    """Of each; every one has fired, and has one job to be sent by."""
    with office.database.system() as session:
        query = text("select fired_at - run_at from publications where id = any(:ids) and schedule = 'fired'")
        found = list(session.execute(query, {"ids": list(which)}).scalars())
        jobs = text(
            "select count(*), count(distinct subject) from procrastinate_jobs where task_name = 'PUBLISH_YOUTUBE'"
        )
        assert tuple(session.execute(jobs).one()) == (len(which), len(which))
    assert len(found) == len(which)
    return sorted(found)


def fire_all(runtime: Runtime, times: Sequence[LocalTime], schedulers: int = 1) -> int:
    """Let the clock run over all of them, with jumps of two hours both ways; how many fired."""
    draw, fired, lock = random.Random(5), 0, threading.Lock()

    def scan(now: datetime) -> None:
        nonlocal fired
        more = scanning.scan(runtime, now=now).fired
        with lock:
            fired += more

    with ThreadPoolExecutor(schedulers) as pool:
        for day in sorted({each.at.date() for each in times}):
            now = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=13)
            end = now + timedelta(hours=46)
            while now < end:
                list(pool.map(scan, [now] * schedulers))
                now += STEP
                if draw.random() < 0.02:
                    list(pool.map(scan, [now - timedelta(hours=2)] * schedulers))
    return fired


@pytest.mark.slow
@pytest.mark.parametrize("schedulers", [1, 2])
def test_each_of_a_hundred_fires_once_over_changes_of_clocks(office: Office, runtime: Runtime, schedulers: int) -> None:
    times = over_changes(random.Random(7), 100)
    made = plans(office, times)
    assert fire_all(runtime, times, schedulers) == 100
    late = lateness(office, made)
    assert timedelta() <= late[0], "none is early"
    assert late[-1] <= STEP


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_each_of_a_thousand_fires_once_over_changes_of_clocks(office: Office, runtime: Runtime) -> None:
    times = over_changes(random.Random(8), 1000)
    made = plans(office, times)
    assert fire_all(runtime, times, schedulers=2) == 1000
    late = lateness(office, made)
    assert timedelta() <= late[0] <= late[-1] <= STEP


@pytest.mark.slow
def test_a_clock_that_jumps_ahead_and_back_fires_each_once(office: Office, runtime: Runtime) -> None:
    now = datetime.now(UTC)
    made = plans(office, [LocalTime.of(now + timedelta(minutes=each), "Europe/Berlin") for each in range(1, 101)])
    fired = [scanning.scan(runtime, now=now + timedelta(hours=each)).fired for each in (0, 2, 0, -2, 2)]
    assert fired == [0, 100, 0, 0, 0]
    assert lateness(office, made)[-1] < timedelta(hours=2)


def on_time(office: Office, url: str, wanted: int, over: timedelta) -> timedelta:
    """Lateness of which 95 in 100 are under, with two real workers."""
    with running(url, "--queues", "schedules", log=None), running(url, "--queues", "schedules", log=None):
        until(lambda: count(office, "select count(*) from procrastinate_workers") == 2, within=60)
        begins = datetime.now(UTC) + timedelta(seconds=3)
        times = [LocalTime.of(begins + over * number / wanted, "Europe/Berlin") for number in range(wanted)]
        made = plans(office, times, reminded=True)
        planned = "select count(*) from publications where schedule = 'planned'"
        until(lambda: count(office, planned) == 0, within=60 + over.total_seconds())
    late = lateness(office, made)
    assert late[0] >= timedelta()
    return late[int(len(late) * 0.95)]


def count(office: Office, query: str) -> int:
    with office.database.system() as session:
        return int(session.execute(text(query)).scalar_one())


@pytest.mark.slow
def test_a_hundred_fire_within_seconds_of_their_time(office: Office, migrated: str) -> None:
    assert on_time(office, migrated, 100, timedelta(seconds=20)) <= timedelta(seconds=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_fire_within_seconds_of_their_time(office: Office, migrated: str) -> None:
    assert on_time(office, migrated, 1000, timedelta(minutes=5)) <= timedelta(seconds=5)


def ago(minutes: float) -> LocalTime:
    return LocalTime.of(datetime.now(UTC) - timedelta(minutes=minutes), "Europe/Berlin")


def readyz(runtime: Runtime) -> tuple[int, str]:
    """Of a process that has not been asked before: an answer is good for two seconds."""
    told = TestClient(app_of(runtime)).get("/api/readyz")
    return told.status_code, told.text


def test_a_service_whose_scheduler_stands_still_is_not_ready_until_one_looks_again(
    office: Office, runtime: Runtime
) -> None:
    plans(office, [ago(1)])
    assert readyz(runtime)[0] == 200, "a scan comes each minute, and may come late"
    plans_more(office, ago(3))
    status, told = readyz(runtime)
    assert (status, "Not ready: scheduler." in told) == (503, True), told
    with pytest.raises(pulse.SchedulerStandsStill, match=r"due for 3 min.*Start a worker.*cliply worker"):
        pulse.check(runtime.database)
    with office.database.system() as session:
        overdue = next(each for each in pulse.figures(session) if each.name == "cliply_schedules_overdue_seconds")
    assert 170 < overdue.samples[0].value < 300, "an alarm can be set on it"
    scanning.scan(runtime)
    assert readyz(runtime)[0] == 200
    assert re.fullmatch(r"0 planned, last scan \d+ s ago", pulse.check(runtime.database))


@pytest.mark.parametrize("become", ["schedule = 'paused'", "schedule = 'missed'", "state = 'cancelled'"])
def test_what_no_scheduler_is_to_fire_keeps_no_service_from_being_ready(
    office: Office, runtime: Runtime, become: str
) -> None:
    plans(office, [ago(600)])
    with office.database.system() as session:
        session.execute(text(f"update publications set {become}"))
    assert readyz(runtime)[0] == 200


def plans_more(office: Office, at: LocalTime) -> None:
    with office.database.workspace(office.id) as session:
        channel = session.scalars(select(Channel)).one()
        more = Publication(channel_id=channel.id, network=Network.YOUTUBE, post={"title": "Wasps"})
        set_time(more, at)
        session.add(more)
