"""What of a project is reserved, charged and given back, on its way from an upload to its clips."""

from pathlib import Path
from uuid import UUID

import pytest
from tests.features.clips.rows import candidate, ready_clip, ready_project
from tests.features.jobs.working import working
from tests.features.pipeline.made import SMALL, film, heard
from tests.features.pipeline.studio import PACE, Studio
from tests.features.pipeline.test_ends import fail
from tests.features.pipeline.test_plans import found
from tests.features.usage.books import agree, commit, counted, entries
from tests.features.workspaces.conftest import Office
from tests.features.workspaces.planned import is_admitted, on_plan
from tests.infra.queue.fleet import until
from tests.integrations.test_downloads import allowing, file, site

from cliply.features.clips import charging
from cliply.features.clips import service as clips
from cliply.features.clips.models import Clip, ClipState
from cliply.features.identity.plans import PlanLimit
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.pipeline import retrying
from cliply.features.pipeline import service as pipeline
from cliply.features.pipeline.tasks import check_upload, download_source, render_clip
from cliply.features.projects import charging as project_charging
from cliply.features.projects import service as projects
from cliply.features.projects import uploads
from cliply.features.projects.models import ProjectState
from cliply.features.projects.options import ProjectOptions
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return Studio.at(tmp_path, office)


@pytest.fixture(scope="module")
def two_minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """75 seconds are two minutes that were begun."""
    return film(tmp_path_factory.mktemp("film") / "film.mp4")


def begun(studio: Studio, minutes: int | None = None) -> UUID:
    declared = None if minutes is None else minutes * 60_000
    wanted = uploads.NewUpload(file_name="talk.mp4", size=100, duration_ms=declared)
    with studio.office.entered("member") as (session, caller):
        return uploads.init(studio.runtime, session, caller, wanted).upload.project_id


def made(office: Office, *, candidates: int = 0, state: ClipState = ClipState.READY) -> tuple[UUID, UUID]:
    with office.database.workspace(office.id) as session:
        project = ready_project(session)
        clip = ready_clip(session, project, state=state)
        for rank in range(candidates):
            candidate(session, project, rank + 2)
        return project.id, clip.id


def test_what_is_begun_is_reserved_and_what_is_refused_or_deleted_is_given_back(studio: Studio) -> None:
    office = studio.office
    refused, deleted = begun(studio, 3), begun(studio, 4)
    assert (counted(office, Metric.PROJECTS), counted(office, Metric.SOURCE_MINUTES)) == ((0, 2), (0, 7))
    with office.entered("member") as (session, caller):
        uploads.refuse(session, caller.actor, refused, "That is no video.")
        projects.delete(session, caller, deleted)
    assert (counted(office, Metric.PROJECTS), counted(office, Metric.SOURCE_MINUTES)) == ((0, 0), (0, 0))
    agree(office.database)


def test_a_length_that_nobody_knows_is_reserved_once_it_is_known(studio: Studio, two_minutes: Path) -> None:
    upload = studio.begin(two_minutes, **SMALL)
    assert counted(studio.office, Metric.SOURCE_MINUTES) == (0, 0)
    studio.send(upload, two_minutes)
    studio.complete(upload.project_id)
    assert counted(studio.office, Metric.SOURCE_MINUTES) == (0, 2)


def test_a_file_that_is_longer_than_was_declared_is_not_begun_until_there_are_minutes_for_it(
    studio: Studio, two_minutes: Path
) -> None:
    on_plan(studio.office, source_minutes_per_month=1)
    wanted = uploads.NewUpload(
        file_name="film.mp4", size=two_minutes.stat().st_size, duration_ms=1_000, options=ProjectOptions(**SMALL)
    )
    with studio.office.entered("member") as (session, caller):
        upload = uploads.init(studio.runtime, session, caller, wanted).upload
    studio.send(upload, two_minutes)
    with pytest.raises(PlanLimit, match="1 minute of video a month") as raised:
        studio.complete(upload.project_id)
    assert (raised.value.used, raised.value.wanted) == (0, 2)
    assert studio.jobs(kind="TRANSCRIBE") == []
    assert counted(studio.office, Metric.SOURCE_MINUTES) == (0, 1)
    on_plan(studio.office, source_minutes_per_month=2)
    assert studio.complete(upload.project_id).state == "processing"
    assert counted(studio.office, Metric.SOURCE_MINUTES) == (0, 2)


@pytest.mark.parametrize(
    ("options", "duration", "minutes"),
    [
        ({}, 1, 1), ({}, 60_000, 1), ({}, 60_001, 2), ({"begin": 60_000}, 120_000, 1), ({"end": 60_001}, 600_000, 2),
        ({"begin": 60_000, "end": 61_000}, 600_000, 1), ({"begin": 60_000}, 30_000, 1),
    ],
)  # fmt: skip
def test_the_minutes_that_are_looked_at_count_each_that_was_begun(
    options: dict[str, int], duration: int, minutes: int
) -> None:
    assert project_charging.minutes(ProjectOptions(**options), duration) == minutes


def test_a_large_upload_that_is_checked_by_a_job_is_refused_with_the_plan_s_words(
    studio: Studio, two_minutes: Path, migrated: str
) -> None:
    on_plan(studio.office, source_minutes_per_month=1)
    studio.patience = 0
    upload = studio.begin(two_minutes, **SMALL)
    studio.send(upload, two_minutes)
    studio.complete(upload.project_id)
    with working(migrated, studio.office.database, [check_upload], runtime=studio.runtime):
        until(lambda: studio.project(upload.project_id).state is ProjectState.REFUSED)
    assert "“basic” allows 1 minute of video a month" in (studio.project(upload.project_id).error or "")
    assert counted(studio.office, Metric.PROJECTS) == (0, 0)


def test_a_project_that_fails_gives_back_and_one_that_is_tried_again_is_asked_anew(studio: Studio) -> None:
    office = studio.office
    on_plan(office, source_minutes_per_month=2)
    with office.entered("member") as (session, caller):
        project = ready_project(session, duration=90_000, state=ProjectState.PROCESSING)
        project_charging.reserve(session, caller.plan, project, project.duration_ms)
    assert counted(office, Metric.SOURCE_MINUTES) == (0, 2)
    with office.database.workspace(office.id) as session:
        projects.find(session, project.id).state = ProjectState.FAILED
    assert counted(office, Metric.SOURCE_MINUTES) == (0, 0)
    commit(office, Metric.SOURCE_MINUTES, "another", 1)

    def retry() -> None:
        with office.entered("member") as (session, caller):
            retrying.retry(session, caller, project.id)

    assert not is_admitted(retry)
    on_plan(office, source_minutes_per_month=3)
    retry()
    assert counted(office, Metric.SOURCE_MINUTES) == (1, 2)
    agree(office.database)


def test_more_clips_are_reserved_and_those_that_fail_are_not_charged(studio: Studio) -> None:
    office = studio.office
    project, _clip = made(office, candidates=3)
    on_plan(office, "pro", clips_per_month=2)
    with office.entered("member") as (session, caller):
        [asked] = pipeline.more(session, caller, project, count=1)
    assert counted(office, Metric.CLIPS) == (0, 1)
    assert counted(office, Metric.RENDER_SECONDS) == (0, 10)

    def more() -> None:
        with office.entered("member") as (session, caller):
            pipeline.more(session, caller, project, count=2)

    assert not is_admitted(more)
    [job] = studio.jobs(kind="CLIP_RENDER")
    fail(studio, job.id)
    assert (counted(office, Metric.CLIPS), counted(office, Metric.RENDER_SECONDS)) == ((0, 0), (0, 0))
    more()
    assert counted(office, Metric.CLIPS) == (0, 2)
    assert entries(office, Metric.CLIPS)[str(asked.id)] == ("released", 1)
    agree(office.database)


def test_a_clip_that_is_rendered_again_is_one_clip_and_two_renders(studio: Studio) -> None:
    office = studio.office
    _project, clip_id = made(office)
    with office.database.workspace(office.id) as session:
        clip = clips.find(session, clip_id)
        for rendered, version in ((9_001, 1), (9_001, 1), (12_000, 2)):
            ledger.commit_all(session, charging.charges(clip, rendered=rendered, version=version))
    assert (counted(office, Metric.CLIPS), counted(office, Metric.RENDER_SECONDS)) == ((1, 0), (22, 0))


def test_a_render_that_a_newer_edit_makes_pointless_is_given_back(studio: Studio) -> None:
    office = studio.office
    _project, clip_id = made(office)
    for at in (1, 2):
        with office.entered("member") as (session, caller):
            clip = session.get_one(Clip, clip_id)
            clip.version, clip.rendered_from = clip.version + at, None
            session.flush()
            pipeline.render(session, caller, clip_id)
    assert entries(office, Metric.RENDER_SECONDS) == {
        f"{clip_id}/2": ("released", 10), f"{clip_id}/4": ("reserved", 10),
    }  # fmt: skip
    assert counted(office, Metric.CLIPS) == (0, 1)


@pytest.mark.parametrize(("left", "become"), [(0, 0), (1, 1), (2, 2), (3, 2)])
def test_of_what_was_found_as_many_become_clips_as_the_month_has_left(office: Office, left: int, become: int) -> None:
    on_plan(office, "pro", clips_per_month=5)
    commit(office, Metric.CLIPS, "earlier", 5 - left)
    with office.entered("member") as (session, caller):
        project = ready_project(session, duration=200_000)
        most = charging.most(session, caller.plan)
        wanted = clips.save_found(session, project.id, 200_000, found(2), most=most)
        charging.reserve(session, caller.plan, wanted)
    assert len(wanted) == become
    assert counted(office, Metric.CLIPS) == (5 - left, become)


@pytest.mark.slow
def test_a_whole_project_is_charged_once_for_what_came_of_it(
    office: Office, migrated: str, two_minutes: Path, tmp_path: Path
) -> None:
    with heard() as settings:
        studio = Studio.at(tmp_path, office, **settings)
        on_plan(office, "basic", clips_per_month=1)
        project = studio.upload(two_minutes, **SMALL)
        with working(migrated, office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
            until(studio.ended(project.id), within=120)
            until(studio.idle, within=60)
    [clip] = studio.clips(project.id, ClipState.READY)
    assert counted(office, Metric.PROJECTS) == (1, 0)
    assert counted(office, Metric.SOURCE_MINUTES) == (2, 0)
    assert counted(office, Metric.CLIPS) == (1, 0)
    assert clip.clip_edit is not None
    seconds = -(-clip.clip_edit.duration // 1000)
    assert entries(office, Metric.RENDER_SECONDS) == {f"{clip.id}/0": ("committed", seconds)}
    agree(office.database)


@pytest.mark.slow
def test_a_render_that_fails_is_not_charged_and_neither_is_its_project(
    office: Office, migrated: str, two_minutes: Path, tmp_path: Path
) -> None:
    with heard() as settings:
        studio = Studio.at(tmp_path, office, **settings)
        on_plan(office, "basic", render_seconds_per_month=100)
        project = studio.upload(two_minutes, count=1, **SMALL)
        with working(
            migrated, office.database, [each for each in REGISTRY if each is not render_clip], runtime=studio.runtime,
            concurrency=2, pace=PACE,
        ):  # fmt: skip
            until(lambda: bool(studio.jobs(kind="CLIP_RENDER")), within=120)
        assert counted(office, Metric.CLIPS) == (0, 1)
        # The worker asks again: what was reserved for is taken back here, and nothing is left of the month.
        with office.database.workspace(office.id) as session:
            [clip] = studio.clips(project.id, ClipState.RENDERING)
            charging.give_back(session, clip, clip.version)
        on_plan(office, "basic", render_seconds_per_month=1)
        with working(migrated, office.database, REGISTRY, runtime=studio.runtime, concurrency=2, pace=PACE):
            until(studio.ended(project.id), within=120)
            until(studio.idle, within=60)
    [clip] = studio.clips(project.id, ClipState.FAILED)
    assert "1 s of rendered clips a month" in (clip.error or "")
    assert studio.project(project.id).state == "failed"
    for metric in Metric:
        assert counted(office, metric) == (0, 0) or metric is Metric.STORAGE_BYTES
    agree(office.database)


@pytest.mark.slow
def test_a_link_to_a_longer_video_than_there_are_minutes_for_is_not_fetched(
    office: Office, migrated: str, two_minutes: Path, tmp_path: Path
) -> None:
    with site() as there:
        there.pages["/bees.mp4"] = file(two_minutes.read_bytes())
        studio = Studio.at(tmp_path, office, downloads=allowing(there))
        on_plan(office, "basic", source_minutes_per_month=1)
        with office.entered("member") as (session, caller):
            project = pipeline.begin_link(
                studio.runtime, session, caller, f"{there.url}/bees.mp4", name=None, options=ProjectOptions()
            )
        with working(migrated, office.database, [download_source], runtime=studio.runtime, concurrency=1, pace=PACE):
            until(studio.ended(project.id), within=60)
    assert "“basic” allows 1 minute of video a month" in (studio.project(project.id).error or "")
    [job] = studio.jobs(kind="YOUTUBE_DOWNLOAD")
    assert job.error_code == "plan_limit"
    assert counted(office, Metric.PROJECTS) == (0, 0)
