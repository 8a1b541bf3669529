"""Jobs inside somebody's transaction."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.infra.queue.claiming import claim, end, register
from tests.infra.queue.looking import history, one, put, put_many, state

from cliply.infra.db import Database
from cliply.infra.queue import control
from cliply.infra.queue.rows import NewJob, Token
from cliply.infra.queue.transactions import complete, enqueue, fan_out, hold, report

JOB = NewJob(kind="RENDER", queue="work", arguments={"clip": 1})


class Undone(Exception):
    pass


def test_a_rollback_takes_the_job_along(database: Database) -> None:
    with pytest.raises(Undone):  # noqa: PT012, SIM117 - the rollback is what is tested
        with database.system() as session:
            enqueue(session, JOB, key="once")
            raise Undone
    assert one(database, "select count(*) from jobs") == 0
    assert one(database, "select count(*) from job_keys") == 0


def test_a_job_for_later_waits_until_then(database: Database) -> None:
    with database.system() as session:
        enqueue(session, JOB, at=datetime.now(UTC) + timedelta(hours=1))
    assert claim(database, register(database)) is None


def test_the_same_key_gives_the_same_job(database: Database, workspaces: list[UUID]) -> None:
    with database.workspace(workspaces[0]) as session:
        own = NewJob(kind="RENDER", queue="work", workspace_id=workspaces[0])
        first = enqueue(session, own, key="once")
        assert enqueue(session, own, key="once") == first
        assert enqueue(session, own, key="twice") != first
    with database.workspace(workspaces[1]) as session:
        other = NewJob(kind="RENDER", queue="work", workspace_id=workspaces[1])
        assert enqueue(session, other, key="once") != first


def test_two_transactions_with_the_same_key_make_one_job(database: Database) -> None:
    made: list[int] = []

    def make() -> None:
        with database.system() as session:
            made.append(enqueue(session, JOB, key="once"))

    with database.system() as session:
        made.append(enqueue(session, JOB, key="once"))
        second = threading.Thread(target=make)
        second.start()
        second.join(timeout=0.3)
        assert second.is_alive(), "it did not wait for the first"
    second.join()
    assert len(set(made)) == 1
    assert one(database, "select count(*) from jobs") == 1


def test_a_workspace_neither_sees_nor_queues_jobs_of_another(database: Database, workspaces: list[UUID]) -> None:
    mine, other = workspaces
    with database.system() as session:
        enqueue(session, NewJob(kind="RENDER", queue="work", workspace_id=other))
        enqueue(session, JOB)
    for table in ("jobs", "procrastinate_jobs", "job_events", "job_keys", "stages"):
        with database.workspace(mine) as session:
            assert session.connection().exec_driver_sql(f"select count(*) from {table}").scalar() == 0
    with pytest.raises(InsufficientPrivilege, match="row-level security"), database.workspace(mine) as session:
        enqueue(session, NewJob(kind="RENDER", queue="work", workspace_id=other))


def test_only_the_token_of_the_row_holds_a_job(database: Database) -> None:
    job = put(database, "RENDER")
    worker = register(database)
    token = claim(database, worker)
    assert token == Token(job, worker, 0)
    for wrong in (Token(job, worker + 1, 0), Token(job, worker, 1)):
        with database.system() as session:
            assert not hold(session, wrong)
            assert not report(session, wrong, 0.5, None)
    with database.system() as session:
        assert report(session, token, 0.5, "half")
        assert hold(session, token)
        complete(session, token)
    assert state(database, job) == "succeeded"


def test_a_holder_that_falls_silent_loses_the_job(database: Database) -> None:
    put(database, "RENDER")
    token = claim(database, register(database))
    assert token is not None
    with pytest.raises(DBAPIError):  # noqa: PT012, SIM117 - what fails is the end of the transaction
        with database.system() as frozen:
            assert hold(frozen, token, idle=0.2)
            with database.system() as other:
                # Waits for the row until the server has ended the silent transaction.
                assert hold(other, token)
            complete(frozen, token)
    assert state(database, token.job_id) == "running"


def test_a_workspaces_own_session_can_finish_its_job(database: Database, workspaces: list[UUID]) -> None:
    with database.system() as session:
        job = enqueue(session, NewJob(kind="RENDER", queue="work", workspace_id=workspaces[0]))
    token = claim(database, register(database))
    assert token is not None
    with database.workspace(workspaces[1]) as session:
        assert not hold(session, token)
    with database.workspace(workspaces[0]) as session:
        assert hold(session, token)
        complete(session, token)
    assert history(database, job) == ["queued", "running", "succeeded"]
    with database.workspace(workspaces[0]) as session:
        assert session.execute(text("select count(*) from job_events")).scalar() == 3


def test_what_follows_a_stage_is_queued_once_when_the_last_job_ends(database: Database) -> None:
    with database.system() as session:
        jobs = fan_out(session, [JOB, JOB, JOB], NewJob(kind="JOIN", queue="work", arguments={"of": 7}))
    worker = register(database)
    ends = ["succeeded", "failed", "succeeded"]
    for ended in ends:
        assert one(database, "select count(*) from jobs where kind = 'JOIN'") == 0
        token = claim(database, worker)
        assert token is not None
        end(database, token, ended)
    assert one(database, "select arguments->>'of' from jobs where kind = 'JOIN'") == "7"
    assert one(database, "select failed from stages") == 1
    # An operator's second try of the failed one does not count again.
    with database.system() as session:
        assert control.retry(session, jobs[1], actor="tester")
    token = claim(database, worker, queues=["work"])
    while token is not None:
        end(database, token, "succeeded")
        token = claim(database, worker)
    assert one(database, "select count(*) from jobs where kind = 'JOIN'") == 1


def test_a_cancelled_job_counts_for_its_stage(database: Database) -> None:
    with database.system() as session:
        jobs = fan_out(session, [JOB, JOB], NewJob(kind="JOIN", queue="work"))

    for job in jobs:
        with database.system() as session:
            control.cancel(session, job, actor="tester")
    assert one(database, "select count(*) from jobs where kind = 'JOIN'") == 1


def test_a_stage_of_nothing_goes_on_at_once(database: Database) -> None:
    with database.system() as session:
        fan_out(session, [], NewJob(kind="JOIN", queue="work"))
    assert one(database, "select count(*) from jobs where kind = 'JOIN'") == 1


def test_many_jobs_are_queued_in_order(database: Database) -> None:
    ids = put_many(database, [NewJob(kind="RENDER", queue="work", arguments={"clip": n}) for n in range(1000)])
    assert ids == sorted(ids)
    assert one(database, "select count(*) from jobs") == 1000
