"""Workers that stand still in the middle of a real step: others do it, and those that wake up leave it alone."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.crashes import reconciling
from tests.crashes.customers import SAID, SECONDS
from tests.crashes.installation import unfinished
from tests.features.pipeline.made import SMALL, film, heard
from tests.features.pipeline.studio import Studio
from tests.features.workspaces.conftest import Office, office
from tests.infra.queue.fleet import until

__all__ = ["office"]

pytestmark = pytest.mark.slow

_WORKER = """
from cliply.infra.logging import configure
from cliply.infra.queue.worker import Pace
from cliply.infra.settings import Settings
from cliply.worker import run
configure(Settings(), service="worker")
run(Settings(), only=["media"], concurrency=1, pace=Pace(heartbeat=0.5, lease=4, sweep=0.5, poll=0.2))
"""
"""The product's worker, with a shorter patience for workers that are gone."""
_TABLES = ("projects", "clips", "jobs", "job_events", "project_events", "audit_entries", "stages")


@contextmanager
def worker(log: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as said, subprocess.Popen([sys.executable, "-c", _WORKER], env=environment, stderr=said) as it:
        try:
            yield it
        finally:
            # What is frozen has to be awake to die.
            it.send_signal(signal.SIGCONT)
            it.kill()


@pytest.mark.parametrize(("kind", "step"), [("TRANSCRIBE", "transcribing"), ("CLIP_RENDER", "rendering")])
def test_a_worker_that_wakes_up_after_another_did_its_step_commits_nothing(
    office: Office, migrated: str, tmp_path: Path, kind: str, step: str
) -> None:
    with heard(SAID, SECONDS) as settings:
        studio = Studio.at(tmp_path, office, **settings)
        project = studio.upload(film(tmp_path / "film.mp4", SECONDS), count=1, **{**SMALL, "quality": "high"})
        environment = studio.environment(migrated, CLIPLY_LOG_FORMAT="json")
        with worker(tmp_path / "frozen", environment) as frozen, worker(tmp_path / "awake", environment) as awake:
            awake.send_signal(signal.SIGSTOP)
            until(lambda: [job for job in studio.jobs(kind=kind, states=("running",)) if job.step == step], within=120)
            frozen.send_signal(signal.SIGSTOP)
            awake.send_signal(signal.SIGCONT)
            until(studio.ended(project.id), within=180)
            until(studio.idle)
            before = seen(studio)
            held = unfinished(tmp_path / "frozen")
            assert held
            frozen.send_signal(signal.SIGCONT)
            until(lambda: not unfinished(tmp_path / "frozen"), within=60)
        assert seen(studio) == before
    assert studio.project(project.id).state == "ready"
    with office.database.system() as session:
        reconciling.ended_well(session)
        reconciling.history_agrees(session)
        reconciling.storage_agrees(session, tmp_path / "data" / "storage")
        [taken] = reconciling.rows(session, "select * from jobs where deaths > 0")
    assert (taken.kind, taken.deaths) == (kind, 1)


def seen(studio: Studio) -> dict[str, Any]:
    """All rows of the workspace, and all files of the storage with their times."""
    with studio.office.database.system() as session:
        # What begins by the clock is nobody's, and a minute may end at any time.
        asked = "select * from {} where workspace_id is not null order by id"
        tables = {name: reconciling.rows(session, asked.format(name)) for name in _TABLES}
    root = studio.runtime.settings.data / "storage"
    files = {str(path): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    return {"files": files, **tables}
