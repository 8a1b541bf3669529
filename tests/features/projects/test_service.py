from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from tests.database import as_owner
from tests.features.pipeline.studio import Studio
from tests.features.projects.test_uploads import video
from tests.features.workspaces.conftest import Office

from cliply.errors import Invalid
from cliply.features.identity.access import RoleTooLow
from cliply.features.jobs import service as jobs
from cliply.features.projects import service as projects
from cliply.features.workspaces import service as workspaces
from cliply.features.workspaces.service import BrandDefaults

__all__ = ["video"]

MOMENT = (
    "insert into clips (id, workspace_id, project_id, source_ms, start_ms, end_ms, rank, score, moment, state)"
    " values (gen_random_uuid(), :workspace, :project, :source, :start, :end, 1, 50, '{}', 'candidate')"
)


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return Studio.at(tmp_path, office)


@pytest.mark.parametrize("state", ["uploading", "downloading", "refused"])
def test_the_database_refuses_a_step_that_no_project_takes(
    studio: Studio, video: Path, migrated: str, state: str
) -> None:
    project = studio.upload(video)
    with pytest.raises(IntegrityError, match="does not become"), as_owner(migrated) as owner:
        owner.execute(text("update projects set state = :state where id = :id"), {"state": state, "id": project.id})


@pytest.mark.parametrize(("start", "end"), [(-1, 500), (500, 500), (600, 500), (0, 20_001), (30_000, 31_000)])
def test_the_database_refuses_a_clip_outside_its_source(
    studio: Studio, video: Path, migrated: str, start: int, end: int
) -> None:
    project = studio.upload(video)
    named = {"workspace": project.workspace_id, "project": project.id, "start": start, "end": end}
    with as_owner(migrated) as owner:
        owner.execute(text(MOMENT), {**named, "start": 0, "end": 20_000, "source": 20_000})
    for source in (20_000, 40_000):
        with pytest.raises(IntegrityError, match=r"ck_clips_span|fk_clips_project_id"), as_owner(migrated) as owner:
            owner.execute(text(MOMENT), {**named, "source": source})


def test_a_project_follows_the_end_of_its_job_and_comes_back_with_it(studio: Studio, video: Path) -> None:
    project = studio.upload(video)
    [job] = studio.jobs()
    with studio.office.entered("member") as (session, _caller):
        jobs.cancel(session, job.id, actor="Ada")
    assert (studio.project(project.id).state, studio.project(project.id).error) == ("failed", "It was cancelled.")
    with studio.office.entered("member") as (session, _caller):
        jobs.retry(session, job.id, actor="Ada")
    assert (studio.project(project.id).state, studio.project(project.id).error) == ("processing", None)
    with studio.office.entered("viewer") as (session, caller):
        told = [event.state for event in projects.events(session, caller, project.id)]
        later = projects.events(session, caller, project.id, after=projects.events(session, caller, project.id)[1].id)
    assert told == ["uploading", "processing", "failed", "processing"]
    assert [event.state for event in later] == told[2:]


def test_pages_of_projects_repeat_and_leave_out_nothing(studio: Studio, video: Path) -> None:
    made = [studio.begin(video).project_id for _ in range(5)]
    found: list[UUID] = []
    after = None
    while True:
        with studio.office.entered("viewer") as (session, caller):
            page = projects.search(session, caller, after=after, limit=2)
        found += [project.id for project in page.projects]
        studio.begin(video)
        if (after := page.after) is None:
            break
    assert found == made[::-1]


def test_a_name_is_one_line_that_can_be_read(studio: Studio, video: Path) -> None:
    project_id = studio.begin(video).project_id
    with studio.office.entered("member") as (session, caller):
        assert projects.rename(session, caller, project_id, " A\u202e talk\n on  bees ").name == "A talk on bees"
        for wrong in ("\n\u200b", "x" * 201):
            with pytest.raises(Invalid):
                projects.rename(session, caller, project_id, wrong)
    with studio.office.entered("viewer") as (session, caller), pytest.raises(RoleTooLow):
        projects.delete(session, caller, project_id)


def test_what_a_project_leaves_out_is_as_the_workspace_s_brand_says(studio: Studio, video: Path) -> None:
    with studio.office.entered("admin") as (session, caller):
        workspaces.change(session, caller, brand=BrandDefaults(style="karaoke", colour="#FFD400"))
    branded = studio.project(studio.begin(video).project_id)
    assert (branded.options["style"], branded.options["colour"]) == ("karaoke", "#FFD400")
    own = studio.project(studio.begin(video, style="bold", count=2).project_id)
    assert (own.options["style"], own.options["colour"], own.options["count"]) == ("bold", "#FFD400", 2)
