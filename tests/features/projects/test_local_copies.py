"""No machine keeps a copy of a source that was refused or whose project is gone, nor one that nobody uses."""

import os
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.features.jobs.working import working
from tests.features.pipeline.studio import Studio
from tests.features.projects.test_uploads import video
from tests.features.workspaces.conftest import Office
from tests.infra.queue.fleet import until

from cliply.features.jobs.kinds import REGISTRY
from cliply.features.projects import local_copies
from cliply.features.projects import service as projects
from cliply.features.projects.models import Project
from cliply.features.projects.sources import opened
from cliply.features.projects.uploads import SourceRefused
from cliply.media.cache import Cache
from cliply.runtime import Runtime

__all__ = ["video"]


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return Studio.at(tmp_path, office)


def another_machine(studio: Studio, folder: Path) -> Runtime:
    """With the same database and storage, and a disk of its own."""
    return replace(studio.runtime, settings=studio.runtime.settings.model_copy(update={"cache": folder}))


def work_on(runtime: Runtime, project: Project) -> None:
    """As jobs do: the source is fetched, and something is learned from it."""
    assert project.source_id is not None
    with opened(runtime, project.key("source", project.source_id), "talk.mp4"):
        learned = local_copies.local_copies(runtime.settings).learned(project.id)
        (Cache(learned).folder("f" * 32) / "speech.wav").write_bytes(b"speech")


def kept(runtime: Runtime) -> set[str]:
    return {each.name for each in (runtime.settings.cache / "service").rglob("*") if each.is_file()}


def delete(studio: Studio, project: Project) -> None:
    with studio.office.entered("member") as (session, caller):
        projects.delete(session, caller, project.id)


def age(runtime: Runtime, age: timedelta) -> None:
    at = time.time() - age.total_seconds()
    for each in (runtime.settings.cache / "service").rglob("*"):
        # The machine may be about to remove what is old enough already.
        with suppress(FileNotFoundError):
            os.utime(each, (at, at))


def test_a_refused_upload_leaves_no_copy(studio: Studio, video: Path) -> None:
    with pytest.raises(SourceRefused):
        studio.upload(video, shortest=30_000, longest=60_000)
    assert kept(studio.runtime) == set()


def test_a_deleted_project_leaves_no_copy_where_its_files_are_removed(
    studio: Studio, video: Path, migrated: str
) -> None:
    project, other = studio.upload(video), studio.upload(video)
    work_on(studio.runtime, project)
    work_on(studio.runtime, other)
    delete(studio, project)
    removal = [kind for kind in REGISTRY if kind.name == "OBJECTS_DELETE"]
    with working(migrated, studio.office.database, removal, runtime=studio.runtime):
        until(lambda: studio.jobs(kind="OBJECTS_DELETE", states=("succeeded",)))
    left = local_copies.local_copies(studio.runtime.settings)
    assert not left.learned(project.id).exists()
    assert list(left.sources.root.glob(f"{project.source_id}*")) == []
    assert left.learned(other.id).exists()
    assert (left.sources.root / str(other.source_id) / "talk.mp4").exists()


def test_another_machine_removes_its_copies_by_itself(studio: Studio, video: Path, tmp_path: Path) -> None:
    elsewhere = another_machine(studio, tmp_path / "elsewhere")
    project = studio.upload(video)
    work_on(elsewhere, project)
    with local_copies.swept(elsewhere, every=timedelta(seconds=0.1)):
        assert "talk.mp4" in kept(elsewhere)
        delete(studio, project)
        until(lambda: kept(elsewhere) == {"speech.wav"})
        age(elsewhere, local_copies.QUIET + timedelta(minutes=1))
        until(lambda: kept(elsewhere) == set())


def test_what_a_job_reads_stays_until_it_has_ended(studio: Studio, video: Path) -> None:
    project = studio.upload(video)
    assert project.source_id is not None
    with opened(studio.runtime, project.key("source", project.source_id), "talk.mp4") as path:
        delete(studio, project)
        local_copies.sweep(studio.runtime)
        assert path.exists()
    local_copies.sweep(studio.runtime)
    assert not path.exists()


def test_what_nobody_has_used_for_days_goes_and_what_is_used_stays(studio: Studio, video: Path) -> None:
    project = studio.upload(video)
    work_on(studio.runtime, project)
    local_copies.sweep(studio.runtime)
    assert {"talk.mp4", "speech.wav"} <= kept(studio.runtime)
    age(studio.runtime, local_copies.UNUSED + timedelta(minutes=1))
    local_copies.sweep(studio.runtime)
    assert not {"talk.mp4", "speech.wav"} & kept(studio.runtime)


def test_of_what_was_learned_the_oldest_goes_first_where_it_is_too_much(studio: Studio, video: Path) -> None:
    older, newer = studio.upload(video), studio.upload(video)
    work_on(studio.runtime, older)
    age(studio.runtime, timedelta(hours=1))
    work_on(studio.runtime, newer)
    local_copies.sweep(studio.runtime, largest_learned=10)
    left = local_copies.local_copies(studio.runtime.settings)
    assert not left.learned(older.id).exists()
    assert left.learned(newer.id).exists()
