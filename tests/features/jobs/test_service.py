from uuid import UUID

import pytest
from sqlalchemy.exc import ProgrammingError
from tests.infra.queue.claiming import claim, end, register

from cliply.errors import Conflict
from cliply.features.jobs import service
from cliply.infra.db import Database
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue


def put(database: Database, workspace_id: UUID, kind: str = "RENDER", subject: str | None = None) -> int:
    with database.workspace(workspace_id) as session:
        return enqueue(session, NewJob(kind=kind, queue="work", workspace_id=workspace_id, subject=subject))


def test_pages_repeat_and_miss_nothing_while_jobs_are_added(database: Database, workspaces: list[UUID]) -> None:
    mine = workspaces[0]
    ids = [put(database, mine) for _ in range(7)]
    seen: list[int] = []
    after = None
    while True:
        with database.workspace(mine) as session:
            page = service.search(session, after=after, limit=3)
        seen += [job.id for job in page.jobs]
        put(database, mine)
        if (after := page.after) is None:
            break
    assert seen == ids[::-1]


def test_search_by_kind_state_and_subject(database: Database, workspaces: list[UUID]) -> None:
    mine = workspaces[0]
    render, probe = put(database, mine, subject="a"), put(database, mine, "PROBE", subject="b")
    with database.workspace(mine) as session:
        service.cancel(session, probe, actor="Ada")
        found = [
            service.search(session, kind="RENDER"),
            service.search(session, states=("cancelled",)),
            service.search(session, subject="a"),
        ]
    assert [[job.id for job in page.jobs] for page in found] == [[render], [probe], [render]]


def test_another_workspaces_job_is_not_there(database: Database, workspaces: list[UUID]) -> None:
    mine, other = workspaces
    job = put(database, other)
    for act in (service.cancel, service.retry, service.unlock):
        with database.workspace(mine) as session, pytest.raises(service.JobNotFound):
            act(session, job, actor="Eve")
    with database.workspace(mine) as session:
        assert service.search(session).jobs == []
        assert service.history(session, job) == []


def test_what_has_ended_or_does_not_run_is_refused_with_its_state(database: Database, workspaces: list[UUID]) -> None:
    mine = workspaces[0]
    job = put(database, mine)
    with database.workspace(mine) as session:
        with pytest.raises(service.JobNotRunning, match="is queued"):
            service.unlock(session, job, actor="Ada")
        with pytest.raises(service.JobNotRetryable, match="is queued"):
            service.retry(session, job, actor="Ada")
    token = claim(database, register(database))
    assert token is not None
    end(database, token, "succeeded")
    with database.workspace(mine) as session, pytest.raises(Conflict, match="has succeeded already"):
        service.cancel(session, job, actor="Ada")


def test_an_operator_pauses_and_resumes_a_queue(database: Database, workspaces: list[UUID]) -> None:
    put(database, workspaces[0])
    worker = register(database)
    with database.system() as session:
        service.pause_queue(session, "work", actor="Ada")
    assert claim(database, worker) is None
    with database.system() as session:
        service.resume_queue(session, "work", actor="Ada")
    assert claim(database, worker) is not None


def test_a_workspace_cannot_pause_a_queue(database: Database, workspaces: list[UUID]) -> None:
    with database.workspace(workspaces[0]) as session, pytest.raises(ProgrammingError, match="permission denied"):
        service.pause_queue(session, "work", actor="Eve")
