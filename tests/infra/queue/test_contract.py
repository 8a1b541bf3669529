"""What of the engine is replaced or called: an upgrade that changes it fails here, not in production."""

import inspect

import procrastinate
import pytest
from procrastinate.manager import JobManager
from procrastinate.worker import Worker
from tests.infra.queue.looking import one

from cliply.infra.db import Database
from cliply.infra.queue.engine import FencedManager

REPLACED = {
    "fetch_job": "(self, queues: 'Iterable[str] | None', worker_id: 'int') -> 'jobs_module.Job | None'",
    "finish_job": "(self, job: 'jobs_module.Job', status: 'jobs_module.Status', delete_job: 'bool') -> 'None'",
    "retry_job": "(self, job: 'jobs_module.Job', retry_at: 'datetime.datetime | None' = None,"
    " priority: 'int | None' = None, queue: 'str | None' = None, lock: 'str | None' = None) -> 'None'",
    "list_jobs_to_abort_async": "(self, queue: 'str | None' = None) -> 'Iterable[int]'",
    "update_heartbeat": "(self, worker_id: 'int') -> 'None'",
    "unregister_worker": "(self, worker_id: 'int') -> 'None'",
    "listen_for_jobs": "(self, *, on_notification: 'NotificationCallback',"
    " queues: 'Iterable[str] | None' = None) -> 'None'",
    "defer_periodic_job": "(self, job: 'jobs_module.Job', periodic_id: 'str', defer_timestamp: 'int') -> 'int | None'",
}
CALLED = [
    "procrastinate_defer_jobs_v1",
    "procrastinate_defer_periodic_job_v2",
    "procrastinate_finish_job_v1",
    "procrastinate_cancel_job_v1",
    "procrastinate_register_worker_v1",
    "procrastinate_unregister_worker_v1",
    "procrastinate_prune_stalled_workers_v1",
]


def test_the_engine_is_the_version_that_all_this_was_tried_with() -> None:
    assert procrastinate.__version__.startswith("3.10.")


@pytest.mark.parametrize("name", REPLACED)
def test_each_replaced_method_looks_as_it_did(name: str) -> None:
    assert str(inspect.signature(getattr(JobManager, name))) == REPLACED[name]
    assert name in vars(FencedManager)


def test_nothing_else_of_the_engine_is_replaced() -> None:
    theirs = {name for name in vars(FencedManager) if name in vars(JobManager) and not name.startswith("__")}
    assert theirs == set(REPLACED)


def test_the_engines_worker_ends_jobs_through_what_is_replaced() -> None:
    ending = inspect.getsource(Worker._persist_job_status)
    assert "job_manager.retry_job(" in ending
    assert "job_manager.finish_job(" in ending


@pytest.mark.parametrize("name", CALLED)
def test_the_database_has_each_function_that_is_called(database: Database, name: str) -> None:
    assert one(database, "select count(*) from pg_proc where proname = :name", name=name) == 1
