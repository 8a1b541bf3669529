"""On a server whose login is no superuser, row security binds everybody: the worker and the triggers as well."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from tests.features.jobs.working import working
from tests.infra.queue.fleet import until
from tests.infra.test_schema import plain_owner, run

from cliply.features.jobs import service
from cliply.features.jobs.kinds import Registry
from cliply.features.jobs.runner import JobRun
from cliply.infra import schema
from cliply.infra.db import APP_ROLE, SYSTEM_ROLE, Database

kinds = Registry()


@kinds.job("PART", queue="work", timeout=timedelta(minutes=1))
def part(run: JobRun) -> None:
    """Say so."""
    run.progress(1.0, "part")


@kinds.job("SPLIT", queue="work", timeout=timedelta(minutes=1))
def split(run: JobRun) -> None:
    """Start two parts and another after them."""
    with run.finish() as session:
        planned = part.planned(session, {})
        run.fan_out(session, [planned, planned], then=planned)


@kinds.job("TICK", queue="work", timeout=timedelta(minutes=1), cron="* * * * * *")
def tick(run: JobRun) -> None:
    """Come again each second."""


def test_jobs_run_for_an_owner_that_is_no_superuser(migrated: str) -> None:
    with plain_owner(migrated, "NOCREATEROLE") as url:
        # The roles belong to the whole server, where other databases have made them.
        run(migrated, f"GRANT {APP_ROLE}, {SYSTEM_ROLE} TO landlord")
        schema.upgrade(url)
        database = Database(url)
        workspace_id = UUID(int=1)
        with database.system() as session:
            session.execute(
                text("insert into workspaces (id, slug, name) values (:id, 'a', 'A')"), {"id": workspace_id}
            )
        with database.workspace(workspace_id) as session:
            job_id = split.options(key="once").start(session)

        def done() -> bool:
            with database.system() as session:
                parts = service.search(session, kind="PART", states=("succeeded",)).jobs
                return len(parts) == 3 and bool(service.search(session, kind="TICK", states=("succeeded",)).jobs)

        with working(url, database, kinds, clock=True):
            until(done)
        with database.workspace(workspace_id) as session:
            assert [event.became for event in service.history(session, job_id)] == ["queued", "running", "succeeded"]
            assert len(service.search(session).jobs) == 4
        database.close()
