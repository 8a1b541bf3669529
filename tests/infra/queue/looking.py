"""Short questions that the tests ask the database."""

from typing import Any

from sqlalchemy import text

from cliply.infra.db import Database
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.transactions import enqueue, enqueue_many


def put(database: Database, kind: str, **arguments: Any) -> int:
    with database.system() as session:
        return enqueue(session, NewJob(kind=kind, queue="work", arguments=arguments))


def put_many(database: Database, jobs: list[NewJob]) -> list[int]:
    with database.system() as session:
        return enqueue_many(session, jobs)


def one(database: Database, query: str, **parameters: Any) -> Any:
    with database.system() as session:
        return session.execute(text(query), parameters).scalar()


def state(database: Database, job_id: int) -> str:
    return str(one(database, "select state from jobs where id = :id", id=job_id))


def effects(database: Database, job_id: int, what: str = "done") -> int:
    return int(
        one(database, "select count(*) from fleet.effects where job_id = :id and what = :what", id=job_id, what=what)
    )


def history(database: Database, job_id: int) -> list[str]:
    with database.system() as session:
        return list(
            session.execute(
                text("select became from job_events where job_id = :id order by id"), {"id": job_id}
            ).scalars()
        )
