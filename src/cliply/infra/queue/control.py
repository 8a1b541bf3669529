"""What operators and customers do to jobs from outside, inside the caller's transaction."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session


def cancel(session: Session, job_id: int, *, actor: str) -> bool:
    """A waiting job ends here; a running one is told to stop. False when it has ended already."""
    _as(session, actor)
    return bool(session.execute(text("select procrastinate_cancel_job_v1(:id, true, false)"), {"id": job_id}).scalar())


def retry(session: Session, job_id: int, *, actor: str) -> bool:
    """Run a failed or cancelled job again, with all its attempts. False when it is neither."""
    return _requeue(session, job_id, ["failed", "cancelled", "aborted"], actor)


def unlock(session: Session, job_id: int, *, actor: str) -> bool:
    """Take a running job from its worker, which from then on can write nothing for it. False when it is not running."""
    return _requeue(session, job_id, ["doing"], actor)


def hold(session: Session, job_ids: list[int]) -> None:
    """Lock the rows of these jobs until the transaction ends: nobody commits an end of theirs meanwhile."""
    session.execute(
        text("select 1 from procrastinate_jobs where id = any(:ids) order by id for update"), {"ids": job_ids}
    )


def pause(session: Session, queue: str, *, actor: str) -> None:
    """Start no more jobs of `queue`; those that run go on."""
    session.execute(
        text(
            "insert into queue_pauses (queue, paused_by) values (:queue, :actor)"
            " on conflict (queue) where resumed_at is null do nothing"
        ),
        {"queue": queue, "actor": actor},
    )


def resume(session: Session, queue: str, *, actor: str) -> None:
    session.execute(
        text(
            "update queue_pauses set resumed_at = now(), resumed_by = :actor"
            " where queue = :queue and resumed_at is null"
        ),
        {"queue": queue, "actor": actor},
    )
    _wake(session, queue)


def limit(session: Session, workspace_ids: Sequence[UUID], max_running: int | None) -> None:
    """How many jobs of each of these workspaces run at once; None leaves it to the worker's default.

    Jobs that run go on, be they more than that.
    """
    ids = sorted(workspace_ids)
    if max_running is None:
        session.execute(text("delete from workspace_limits where workspace_id = any(:ids)"), {"ids": ids})
        return
    # In one order, so that two who do this at once wait for each other and not for ever.
    session.execute(
        text(
            "insert into workspace_limits (workspace_id, max_running)"
            " select id, :max_running from unnest(cast(:ids as uuid[])) as each(id) order by id"
            " on conflict (workspace_id) do update set max_running = excluded.max_running"
            " where workspace_limits.max_running <> excluded.max_running"
        ),
        {"ids": ids, "max_running": max_running},
    )


def limits(session: Session) -> dict[UUID, int]:
    """Those that were set, by workspace."""
    return {row.workspace_id: row.max_running for row in session.execute(text("select * from workspace_limits"))}


def forget_finished(session: Session, *, days: int, at_most: int) -> int:
    """Delete the oldest jobs that ended `days` ago, their history and keys with them; returns how many."""
    deleted = session.execute(
        text(
            "with old as (select id from procrastinate_jobs where finished_at < now() - make_interval(days => :days)"
            " order by finished_at limit :at_most for update skip locked)"
            " delete from procrastinate_jobs j using old where j.id = old.id returning 1"
        ),
        {"days": days, "at_most": at_most},
    )
    return len(deleted.all())


def _requeue(session: Session, job_id: int, states: list[str], actor: str) -> bool:
    _as(session, actor)
    queue = session.execute(
        text(
            "update procrastinate_jobs set status = 'todo', attempts = attempts + 1, failures = 0, deaths = 0,"
            " worker_id = null, abort_requested = false, scheduled_at = null, error = null"
            " where id = :id and cast(status as text) = any(:states) returning queue_name"
        ),
        {"id": job_id, "states": states},
    ).scalar()
    if queue is not None:
        _wake(session, queue)
    return queue is not None


def _as(session: Session, actor: str) -> None:
    """Who did it, for the history that triggers write."""
    session.execute(text("select set_config('app.actor', :actor, true)"), {"actor": actor})


def _wake(session: Session, queue: str) -> None:
    """Tell listening workers; the engine does so for new jobs only."""
    session.execute(
        text(
            'select pg_notify(channel, \'{"type": "job_inserted", "job_id": 0}\')'
            " from unnest(array['procrastinate_any_queue_v1', 'procrastinate_queue_v1#' || :queue]) as channel"
        ),
        {"queue": queue},
    )
