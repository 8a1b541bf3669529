from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until

from cliply.errors import Invalid
from cliply.features.jobs import service
from cliply.features.jobs.kinds import Registry
from cliply.features.jobs.retries import Retries
from cliply.features.jobs.runner import JobRun
from cliply.infra.db import Database
from cliply.infra.logging import current_context, log_context

kinds = Registry()
MINUTE = timedelta(minutes=1)


@kinds.job("NAME", queue="work", timeout=MINUTE)
def rename(run: JobRun, project_id: UUID, name: str = "new") -> None:
    """Give the workspace a name."""
    assert isinstance(project_id, UUID)
    run.progress(0.5, "thinking")
    with run.finish() as session:
        session.execute(text("update workspaces set name = :name"), {"name": name})


@kinds.job("FAIL", queue="work", timeout=MINUTE)
def fail_after_writing(run: JobRun) -> None:
    """Write, then fail before the end."""
    with run.finish() as session:
        session.execute(text("update workspaces set name = 'half'"))
        rename.options(key="never").start(session, project_id=UUID(int=1))
        raise Invalid("The video is damaged.")


@kinds.job("SLOW", queue="work", timeout=timedelta(seconds=0.2), retries=Retries(times=0))
def never_ends(run: JobRun) -> None:
    """Go on for ever."""
    while True:
        run.progress(0.1)


@kinds.job("PATIENT", queue="work", timeout=MINUTE)
def never_hurries(run: JobRun) -> None:
    """Go on until somebody cancels."""
    while True:
        run.progress(0.25, "waiting")


@kinds.job("SPLIT", queue="work", timeout=MINUTE)
def split(run: JobRun, parts: int) -> None:
    """Start parts, and what follows them."""
    with run.finish() as session:
        planned = [rename.planned(session, {"project_id": UUID(int=n)}) for n in range(parts)]
        run.fan_out(session, planned, then=rename.planned(session, {"project_id": UUID(int=99), "name": "joined"}))


@kinds.job("LATER", queue="work", timeout=MINUTE)
def look_later(run: JobRun, until_year: int) -> None:
    """Come back when the time has come."""
    if datetime.now(UTC).year < until_year:
        run.snooze(datetime(until_year, 1, 1, tzinfo=UTC))


def name_of(database: Database, workspace_id: UUID) -> str:
    with database.workspace(workspace_id) as session:
        return str(session.execute(text("select name from workspaces")).scalar_one())


def ended(database: Database, job_id: int) -> bool:
    with database.system() as session:
        return service.get(session, job_id).finished_at is not None


def test_a_job_runs_in_its_workspace_and_commits_with_its_end(
    database: Database, migrated: str, workspaces: list[UUID]
) -> None:
    mine, other = workspaces
    with database.workspace(mine) as session:
        job_id = rename.options(subject=UUID(int=5)).start(session, project_id=UUID(int=5), name="renamed")
    with working(migrated, database, kinds):
        until(lambda: ended(database, job_id))
    with database.workspace(mine) as session:
        job = service.get(session, job_id)
        assert (job.state, job.progress, job.step, job.subject) == ("succeeded", 1, "thinking", str(UUID(int=5)))
        assert job.arguments == {"project_id": str(UUID(int=5)), "name": "renamed"}
    assert name_of(database, mine) == "renamed"
    assert name_of(database, other) == "w1"


def test_a_handler_that_fails_leaves_nothing_behind(database: Database, migrated: str, workspaces: list[UUID]) -> None:
    with database.workspace(workspaces[0]) as session:
        job_id = fail_after_writing.start(session)
    with working(migrated, database, kinds):
        until(lambda: ended(database, job_id))
    with database.workspace(workspaces[0]) as session:
        job = service.get(session, job_id)
        assert (job.state, job.error, job.failures) == ("failed", "The video is damaged.", 1)
        assert len(service.search(session).jobs) == 1
        assert [page.id for page in service.dead_letters(session).jobs] == [job_id]
    assert name_of(database, workspaces[0]) == "w0"


def test_a_job_that_takes_too_long_is_stopped_and_says_so(
    database: Database, migrated: str, workspaces: list[UUID]
) -> None:
    with database.workspace(workspaces[0]) as session:
        job_id = never_ends.start(session)
    with working(migrated, database, kinds):
        until(lambda: ended(database, job_id))
    with database.workspace(workspaces[0]) as session:
        assert "took longer than" in (service.get(session, job_id).error or "")


def test_a_cancelled_job_stops_at_its_next_progress(database: Database, migrated: str, workspaces: list[UUID]) -> None:
    with database.workspace(workspaces[0]) as session:
        job_id = never_hurries.start(session)

    def waiting() -> bool:
        with database.system() as session:
            return service.get(session, job_id).step == "waiting"

    with working(migrated, database, kinds):
        until(waiting)
        with database.workspace(workspaces[0]) as session:
            assert service.cancel(session, job_id, actor="Ada").state == "stopping"
        until(lambda: ended(database, job_id), within=5)
    with database.workspace(workspaces[0]) as session:
        assert service.get(session, job_id).state == "cancelled"
        assert [(event.became, event.actor) for event in service.history(session, job_id)] == [
            ("queued", None), ("running", None), ("stopping", "Ada"), ("cancelled", None),
        ]  # fmt: skip


def test_what_follows_parts_starts_once(database: Database, migrated: str, workspaces: list[UUID]) -> None:
    with database.workspace(workspaces[0]) as session:
        split.start(session, parts=4)
    with working(migrated, database, kinds):
        until(lambda: name_of(database, workspaces[0]) == "joined")
    with database.workspace(workspaces[0]) as session:
        assert len(service.search(session, kind="NAME", states=("succeeded",)).jobs) == 5


def test_waiting_is_a_new_job_and_no_failure(database: Database, migrated: str, workspaces: list[UUID]) -> None:
    with database.workspace(workspaces[0]) as session:
        job_id = look_later.start(session, until_year=2999)
    with working(migrated, database, kinds):
        until(lambda: ended(database, job_id))
    with database.workspace(workspaces[0]) as session:
        again, first = service.search(session).jobs
        assert (first.state, again.state) == ("succeeded", "queued")
        assert again.scheduled_at == datetime(2999, 1, 1, tzinfo=UTC)
        assert again.arguments == first.arguments


def test_wrong_arguments_are_refused_when_the_job_starts(database: Database, workspaces: list[UUID]) -> None:
    with database.workspace(workspaces[0]) as session, pytest.raises(ValidationError):
        rename.start(session, project_id="no id")  # type: ignore[arg-type]  # what a caller without types may pass


def test_a_kind_needs_a_name_of_its_own_and_an_explanation() -> None:
    with pytest.raises(ValueError, match="NAME already"):
        kinds.job("NAME", queue="work", timeout=MINUTE)(split.handler)
    with pytest.raises(ValueError, match="says nothing"):
        kinds.job("SILENT", queue="work", timeout=MINUTE)(lambda _run: None)


_told: list[dict[str, str]] = []


@kinds.job("TELL", queue="work", timeout=MINUTE)
def tell(run: JobRun, more: bool) -> None:
    """Note what the log lines of this job belong to, here and in the job that it starts."""
    _told.append(dict(current_context()))
    with run.finish() as session:
        if more:
            tell.start(session, more=False)


def test_lines_of_a_job_and_of_those_it_starts_belong_to_the_request_that_began_it(
    migrated: str, database: Database, workspaces: list[UUID]
) -> None:
    _told.clear()
    with database.workspace(workspaces[0]) as session, log_context(request_id="r-42"):
        first = tell.start(session, more=True)
    with working(migrated, database, kinds):
        until(lambda: len(_told) == 2)
    one, next_one = _told
    assert one == {"request_id": "r-42", "workspace_id": str(workspaces[0]), "job_id": str(first), "job_kind": "TELL"}
    assert next_one == {**one, "job_id": next_one["job_id"]} != one
