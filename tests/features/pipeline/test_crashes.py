"""Workers that are killed in the middle: nothing is lost, and nothing is done twice."""

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from tests.features.jobs.working import working
from tests.features.pipeline.made import SMALL, film, heard
from tests.features.pipeline.studio import PACE, Studio
from tests.features.pipeline.test_steps import stored
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.features.clips.models import ClipState
from cliply.features.jobs import service as jobs
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.jobs.models import Job
from cliply.infra.storage.keys import ObjectKey

pytestmark = pytest.mark.slow

WORKER = """
from cliply.infra.queue.worker import Pace
from cliply.infra.settings import Settings
from cliply.worker import run
run(Settings(), only=[], concurrency=2, pace=Pace(heartbeat=0.5, lease=5, sweep=0.5, poll=0.2, deaths=99))
"""
"""The product's worker, with a shorter patience for workers that are gone."""
KILLS = 8


@pytest.fixture
def settings() -> Iterator[dict[str, Any]]:
    with heard() as settings:
        yield settings


@pytest.fixture
def studio(office: Office, tmp_path: Path, settings: dict[str, Any]) -> Studio:
    return Studio.at(tmp_path, office, **settings)


@contextmanager
def process(studio: Studio, url: str) -> Iterator["subprocess.Popen[bytes]"]:
    environment = studio.environment(url, CLIPLY_LOG_LEVEL="error")
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environment)
    try:
        yield worker
    finally:
        worker.kill()
        worker.wait()


def running(studio: Studio, kind: str) -> list[Job]:
    return studio.jobs(kind=kind, states=("running",))


def reconciled(studio: Studio, project_id: UUID, count: int) -> None:
    """Every clip is there once, with its files, and storage holds nothing else."""
    project = studio.project(project_id)
    assert (project.state, project.error) == ("ready", None)
    ready = studio.clips(project_id, ClipState.READY)
    assert len(ready) == count
    kinds = [job.kind for job in studio.jobs(limit=100)]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "TRANSCRIBE": 1, "HIGHLIGHT_DETECT": 1, "CLIP_RENDER": count, "THUMBNAIL_GEN": 1,
    }  # fmt: skip
    assert {job.state for job in studio.jobs(limit=100)} == {"succeeded"}
    files = {ObjectKey.parse(file["key"]) for clip in ready for file in clip.files.values()}
    assert len(files) == 6 * count
    assert project.source_id is not None
    assert project.transcript_id is not None
    faces = {clip.key("faces", UUID((clip.framed or {})["faces"])) for clip in ready}
    learned = {project.key("source", project.source_id), project.key("transcript", project.transcript_id)}
    assert stored(studio) == files | faces | learned
    with studio.office.database.system() as session:
        steps = session.execute(
            text("select clip_id, state from project_events where project_id = :id and state = 'ready'"),
            {"id": project_id},
        ).all()
    assert len(steps) == len(set(steps)) == count + 1


def test_a_worker_that_is_killed_while_it_renders_loses_nothing(studio: Studio, migrated: str, tmp_path: Path) -> None:
    project = studio.upload(film(tmp_path / "film.mp4"), count=2, **SMALL)
    with process(studio, migrated) as worker:
        until(lambda: any(job.step == "rendering" for job in running(studio, "CLIP_RENDER")), within=90)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    killed = time.monotonic()
    with process(studio, migrated):
        until(lambda: any(job.deaths for job in studio.jobs(kind="CLIP_RENDER")), within=30)
        until(lambda: running(studio, "CLIP_RENDER"), within=30)
        assert time.monotonic() - killed < 30
        until(studio.ended(project.id), within=120)
        until(studio.idle)
    reconciled(studio, project.id, 2)


def test_workers_that_are_killed_again_and_again_end_with_every_clip_once(
    studio: Studio, migrated: str, tmp_path: Path
) -> None:
    project = studio.upload(film(tmp_path / "film.mp4"), count=2, **SMALL)
    draw = random.Random(7)
    for _ in range(KILLS):
        with process(studio, migrated):
            threading.Event().wait(draw.uniform(2.0, 7.0))
    with process(studio, migrated):
        until(studio.ended(project.id), within=180)
        until(studio.idle)
    reconciled(studio, project.id, 2)


def test_a_render_that_is_cancelled_ends_within_five_seconds(studio: Studio, migrated: str, tmp_path: Path) -> None:
    project = studio.upload(film(tmp_path / "film.mp4"), count=1, **{**SMALL, "quality": "high"})
    with working(migrated, studio.office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
        until(lambda: any(job.step == "rendering" for job in running(studio, "CLIP_RENDER")), within=90)
        [job] = running(studio, "CLIP_RENDER")
        with studio.office.entered("member") as (session, _caller):
            jobs.cancel(session, job.id, actor="Ada")
        until(lambda: studio.jobs(kind="CLIP_RENDER", states=("cancelled",)), within=5)
        until(studio.ended(project.id), within=30)
    [clip] = studio.clips(project.id, ClipState.FAILED)
    assert clip.error == "It was cancelled."
    assert studio.project(project.id).state == "failed"
    assert "None of the clips" in (studio.project(project.id).error or "")
    assert not [key for key in stored(studio) if key.kind == "video"]


def test_a_render_that_an_operator_starts_again_brings_its_project_back_with_a_cover(
    studio: Studio, migrated: str, tmp_path: Path
) -> None:
    project = studio.upload(film(tmp_path / "film.mp4"), count=1, **SMALL)
    with working(migrated, studio.office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
        until(lambda: running(studio, "CLIP_RENDER"), within=90)
        [render] = running(studio, "CLIP_RENDER")
        with studio.office.entered("member") as (session, _caller):
            jobs.cancel(session, render.id, actor="Ada")
        until(studio.ended(project.id), within=30)
        assert studio.project(project.id).state == "failed"
        with studio.office.database.system() as session:
            jobs.retry(session, render.id, actor="Ada")
        until(lambda: studio.project(project.id).state == "ready", within=60)
        until(studio.idle)
    assert studio.project(project.id).error is None
    [clip] = studio.clips(project.id, ClipState.READY)
    assert {"video", "cover"} <= set(clip.files)
