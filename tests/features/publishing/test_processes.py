"""Real workers that are killed at random while they publish: on the networks' ledgers each clip is there once."""

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Executable, text
from tests.features.publishing.hours import pass_by, watch
from tests.features.publishing.stage import Stage
from tests.features.publishing.stage import stage as staged
from tests.features.workspaces.conftest import Office

from cliply.features.publishing.tasks import QUEUE
from cliply.integrations.publisher import Network

HERE = Path(__file__).parents[3]
_DONE = text("select count(*) from publications where state = 'published'")
_ENDED = text("select count(*) from publications where state in ('published', 'rejected', 'cancelled')")


@pytest.fixture
def prompt(office: Office, tmp_path: Path, media: Path) -> Iterator[Stage]:
    """Networks that are done with a video as soon as they have it."""
    with staged(office, tmp_path, media, parts=True, generous=True, at_once=True) as made:
        yield made


def environment(stage: Stage, url: str) -> dict[str, str]:
    now = stage.runtime.settings
    assert now.google.client_secret is not None
    secret = now.google.client_secret.get_secret_value()
    told = {
        "DATABASE__URL": url, "DATA": now.data, "CACHE": now.cache, "LOG_LEVEL": "error",
        "GOOGLE__CLIENT_ID": now.google.client_id, "GOOGLE__CLIENT_SECRET": secret, "GOOGLE__URL": now.google.url,
        "GOOGLE__UPLOADS_A_DAY": now.google.uploads_a_day, "GOOGLE__UNITS_A_DAY": now.google.units_a_day,
        "TIKTOK__CLIENT_KEY": now.tiktok.client_key, "TIKTOK__CLIENT_SECRET": secret, "TIKTOK__URL": now.tiktok.url,
    }  # fmt: skip
    return {**os.environ, **{f"CLIPLY_{name}": str(value) for name, value in told.items()}}


def count(stage: Stage, query: Executable) -> int:
    with stage.office.database.system() as session:
        return int(session.execute(query).scalar_one())


def hurry(stage: Stage) -> None:
    """What waits for a time is due now."""
    with stage.office.database.system() as session:
        session.execute(text("update procrastinate_jobs set scheduled_at = null where status = 'todo'"))


def published_though_killed(stage: Stage, url: str, wanted: int, *, draw: random.Random, within: float) -> int:
    """How many workers were killed."""
    for network in Network:
        stage.connect(network)
    made = [stage.publish(list(Network)[number % 2]).id for number in range(wanted)]
    killed, until = 0, time.monotonic() + within
    command = [sys.executable, "-m", "tests.features.publishing.child"]
    while count(stage, _ENDED) < wanted:
        assert time.monotonic() < until, states(stage, made)
        with subprocess.Popen(command, env=environment(stage, url), cwd=HERE) as worker:
            try:
                before, dies = count(stage, _DONE), draw.uniform(0.2, 6.0)
                # Its life begins with what it does first: starting takes as long as the machine is busy.
                begun = time.monotonic()
                while not running(stage) and count(stage, _DONE) == before and time.monotonic() < begun + 60:
                    threading.Event().wait(0.05)
                    hurry(stage)
                threading.Event().wait(dies)
            finally:
                worker.kill()
                killed += 1
        hurry(stage)
        if killed % 5 == 0:
            pass_by(stage, timedelta(minutes=6))
            watch(stage)
    settled(stage, made)
    return killed


def running(stage: Stage) -> bool:
    with stage.office.database.system() as session:
        query = text(
            "select 1 from procrastinate_jobs j join procrastinate_workers w on w.id = j.worker_id"
            " where j.status = 'doing' and j.queue_name = :queue and w.last_heartbeat > now() - interval '1 second'"
        )
        return session.execute(query, {"queue": QUEUE}).first() is not None


def states(stage: Stage, made: list[UUID]) -> Counter[str]:
    return Counter(stage.publication(each).state.value for each in made)


def settled(stage: Stage, made: list[UUID]) -> None:
    assert states(stage, made) == {"published": len(made)}
    posts = stage.posts()
    assert len(posts) == len(made)
    assert {post.details["sha256"] for post in posts} == {stage.digest}
    there = {str(post.details.get("id") or post.details["post_id"]) for post in posts}
    assert there == {stage.publication(each).external_id for each in made}
    stage.run()
    # What a worker that died had written, and not yet named, is left to the sweep of the storage.
    stage.runtime.storage.sweep(timedelta(0))
    assert [path for each in made for path in stage.copies(each)] == []


@pytest.mark.slow
def test_workers_that_are_killed_while_they_publish_leave_each_clip_there_once(prompt: Stage, migrated: str) -> None:
    killed = published_though_killed(prompt, migrated, 20, draw=random.Random(3), within=240)
    assert killed > 1


@pytest.mark.soak
def test_five_hundred_publications_survive_workers_that_are_killed_at_random(prompt: Stage, migrated: str) -> None:
    killed = published_though_killed(prompt, migrated, 500, draw=random.Random(), within=3 * 3600)
    assert killed > 20
