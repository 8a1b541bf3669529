"""What operators do to jobs."""

from sqlalchemy import text
from tests.infra.queue.claiming import claim, end, register
from tests.infra.queue.looking import one, put, state

from cliply.infra.db import Database
from cliply.infra.queue import control
from cliply.infra.queue.transactions import hold


def test_a_waiting_job_is_cancelled_at_once_and_can_be_run_again(database: Database) -> None:
    job = put(database, "RENDER")
    with database.system() as session:
        assert control.cancel(session, job, actor="Ada")
        assert not control.cancel(session, job, actor="Ada")
    assert state(database, job) == "cancelled"
    assert one(database, "select actor from job_events where became = 'cancelled'") == "Ada"
    with database.system() as session:
        assert control.retry(session, job, actor="Ada")
    assert state(database, job) == "queued"


def test_a_running_job_that_was_cancelled_commits_nothing(database: Database) -> None:
    job = put(database, "RENDER")
    token = claim(database, register(database))
    assert token is not None
    with database.system() as session:
        assert control.cancel(session, job, actor="Ada")
    with database.system() as session:
        assert not hold(session, token)


def test_what_succeeded_is_not_run_again(database: Database) -> None:
    job = put(database, "RENDER")
    token = claim(database, register(database))
    assert token is not None
    end(database, token, "succeeded")
    with database.system() as session:
        assert not control.retry(session, job, actor="Ada")
        assert not control.unlock(session, job, actor="Ada")
        assert not control.cancel(session, job, actor="Ada")


def test_unlocking_fences_the_worker(database: Database) -> None:
    job = put(database, "RENDER")
    worker = register(database)
    token = claim(database, worker)
    assert token is not None
    with database.system() as session:
        assert control.unlock(session, job, actor="Ada")
    again = claim(database, worker)
    assert again is not None
    with database.system() as session:
        assert not hold(session, token)
        assert hold(session, again)


def test_old_jobs_are_forgotten_with_all_that_hangs_on_them(database: Database, migrated: str) -> None:

    old, new = put(database, "RENDER"), put(database, "RENDER")
    with database.system() as session:
        control.cancel(session, old, actor="Ada")
        control.cancel(session, new, actor="Ada")
        session.execute(
            text("update procrastinate_jobs set finished_at = now() - interval '31 days' where id = :id"), {"id": old}
        )
        assert control.forget_finished(session, days=30, at_most=10) == 1
    assert one(database, "select array_agg(id) from jobs") == [new]
    assert one(database, "select count(*) from job_events where job_id = :id", id=old) == 0
