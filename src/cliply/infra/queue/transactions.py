"""What happens to jobs inside somebody's own transaction: queue, hold, complete. A rollback takes all of it along."""

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as EngineJob
from procrastinate.manager import JobManager
from procrastinate.sync_psycopg_connector import SyncPsycopgConnector
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from cliply.infra.queue.rows import NewJob, Token

_IDLE = 10.0


def enqueue(session: Session, job: NewJob, *, at: datetime | None = None, key: str | None = None) -> int:
    """Queue a job in the session's transaction; returns its id.

    With a `key`, the same workspace gets the job that it queued under that key before, whatever became of it. While
    another transaction is queueing under the same key, this waits for its end.
    """
    if key is not None and (earlier := _reserve(session, job.workspace_id, key)) is not None:
        return earlier
    job_id = _insert(session, [job], at)[0]
    if key is not None:
        _keep(session, job.workspace_id, key, job_id)
    return job_id


def join(session: Session, workspace_id: UUID | None, key: str, job_id: int) -> int:
    """Let `key` stand for a job that is queued already; returns the one that it stands for."""
    if (earlier := _reserve(session, workspace_id, key)) is not None:
        return earlier
    _keep(session, workspace_id, key, job_id)
    return job_id


def job_of(session: Session, workspace_id: UUID | None, key: str) -> int | None:
    """The job that was queued under the key, whatever became of it."""
    found = session.execute(
        text(
            "select job_id from job_keys"
            " where workspace_id is not distinct from cast(:workspace_id as uuid) and key = :key"
        ),
        {"workspace_id": workspace_id, "key": key},
    )
    return found.scalar()


def enqueue_many(session: Session, jobs: list[NewJob], *, at: datetime | None = None) -> list[int]:
    return _insert(session, jobs, at) if jobs else []


def fan_out(session: Session, jobs: list[NewJob], then: NewJob) -> list[int]:
    """Queue `jobs`, and `then` exactly once when the last of them has ended, for good or for bad.

    The count is kept by a trigger on the jobs, so it moves in whatever transaction ends a job.
    """
    if not jobs:
        return [enqueue(session, then)]
    stage_id: UUID = session.execute(
        text(
            "insert into stages (workspace_id, pending, next_queue, next_kind, next_priority, next_args)"
            " values (:workspace_id, :pending, :queue, :kind, :priority, :arguments) returning id"
        ),
        {
            "workspace_id": then.workspace_id,
            "pending": len(jobs),
            "queue": then.queue,
            "kind": then.kind,
            "priority": then.priority,
            "arguments": Jsonb(then.as_row_arguments()),
        },
    ).scalar_one()
    return enqueue_many(session, [replace(job, stage_id=stage_id) for job in jobs])


def hold(session: Session, token: Token, *, idle: float = _IDLE) -> bool:
    """Lock the job's row until the transaction ends. False when the job is no longer the token's, or is to stop.

    A holder that says nothing for `idle` seconds loses the transaction: frozen, it would keep the job from the sweep.
    """
    session.execute(
        text("select set_config('idle_in_transaction_session_timeout', :limit, true)"),
        {"limit": f"{round(idle * 1000)}ms"},
    )
    held = session.execute(
        text(
            "select 1 from procrastinate_jobs where id = :job_id and status = 'doing' and worker_id = :worker_id"
            " and attempts = :attempts and not abort_requested for update"
        ),
        token.as_parameters(),
    )
    return held.first() is not None


def complete(session: Session, token: Token) -> None:
    """Mark a job that this transaction holds as done."""
    session.execute(text("select procrastinate_finish_job_v1(:job_id, 'succeeded', false)"), {"job_id": token.job_id})


def report(session: Session, token: Token, share: float, step: str | None) -> bool:
    """Show how far a job is. False when it is no longer the token's, or is to stop."""
    updated = session.execute(
        text(
            "update procrastinate_jobs set progress = :share, step = coalesce(:step, step) where id = :job_id"
            " and status = 'doing' and worker_id = :worker_id and attempts = :attempts and not abort_requested"
            " returning 1"
        ),
        {"share": share, "step": step, **token.as_parameters()},
    )
    return updated.first() is not None


def _reserve(session: Session, workspace_id: UUID | None, key: str) -> int | None:
    """The job that is queued under `key`, or None when the key is now ours."""
    named = {"workspace_id": workspace_id, "key": key}
    taken = session.execute(
        text(
            "insert into job_keys (workspace_id, key) values (:workspace_id, :key)"
            " on conflict (workspace_id, key) do nothing returning 1"
        ),
        named,
    )
    if taken.first() is not None:
        return None
    return job_of(session, workspace_id, key)


def _keep(session: Session, workspace_id: UUID | None, key: str, job_id: int) -> None:
    session.execute(
        text(
            "update job_keys set job_id = :job_id"
            " where workspace_id is not distinct from cast(:workspace_id as uuid) and key = :key"
        ),
        {"job_id": job_id, "workspace_id": workspace_id, "key": key},
    )


def _insert(session: Session, jobs: list[NewJob], at: datetime | None) -> list[int]:
    session.flush()
    try:
        queued = _engine().batch_defer_jobs([_row(job, at) for job in jobs], connection=_driver_connection(session))
    except ConnectorException as wrapped:
        # The engine's wrapper says nothing, and callers do not know the engine.
        raise (wrapped.__cause__ or wrapped) from None
    return [job.id for job in queued if job.id is not None]


def _row(job: NewJob, at: datetime | None) -> EngineJob:
    return EngineJob(
        id=None,
        queue=job.queue,
        task_name=job.kind,
        priority=job.priority,
        # The engine's locks hold a queue up behind a job of next week, and its dedupe key can strand a retry.
        lock=None,
        queueing_lock=None,
        task_kwargs=job.as_row_arguments(),
        scheduled_at=at,
    )


def _driver_connection(session: Session) -> "psycopg.Connection[Any]":
    return cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)


@lru_cache(maxsize=1)
def _engine() -> JobManager:
    """Never opened: it only ever writes on connections that it is given."""
    return JobManager(SyncPsycopgConnector())
