"""The scheduler where its clock jumps: each fires once."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from tests.features.jobs.working import runtime_in
from tests.features.workspaces.conftest import Office

from cliply.features.publishing import scanning
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import Channel, ChannelState, Publication
from cliply.features.publishing.publications import set_time
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime


@pytest.fixture
def runtime(office: Office, tmp_path: Path) -> Runtime:
    return runtime_in(tmp_path, office.database)


def plans(office: Office, times: Iterable[LocalTime]) -> list[UUID]:
    with office.database.workspace(office.id) as session:
        channel = Channel(network=Network.YOUTUBE, external_id="UC", name="Bees", state=ChannelState.DISCONNECTED)
        session.add(channel)
        session.flush()
        made = [Publication(channel_id=channel.id, network=Network.YOUTUBE, post={"title": "Bees"}) for _ in times]
        for publication, at in zip(made, times, strict=True):
            set_time(publication, at)
        session.add_all(made)
        session.flush()
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


@pytest.mark.slow
def test_a_clock_that_jumps_ahead_and_back_fires_each_once(office: Office, runtime: Runtime) -> None:
    now = datetime.now(UTC)
    made = plans(office, [LocalTime.of(now + timedelta(minutes=each), "Europe/Berlin") for each in range(1, 101)])
    fired = [scanning.scan(runtime, now=now + timedelta(hours=each)).fired for each in (0, 2, 0, -2, 2)]
    assert fired == [0, 100, 0, 0, 0]
    assert lateness(office, made)[-1] < timedelta(hours=2)
