"""Who gets the next job."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import NullPool, create_engine, text
from tests.database import as_owner
from tests.infra.queue.claiming import claim, end, register
from tests.infra.queue.looking import one, put_many

from cliply.infra.db import SYSTEM_ROLE, Database
from cliply.infra.queue import control
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue, enqueue_many


def of(workspace_id: UUID | None, *, queue: str = "work", priority: int = 0) -> NewJob:
    return NewJob(kind="RENDER", queue=queue, workspace_id=workspace_id, priority=priority)


def owner_of(database: Database, job_id: int) -> UUID:
    found = one(database, "select workspace_id from jobs where id = :id", id=job_id)
    assert isinstance(found, UUID)
    return found


def test_a_flood_of_one_workspace_delays_no_other(database: Database, workspaces: list[UUID]) -> None:
    flood, small = workspaces
    put_many(database, [of(flood)] * 1000 + [of(small)] * 5)
    worker = register(database)
    claimed = [claim(database, worker) for _ in range(10)]
    owners = Counter(owner_of(database, token.job_id) for token in claimed if token)
    assert owners == {flood: 5, small: 5}


def test_workspaces_take_turns_where_one_job_runs_at_a_time(database: Database, workspaces: list[UUID]) -> None:
    flood, small = workspaces
    put_many(database, [of(flood)] * 100 + [of(small)] * 3)
    worker = register(database)
    owners = []
    for _ in range(6):
        token = claim(database, worker)
        assert token is not None
        owners.append(owner_of(database, token.job_id))
        end(database, token, "succeeded")
    assert owners == [flood, small] * 3


def test_a_workspace_runs_no_more_than_its_limit(database: Database, workspaces: list[UUID]) -> None:
    put_many(database, [of(workspaces[0])] * 10 + [of(workspaces[1])] * 10)
    with database.system() as session:
        control.limit(session, [workspaces[0]], 3)
    worker = register(database)
    tokens = [claim(database, worker, cap=2) for _ in range(10)]
    held = [token for token in tokens if token]
    assert Counter(owner_of(database, token.job_id) for token in held) == {workspaces[0]: 3, workspaces[1]: 2}
    end(database, held[0], "succeeded")
    assert claim(database, worker, cap=2) is not None


def test_what_fills_one_queue_keeps_nothing_waiting_in_another(database: Database, workspaces: list[UUID]) -> None:
    put_many(database, [of(workspaces[0])] * 5)
    short = put_many(database, [of(workspaces[0], queue="publish")])
    worker = register(database)
    assert all(claim(database, worker, queues=["work"], cap=2) for _ in range(2))
    assert claim(database, worker, queues=["work"], cap=2) is None
    token = claim(database, worker, cap=2)
    assert token is not None
    assert token.job_id == short[0]


def test_the_installations_own_jobs_have_no_limit(database: Database) -> None:
    put_many(database, [of(None)] * 5)
    worker = register(database)
    assert all(claim(database, worker, cap=0) for _ in range(5))


def test_higher_priority_first_then_the_older(database: Database, workspaces: list[UUID]) -> None:
    ids = put_many(database, [of(workspaces[0]), of(workspaces[0], priority=5), of(workspaces[0], priority=5)])
    worker = register(database)
    order = [token.job_id for token in (claim(database, worker) for _ in range(3)) if token]
    assert order == [ids[1], ids[2], ids[0]]


def test_only_the_queues_that_were_asked_for(database: Database, workspaces: list[UUID]) -> None:
    put_many(database, [of(workspaces[0], queue="media")])
    worker = register(database)
    assert claim(database, worker, queues=["publish", "mail"]) is None
    assert claim(database, worker, queues=["publish", "media"]) is not None


def test_a_paused_queue_starts_nothing_until_it_is_resumed(database: Database) -> None:
    put_many(database, [of(None), of(None, queue="other")])
    worker = register(database)
    with database.system() as session:
        control.pause(session, "work", actor="tester")
        control.pause(session, "work", actor="tester")
    assert claim(database, worker) is not None
    assert claim(database, worker) is None
    with database.system() as session:
        control.resume(session, "work", actor="tester")
    assert claim(database, worker) is not None


def test_jobs_of_next_week_hold_nobody_up(database: Database, workspaces: list[UUID]) -> None:
    with database.system() as session:
        enqueue_many(session, [of(workspaces[0], priority=9)] * 500, at=datetime.now(UTC) + timedelta(days=7))
        due = enqueue(session, of(workspaces[0]))
    token = claim(database, register(database))
    assert token is not None
    assert token.job_id == due


def claim_all(database: Database, jobs: int) -> None:
    put_many(database, [NewJob(kind="NOOP", queue="work") for _ in range(jobs)])

    def drain(_number: int) -> list[int]:
        claimer = register(database)
        mine = []
        while (token := claim(database, claimer)) is not None:
            mine.append(token.job_id)
            end(database, token, "succeeded")
        return mine

    with ThreadPoolExecutor(16) as pool:
        claimed = [job for mine in pool.map(drain, range(16)) for job in mine]
    assert len(claimed) == jobs
    assert len(set(claimed)) == jobs


@pytest.mark.slow
def test_sixteen_claimers_take_no_job_twice(wide: Database) -> None:
    claim_all(wide, 2_000)


@pytest.mark.soak
def test_sixteen_claimers_take_none_of_ten_thousand_jobs_twice(wide: Database) -> None:
    claim_all(wide, 10_000)


def vacuum(migrated: str) -> None:
    """As the server does by itself, sooner or later: without it the rows of other tests are passed by."""
    engine = create_engine(migrated, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as owner:
        owner.execute(text("vacuum analyze procrastinate_jobs"))


@pytest.mark.slow
@pytest.mark.parametrize(("ended", "counted"), [(0, False), (0, True), (10_000, True)])
def test_a_claim_reads_a_few_rows_however_many_wait_or_have_ended(
    database: Database, migrated: str, workspaces: list[UUID], ended: int, counted: bool
) -> None:
    """Whether the table's statistics are fresh or from when it was empty."""
    vacuum(migrated)
    ids = put_many(database, [of(workspaces[n % 2]) for n in range(20_000)])
    if counted:
        with database.system() as session:
            cancel = text("update procrastinate_jobs set status = 'cancelled' where id = any(:ids)")
            session.execute(cancel, {"ids": ids[:ended]})
        vacuum(migrated)
    worker = register(database)
    with as_owner(migrated) as owner:
        owner.execute(text(f"set role {SYSTEM_ROLE}"))
        claimed = "explain (analyze, buffers, format json) select id from queue_claim(array['work'], :worker, 9)"
        owner.execute(text(claimed), {"worker": worker})
        plan = owner.execute(text(claimed), {"worker": worker}).scalar_one()[0]["Plan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 200
