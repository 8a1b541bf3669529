"""Jobs whose worker went silent."""

from tests.infra.queue.claiming import claim, fall_silent, register, sweep
from tests.infra.queue.looking import one, put, state

from cliply.infra.db import Database
from cliply.infra.queue import control
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import fan_out, hold


def test_a_job_of_a_silent_worker_is_queued_again_and_the_worker_locked_out(database: Database) -> None:
    job = put(database, "RENDER")
    worker = register(database)
    token = claim(database, worker)
    assert token is not None
    assert sweep(database) == 0
    fall_silent(database, worker)
    assert sweep(database) == 1
    assert state(database, job) == "queued"
    with database.system() as session:
        assert not hold(session, token)


def test_a_job_of_a_silent_worker_goes_before_those_that_were_queued_after_it(database: Database) -> None:
    lost, later = put(database, "RENDER"), put(database, "RENDER")
    worker = register(database)
    claim(database, worker)
    fall_silent(database, worker)
    sweep(database)
    turns = [claim(database, register(database)) for _ in range(2)]
    assert [token and token.job_id for token in turns] == [lost, later]


def test_the_token_of_an_earlier_turn_is_refused_though_the_same_worker_has_the_job(database: Database) -> None:
    put(database, "RENDER")
    worker = register(database)
    first = claim(database, worker)
    fall_silent(database, worker)
    sweep(database)
    second = claim(database, worker)
    assert first is not None
    assert second is not None
    with database.system() as session:
        assert not hold(session, first)
        assert hold(session, second)


def test_a_job_that_outlives_its_workers_too_rarely_is_parked(database: Database) -> None:
    job = put(database, "RENDER")
    for ended in ("queued", "queued", "failed"):
        worker = register(database)
        assert claim(database, worker) is not None
        fall_silent(database, worker)
        sweep(database)
        assert state(database, job) == ended
    with database.system() as session:
        control.retry(session, job, actor="tester")
    assert one(database, "select deaths from jobs") == 0


def test_a_parked_job_counts_for_its_stage(database: Database) -> None:
    with database.system() as session:
        fan_out(session, [NewJob(kind="RENDER", queue="work")], NewJob(kind="JOIN", queue="work"))
    worker = register(database)
    claim(database, worker)
    fall_silent(database, worker)
    sweep(database, deaths=1)
    assert one(database, "select count(*) from jobs where kind = 'JOIN'") == 1


def test_a_job_that_was_to_stop_ends_when_its_worker_dies(database: Database) -> None:
    job = put(database, "RENDER")
    worker = register(database)
    claim(database, worker)
    with database.system() as session:
        control.cancel(session, job, actor="tester")
    assert state(database, job) == "stopping"
    fall_silent(database, worker)
    sweep(database)
    assert state(database, job) == "cancelled"
