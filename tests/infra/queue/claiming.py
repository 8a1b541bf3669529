"""What a worker asks of the database, without a worker."""

from collections.abc import Sequence

from sqlalchemy import text

from cliply.infra.db import Database
from cliply.infra.queue.rows import Token


def register(database: Database) -> int:
    with database.system() as session:
        return int(session.execute(text("select worker_id from procrastinate_register_worker_v1()")).scalar_one())


def claim(database: Database, worker: int, *, queues: Sequence[str] | None = None, cap: int = 1000) -> Token | None:
    with database.system() as session:
        row = session.execute(
            text("select id, attempts from queue_claim(cast(:queues as varchar[]), :worker, :cap)"),
            {"queues": list(queues) if queues else None, "worker": worker, "cap": cap},
        ).one()
    return None if row.id is None else Token(row.id, worker, row.attempts)


def end(database: Database, token: Token, state: str) -> None:
    with database.system() as session:
        session.execute(
            text("select procrastinate_finish_job_v1(:id, cast(:state as procrastinate_job_status), false)"),
            {"id": token.job_id, "state": state},
        )


def fall_silent(database: Database, worker: int) -> None:
    """As if its last heartbeat had been an hour ago."""
    with database.system() as session:
        session.execute(
            text("update procrastinate_workers set last_heartbeat = now() - interval '1 hour' where id = :id"),
            {"id": worker},
        )


def sweep(database: Database, *, deaths: int = 3) -> int:
    with database.system() as session:
        return int(
            session.execute(text("select queue_sweep(interval '20 seconds', :deaths)"), {"deaths": deaths}).scalar_one()
        )
