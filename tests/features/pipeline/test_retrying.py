"""A project that failed is started again by its members, where it stopped."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.features.clips.rows import candidate, ready_clip, ready_project
from tests.features.pipeline.studio import Studio
from tests.features.workspaces.conftest import Office

from cliply.features.clips.models import Clip, ClipState
from cliply.features.identity.access import RoleTooLow
from cliply.features.pipeline.retrying import NothingFailed, SourceIsGone, retry
from cliply.features.projects.models import Project, ProjectState, SourceKind


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return Studio.at(tmp_path, office)


def project_of(studio: Studio, state: ProjectState, **more: Any) -> UUID:
    with studio.office.entered("member") as (session, _caller):
        project = ready_project(session, state=state)
        project.error = "It failed."
        for name, value in more.items():
            setattr(project, name, value)
        return project.id


def clip_of(studio: Studio, project_id: UUID, **more: Any) -> Clip:
    with studio.office.entered("member") as (session, _caller):
        return ready_clip(session, session.get_one(Project, project_id), **more)


def again(studio: Studio, project_id: UUID, who: str = "member") -> list[str]:
    """The kinds of jobs that were queued."""
    with studio.office.entered(who) as (session, caller):
        retry(session, caller, project_id)
    return [job.kind for job in studio.jobs()]


def test_a_link_that_could_not_be_fetched_is_fetched_again(studio: Studio) -> None:
    with studio.office.entered("member") as (session, _caller):
        wanted: dict[str, Any] = {"source_kind": SourceKind.LINK, "link": "https://example.com/v", "options": {}}
        project = Project(name="Bees", state=ProjectState.FAILED, **wanted)
        session.add(project)
    assert again(studio, project.id) == ["YOUTUBE_DOWNLOAD"]
    assert studio.project(project.id).state == "downloading"


def test_what_was_not_heard_is_heard_again(studio: Studio) -> None:
    project_id = project_of(studio, ProjectState.FAILED)
    assert again(studio, project_id) == ["TRANSCRIBE"]
    assert (studio.project(project_id).state, studio.project(project_id).error) == ("processing", None)
    assert studio.office.entries() == [("project.retried", str(project_id))]


def test_moments_are_looked_for_again_where_there_are_no_clips(studio: Studio) -> None:
    project_id = project_of(studio, ProjectState.FAILED, transcript_id=uuid4())
    with studio.office.entered("member") as (session, _caller):
        candidate(session, session.get_one(Project, project_id), 1)
    assert again(studio, project_id) == ["HIGHLIGHT_DETECT"]


def test_only_the_clips_that_failed_are_rendered_again_and_their_covers_after_them(studio: Studio) -> None:
    project_id = project_of(studio, ProjectState.FAILED, transcript_id=uuid4())
    failed = clip_of(studio, project_id, state=ClipState.FAILED, error="It failed.")
    clip_of(studio, project_id, rank=2)
    assert again(studio, project_id) == ["CLIP_RENDER"]
    [job] = studio.jobs()
    assert job.arguments["clip_id"] == str(failed.id)
    assert job.stage_id is not None
    assert [clip.state for clip in studio.clips(project_id)] == ["rendering", "ready"]


def test_of_a_project_that_is_ready_its_failed_clips_and_covers_are_made_again(studio: Studio) -> None:
    project_id = project_of(studio, ProjectState.READY, transcript_id=uuid4())
    clip_of(studio, project_id, state=ClipState.FAILED, error="It failed.")
    clip_of(studio, project_id, rank=2, error="Its cover was not made. It failed.")
    clip_of(studio, project_id, rank=3)
    assert sorted(again(studio, project_id)) == ["CLIP_RENDER", "THUMBNAIL_GEN"]
    assert studio.project(project_id).state == "ready"
    assert len(again(studio, project_id)) == 2, "asked for twice, made once"


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        (ProjectState.PROCESSING, NothingFailed),
        (ProjectState.READY, NothingFailed),
        (ProjectState.REFUSED, SourceIsGone),
    ],
)
def test_where_nothing_failed_there_is_nothing_to_try_again(
    studio: Studio, state: ProjectState, refusal: type[Exception]
) -> None:
    project_id = project_of(studio, state)
    clip_of(studio, project_id)
    with pytest.raises(refusal, match="Bees"):
        again(studio, project_id)
    assert studio.jobs() == []


def test_a_viewer_starts_nothing_again(studio: Studio) -> None:
    project_id = project_of(studio, ProjectState.FAILED)
    with pytest.raises(RoleTooLow):
        again(studio, project_id, "viewer")
