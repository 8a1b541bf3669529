"""What somebody sees who goes on from the last event that they saw."""

from uuid import UUID, uuid4

from sqlalchemy import text
from tests.features.workspaces.conftest import Office

from cliply.features.clips.models import Clip, ClipState
from cliply.features.projects import service as projects
from cliply.features.projects.models import Project, ProjectState, SourceKind


def project_with_clips(office: Office, count: int) -> tuple[UUID, list[UUID]]:
    """Its clips are being rendered."""
    with office.entered("member") as (session, _):
        project = Project(
            name="Talk", source_kind=SourceKind.FILE, state=ProjectState.READY, options={}, source_id=uuid4(),
            file_name="talk.mp4", size=1, sha256="0" * 64, duration_ms=60_000, probe={},
        )  # fmt: skip
        session.add(project)
        session.flush()
        clips = [
            Clip(
                id=uuid4(), project_id=project.id, source_ms=60_000, start_ms=0, end_ms=9_000, rank=1, score=1.0,
                moment={}, state=ClipState.RENDERING,
            )
            for _ in range(count)
        ]  # fmt: skip
        session.add_all(clips)
        return project.id, [clip.id for clip in clips]


def told(office: Office, project_id: UUID, after: int) -> list[tuple[int, UUID | None, str]]:
    with office.entered("viewer") as (session, caller):
        return [
            (each.id, each.clip_id, each.state) for each in projects.events(session, caller, project_id, after=after)
        ]


FAIL = text("UPDATE clips SET state = 'failed' WHERE id = :clip")


def test_what_was_written_first_and_committed_last_is_seen_by_who_goes_on(office: Office) -> None:
    project_id, (first, second) = project_with_clips(office, 2)
    seen = told(office, project_id, 0)[-1][0]
    with office.entered("member") as (slow, _):
        slow.execute(FAIL, {"clip": first})
        with office.entered("member") as (quick, _):
            quick.execute(FAIL, {"clip": second})
        (event,) = told(office, project_id, seen)
        assert event[1:] == (second, "failed")
    assert [each[1:] for each in told(office, project_id, event[0])] == [(first, "failed")]


def test_a_project_that_changes_and_goes_in_one_transaction_leaves_nothing(office: Office) -> None:
    project_id, (clip, _) = project_with_clips(office, 2)
    with office.entered("member") as (session, caller):
        session.execute(FAIL, {"clip": clip})
        projects.delete(session, caller, project_id)
    with office.database.system() as session:
        assert session.execute(text("SELECT count(*) FROM project_events")).scalar_one() == 0
