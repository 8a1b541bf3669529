"""How a project and its clips follow the end of a job that nobody else can speak for."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.features.clips.rows import ready_clip, ready_project
from tests.features.pipeline.studio import Studio
from tests.features.workspaces.conftest import Office
from tests.infra.queue.claiming import claim, end, register

from cliply.features.clips import service as clips
from cliply.features.clips.editing import ClipChange
from cliply.features.clips.models import Clip, ClipState
from cliply.features.jobs import service as jobs
from cliply.features.pipeline import service as pipeline
from cliply.features.pipeline.tasks import make_covers, render_clip
from cliply.features.projects.models import Project, ProjectState


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return Studio.at(tmp_path, office)


def clip_of(studio: Studio, project_state: ProjectState = ProjectState.READY, **more: Any) -> Clip:
    with studio.office.entered("member") as (session, _caller):
        project = ready_project(session, state=project_state)
        return ready_clip(session, project, studio.runtime.storage, **more)


def coverless(studio: Studio, clip: Clip) -> None:
    with studio.office.entered("member") as (session, _caller):
        found = session.get_one(Clip, clip.id)
        found.files = {kind: file for kind, file in found.files.items() if not kind.startswith("cover")}
        found.covered_from = None


def fail(studio: Studio, job_id: int) -> None:
    token = claim(studio.office.database, register(studio.office.database))
    assert token is not None
    assert token.job_id == job_id
    end(studio.office.database, token, "failed")


def seen(studio: Studio, clip: Clip) -> tuple[Project, Clip]:
    [now] = studio.clips(clip.project_id)
    return studio.project(clip.project_id), now


def test_a_last_cover_job_that_fails_leaves_the_project_ready_and_says_so_on_its_clip(studio: Studio) -> None:
    clip = clip_of(studio, ProjectState.PROCESSING)
    coverless(studio, clip)
    with studio.office.entered("member") as (session, _caller):
        job_id = make_covers.options(subject=clip.project_id).start(session, project_id=clip.project_id)
    fail(studio, job_id)
    project, now = seen(studio, clip)
    assert (project.state, project.error) == ("ready", None)
    assert (now.state, now.error) == ("ready", "Its cover was not made. It failed.")
    with studio.office.entered("member") as (session, _caller):
        jobs.retry(session, job_id, actor="Ada")
    assert seen(studio, clip)[1].error is None


def test_a_last_cover_job_that_is_cancelled_fails_a_project_without_clips(studio: Studio) -> None:
    clip = clip_of(studio, ProjectState.PROCESSING, state=ClipState.FAILED)
    with studio.office.entered("member") as (session, _caller):
        job_id = make_covers.options(subject=clip.project_id).start(session, project_id=clip.project_id)
        jobs.cancel(session, job_id, actor="Ada")
    project, now = seen(studio, clip)
    assert (project.state, project.error) == ("failed", "It was cancelled.")
    assert (now.state, now.error) == ("failed", None)


def test_a_clip_says_that_its_cover_failed_and_is_ready_all_the_same(studio: Studio) -> None:
    clip = clip_of(studio)
    coverless(studio, clip)
    with studio.office.entered("member") as (session, caller):
        pipeline.render(session, caller, clip.id)
    [job] = studio.jobs()
    fail(studio, job.id)
    project, now = seen(studio, clip)
    assert (project.state, now.state, now.error) == ("ready", "ready", "Its cover was not made. It failed.")


def test_a_cover_that_fails_while_its_clip_is_rendered_again_does_not_fail_the_clip(studio: Studio) -> None:
    clip = clip_of(studio, state=ClipState.RENDERING)
    with studio.office.entered("member") as (session, _caller):
        options = make_covers.options(subject=clip.project_id)
        job_id = options.start(session, project_id=clip.project_id, clip_id=clip.id)
    fail(studio, job_id)
    assert seen(studio, clip)[1].state == "rendering"


def test_many_who_ask_for_a_render_at_once_get_one(studio: Studio) -> None:
    clip = clip_of(studio)
    with studio.office.entered("member") as (session, caller):
        clips.edit(session, caller, clip.id, ClipChange(style="neon"), version=1)

    def ask(_number: int) -> None:
        with studio.office.entered("member") as (session, caller):
            pipeline.render(session, caller, clip.id)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, range(12)))
    assert [(job.kind, job.state) for job in studio.jobs()] == [("CLIP_RENDER", "queued")]


def test_a_render_that_makes_way_for_a_newer_one_leaves_its_clip_rendering(studio: Studio) -> None:
    clip = clip_of(studio, state=ClipState.RENDERING)
    with studio.office.entered("member") as (session, _caller):
        options = render_clip.options(subject=clip.project_id)
        first, second = (options.start(session, project_id=clip.project_id, clip_id=clip.id) for _ in range(2))
    fail(studio, first)
    assert seen(studio, clip)[1].state == "rendering"
    fail(studio, second)
    assert (seen(studio, clip)[1].state, seen(studio, clip)[1].error) == ("failed", "It failed.")
