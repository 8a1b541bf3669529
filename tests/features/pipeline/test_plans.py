"""How many clips a project has, and how large a video from a link may be, by the workspace's plan."""

from pathlib import Path
from uuid import UUID

import pytest
from tests.features.clips.rows import candidate, ready_clip, ready_project
from tests.features.jobs.working import working
from tests.features.pipeline.made import SMALL, film, heard
from tests.features.pipeline.studio import PACE, Studio
from tests.features.projects.test_uploads import video
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import LIMITED, admitted_at_once, is_admitted, limit_of, on_plan
from tests.infra.queue.fleet import until
from tests.integrations.test_downloads import allowing, file, site

from cliply.features.clips import service as clips
from cliply.features.clips.models import ClipState
from cliply.features.identity.plans import Meter
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.pipeline import service as pipeline
from cliply.features.projects.options import ProjectOptions
from cliply.media.types import Highlight, Span

__all__ = ["video"]


def project_with(office: Office, *, made: int, candidates: int, failed: int = 0) -> UUID:
    with office.database.workspace(office.id) as session:
        project = ready_project(session)
        for rank in range(1, made + 1):
            ready_clip(session, project, rank=rank, state=ClipState.FAILED if rank <= failed else ClipState.READY)
        for rank in range(made + 1, made + candidates + 1):
            candidate(session, project, rank)
        return project.id


def more(office: Office, project_id: UUID, count: int = 1) -> None:
    with office.entered("member") as (session, caller):
        pipeline.more(session, caller, project_id, count=count)


def made(office: Office, project_id: UUID) -> int:
    with office.database.workspace(office.id) as session:
        return clips.made(session, project_id)


@pytest.mark.parametrize("plan", LIMITED)
def test_a_project_has_as_many_clips_as_the_plan_says(office: Office, plan: str) -> None:
    limit = limit_of(plan, Meter.CLIPS_PER_PROJECT)
    project = project_with(office, made=limit - 2, candidates=5)
    on_plan(office, plan)
    assert not is_admitted(lambda: more(office, project, 3)), "all that is asked for, or nothing"
    assert [is_admitted(lambda: more(office, project)) for _ in range(4)] == [True, True, False, False]
    assert made(office, project) == limit


def test_another_project_has_its_own_and_a_clip_that_failed_keeps_its_place(office: Office) -> None:
    on_plan(office, "basic")
    full, other = project_with(office, made=3, failed=3, candidates=1), project_with(office, made=0, candidates=1)
    assert not is_admitted(lambda: more(office, full))
    assert is_admitted(lambda: more(office, other))


def test_ten_at_once_make_one_clip_where_one_is_left(office: Office) -> None:
    project = project_with(office, made=2, candidates=10)
    on_plan(office, "basic")
    assert admitted_at_once([lambda: more(office, project)] * 10) == 1
    assert made(office, project) == 3


def found(count: int) -> list[tuple[Highlight, str]]:
    spans = [Span(2_000 * at, 2_000 * at + 1_500) for at in range(count)]
    return [(Highlight(span, 0.9, "They dance.", "A surprise.", chosen=True), "Bees") for span in spans]


@pytest.mark.parametrize("plan", LIMITED)
@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_of_what_was_found_the_best_become_clips_and_the_rest_stay_candidates(
    office: Office, plan: str, beside: int
) -> None:
    limit = limit_of(plan, Meter.CLIPS_PER_PROJECT)
    with office.database.workspace(office.id) as session:
        project = ready_project(session, duration=200_000)
        for _ in range(2):
            wanted = clips.save_found(session, project.id, 200_000, found(limit + beside), most=limit)
            assert [clip.rank for clip in wanted] == list(range(1, min(limit, limit + beside) + 1)), (
                "also a second time"
            )
        assert clips.made(session, project.id) == min(limit, limit + beside)


@pytest.mark.slow
def test_a_project_that_asks_for_as_many_as_are_good_gets_as_many_as_the_plan_allows(
    office: Office, migrated: str, tmp_path: Path
) -> None:
    with heard() as settings:
        free = Studio.at(tmp_path / "free", office, **settings)
        shot = film(tmp_path / "film.mp4")
        on_plan(office, "basic", clips_per_project=1)
        project = free.upload(shot, **SMALL)
        with working(migrated, office.database, REGISTRY, runtime=free.runtime, concurrency=2, pace=PACE):
            until(free.ended(project.id), within=120)
    assert len(free.clips(project.id, ClipState.READY)) == 1
    assert free.clips(project.id, ClipState.CANDIDATE)
    assert all(not clip.moment["highlight"]["chosen"] for clip in free.clips(project.id, ClipState.CANDIDATE))


@pytest.mark.slow
def test_a_link_to_more_than_the_plan_takes_says_so(office: Office, migrated: str, video: Path, tmp_path: Path) -> None:
    with site() as there:
        there.pages["/bees.mp4"] = file(video.read_bytes())
        studio = Studio.at(tmp_path, office, downloads=allowing(there))
        on_plan(office, "basic", largest_file=1000)
        with office.entered("member") as (session, caller):
            project = pipeline.begin_link(
                studio.runtime, session, caller, f"{there.url}/bees.mp4", name=None, options=ProjectOptions()
            )
        with working(migrated, office.database, REGISTRY, runtime=studio.runtime, concurrency=1, pace=PACE):
            until(studio.ended(project.id), within=60)
    done = studio.project(project.id)
    assert done.state == "failed"
    assert "“basic” allows files of 1 kB at most" in (done.error or "")
    [job] = studio.jobs(kind="YOUTUBE_DOWNLOAD")
    assert job.error_code == "plan_limit"
