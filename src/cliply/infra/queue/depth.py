"""How many jobs wait, and for how long; what health and metrics tell of the queues."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

_LONGEST = "2s"
"""Whoever asks would rather hear nothing than wait behind a database in trouble."""

_DEPTH = text("""
    SELECT queue_name AS queue,
        count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, '-infinity') <= now()) AS waiting,
        count(*) FILTER (WHERE status = 'todo' AND scheduled_at > now()) AS scheduled,
        count(*) FILTER (WHERE status = 'doing') AS running,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        coalesce(extract(epoch FROM now() - min(greatest(created_at, scheduled_at))
            FILTER (WHERE status = 'todo' AND coalesce(scheduled_at, '-infinity') <= now())), 0)::float AS oldest,
        EXISTS (SELECT FROM queue_pauses p WHERE p.queue = queue_name AND resumed_at IS NULL) AS paused
    FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed') GROUP BY queue_name ORDER BY queue_name
""")
_WORKERS = text(
    "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :lease)"
)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """`oldest` is for how many seconds the job that has waited longest could have run."""

    queue: str
    waiting: int
    scheduled: int
    running: int
    failed: int
    oldest: float
    paused: bool


def queue_depths(session: Session) -> list[QueueDepth]:
    """Of the queues that have anything to tell, by name; in a session of the system."""
    session.execute(text("SELECT set_config('statement_timeout', :longest, true)"), {"longest": _LONGEST})
    return [QueueDepth(**row) for row in session.execute(_DEPTH).mappings()]


def live_workers(session: Session, *, lease: float) -> int:
    """Workers that have given a sign of life within `lease` seconds."""
    return int(session.execute(_WORKERS, {"lease": lease}).scalar_one())
