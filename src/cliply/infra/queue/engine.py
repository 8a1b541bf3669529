"""The engine's own bookkeeping of jobs, replaced where it does not hold under a frozen, killed or cut-off worker.

What is replaced is pinned by tests/infra/queue/test_contract.py.
"""

# ruff: noqa: S608 - statements are put together from constants only

import asyncio
import datetime as dt
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Notification, Status
from procrastinate.manager import JobManager, NotificationCallback

from cliply.infra.queue.rows import Token

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

_CLAIM = (
    "select id, status, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id,"
    " failures from queue_claim(%(queues)s::varchar[], %(worker_id)s, %(cap)s)"
)
_OURS = " where id = %(job_id)s and status = 'doing' and worker_id = %(worker_id)s and attempts = %(attempts)s"
_FINISH = (
    "update procrastinate_jobs set status = %(status)s::procrastinate_job_status, attempts = attempts + 1,"
    " failures = failures + (%(status)s = 'failed')::int, abort_requested = false,"
    " error = coalesce(%(error)s, error), error_code = coalesce(%(error_code)s, error_code)" + _OURS
)
_RETRY = (
    "update procrastinate_jobs set attempts = attempts + 1, failures = failures + 1, worker_id = null,"
    " status = (case when abort_requested then 'aborted' else 'todo' end)::procrastinate_job_status,"
    " abort_requested = false, scheduled_at = %(retry_at)s, error = coalesce(%(error)s, error),"
    " error_code = coalesce(%(error_code)s, error_code)" + _OURS
)
_GIVE_BACK = (
    "update procrastinate_jobs set worker_id = null,"
    " status = (case when abort_requested then 'aborted' else 'todo' end)::procrastinate_job_status,"
    " abort_requested = false, scheduled_at = null" + _OURS
)
_LEAVE = (
    "update procrastinate_jobs set worker_id = null,"
    " status = (case when abort_requested then 'aborted' else 'todo' end)::procrastinate_job_status,"
    " abort_requested = false, scheduled_at = now() + make_interval(secs => %(wait)s)"
    + _OURS
    + " and (select count(*) from job_events where job_id = procrastinate_jobs.id and became = 'queued') <= %(offers)s"
    " returning id"
)
_GIVE_BACK_UNKNOWN = (
    "update procrastinate_jobs set status = 'todo', attempts = attempts + 1, worker_id = null, abort_requested = false,"
    " scheduled_at = null where status = 'doing' and worker_id = %(worker_id)s and id <> all(%(ids)s::bigint[])"
)
_STOPPED = (
    "select held.id, held.attempts from unnest(%(ids)s::bigint[], %(attempts)s::int[]) as held(id, attempts)"
    " left join procrastinate_jobs j on j.id = held.id and j.status = 'doing' and j.worker_id = %(worker_id)s"
    " and j.attempts = held.attempts and not j.abort_requested where j.id is null"
)
_BEAT = "update procrastinate_workers set last_heartbeat = now() where id = %(worker_id)s returning id"
_SWEEP = (
    "select case when now() - pg_postmaster_start_time() < make_interval(secs => %(grace)s) then 0"
    " else queue_sweep(make_interval(secs => %(lease)s), %(deaths)s) end as swept"
)

_PAUSE = 0.5
"""Seconds between two tries to reach a database that does not answer."""
_LEFT_FOR = 60.0
"""Seconds until a job that a worker does not know is offered again: while a fleet is renewed, another one does."""
_OFFERS = 1000
"""Then nobody is expected to know it any more."""


class WorkerForgotten(Exception):
    """The fleet took this worker for dead; it has to register again."""


@dataclass(slots=True)
class Held:
    """A job that this worker has claimed, and what is to be said when it ends."""

    token: Token
    failures: int
    error: str | None = None
    error_code: str | None = None
    stop: bool = False
    """It was cancelled, or belongs to somebody else by now."""
    give_back: bool = False


class FencedManager(JobManager):
    """Claims fairly, writes only for jobs that are still its own, and outlives an outage of the database.

    Where the engine's worker would end because the database is away, this waits for it instead: the running handlers
    know nothing of the outage unless it outlasts their lease.
    """

    def __init__(self, connector: BaseConnector, *, cap: int, kinds: Iterable[str]) -> None:
        super().__init__(connector)
        # By attempt, not by job: an unlocked job may start here again while its first handler still runs.
        self._held: dict[tuple[int, int], Held] = {}
        self._cap = cap
        self._known = frozenset(kinds)
        self._notify: NotificationCallback | None = None
        self._in_doubt = False
        self._out_at = -math.inf
        """When the database was last out of reach, as far as this process knows."""

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        try:
            if self._in_doubt:
                await self._give_back_unknown(worker_id)
            row = await self.connector.execute_query_one_async(
                query=_CLAIM, queues=list(queues) if queues else None, worker_id=worker_id, cap=self._cap
            )
        except ConnectorException as failed:
            if not _is_outage(failed):
                raise
            self._lost_sight()
            self._in_doubt = True
            return None
        if row["id"] is None:
            return None
        token = Token(row["id"], worker_id, row["attempts"])
        self._held[token.job_id, token.attempts] = Held(token, row["failures"])
        return Job.from_row(row)

    def held(self, job: Job) -> Held:
        return self._held[_key(job)]

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: ARG002 - the engine's signature
        """Nothing is written when the handler's own transaction has completed the job, or another worker has it."""
        held = self._release(job)
        if job.task_name not in self._known and await self._left(held):
            return
        told = {"error": held.error, "error_code": held.error_code}
        parameters = {"status": status.value, **told, **held.token.as_parameters()}
        await self._insist(lambda: self.connector.execute_query_async(query=_FINISH, **parameters))
        await self._wake()

    async def retry_job(
        self,
        job: Job,
        retry_at: dt.datetime | None = None,
        priority: int | None = None,  # noqa: ARG002 - the engine's signature
        queue: str | None = None,  # noqa: ARG002
        lock: str | None = None,  # noqa: ARG002
    ) -> None:
        held = self._release(job)
        parameters: dict[str, Any] = held.token.as_parameters()
        if not held.give_back:
            parameters |= {"retry_at": retry_at, "error": held.error, "error_code": held.error_code}
        query = _GIVE_BACK if held.give_back else _RETRY
        await self._insist(lambda: self.connector.execute_query_async(query=query, **parameters))
        await self._wake()

    async def list_jobs_to_abort_async(self, queue: str | None = None) -> Iterable[int]:  # noqa: ARG002
        """Tell the attempts held here that are to stop. The engine is told of none: it knows jobs only, no attempts."""
        for worker_id, held in self._held_by_worker().items():
            rows = await self.connector.execute_query_all_async(
                query=_STOPPED,
                ids=[each.token.job_id for each in held],
                attempts=[each.token.attempts for each in held],
                worker_id=worker_id,
            )
            stopped = {(row["id"], row["attempts"]) for row in rows}
            for each in held:
                each.stop = each.stop or (each.token.job_id, each.token.attempts) in stopped
        return []

    async def update_heartbeat(self, worker_id: int) -> None:
        try:
            rows = await self.connector.execute_query_all_async(query=_BEAT, worker_id=worker_id)
        except ConnectorException as failed:
            if not _is_outage(failed):
                raise
            self._lost_sight()
            return
        if not rows:
            raise WorkerForgotten

    async def unregister_worker(self, worker_id: int) -> None:
        try:
            await super().unregister_worker(worker_id)
        except ConnectorException:
            # Its row goes when the others see no more heartbeats.
            _log.warning("worker_not_unregistered")

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        self._notify = on_notification

        async def hear(*, channel: str, notification: Notification) -> None:
            if notification["type"] == "abort_job_requested":
                await self.list_jobs_to_abort_async()
            else:
                await on_notification(channel=channel, notification=notification)

        while True:
            try:
                await super().listen_for_jobs(on_notification=hear, queues=queues)
            except ConnectorException as failed:
                if not _is_outage(failed):
                    raise
                self._lost_sight()
                await asyncio.sleep(_PAUSE)

    async def defer_periodic_job(self, job: Job, periodic_id: str, defer_timestamp: int) -> int | None:
        # A tick is tried once by the engine, so it has to wait here for the database.
        return await self._insist(
            lambda: super(FencedManager, self).defer_periodic_job(job, periodic_id, defer_timestamp)
        )

    async def sweep(self, *, lease: float, deaths: int) -> int:
        """Take back the jobs of workers that went silent; not a job itself, so that no backlog delays it.

        After an outage nobody's heartbeat is fresh: for half a lease everybody gets the chance to send one. A process
        that has just started knows of no outage, but the server tells when it was started itself.
        """
        grace = lease / 2
        if time.monotonic() - self._out_at < grace:
            return 0
        row = await self.connector.execute_query_one_async(query=_SWEEP, lease=lease, grace=grace, deaths=deaths)
        return int(row["swept"])

    async def beat_for_held(self) -> None:
        """A heartbeat for as long as a job is held, beyond the engine's own."""
        for worker_id in self._held_by_worker():
            await self.connector.execute_query_all_async(query=_BEAT, worker_id=worker_id)

    async def give_back(self) -> None:
        """Return what is still held, so that others start it at once instead of when the lease is over."""
        for held in list(self._held.values()):
            await self.connector.execute_query_async(query=_GIVE_BACK, **held.token.as_parameters())

    async def _give_back_unknown(self, worker_id: int) -> None:
        """The answer to a claim was lost: the job may be ours in the database, and nobody here would run it."""
        await self.connector.execute_query_async(
            query=_GIVE_BACK_UNKNOWN, worker_id=worker_id, ids=[job_id for job_id, _ in self._held]
        )
        self._in_doubt = False

    async def _left(self, held: Held) -> bool:
        """Leave a job of an unknown kind to a worker that knows it; False once it was offered often enough."""
        held.error = "No worker of this installation knows this kind of job. Run workers of one version."
        held.error_code = "kind_unknown"
        parameters = {"wait": _LEFT_FOR, "offers": _OFFERS, **held.token.as_parameters()}
        rows = await self._insist(lambda: self.connector.execute_query_all_async(query=_LEAVE, **parameters))
        _log.warning("job_kind_unknown", extra={"job_id": held.token.job_id, "left": bool(rows)})
        return bool(rows)

    def _lost_sight(self) -> None:
        self._out_at = time.monotonic()
        _log.warning("queue_unreachable")

    def _release(self, job: Job) -> Held:
        return self._held.pop(_key(job))

    def _held_by_worker(self) -> dict[int, list[Held]]:
        """More than one after the engine's worker was started anew in this process."""
        workers: dict[int, list[Held]] = {}
        for each in self._held.values():
            workers.setdefault(each.token.worker_id, []).append(each)
        return workers

    async def _wake(self) -> None:
        """Look for work again: the end of a job may let another of its workspace start."""
        if self._notify is not None:
            await self._notify(channel="", notification={"type": "job_inserted", "job_id": 0})

    async def _insist(self, write: Callable[[], Awaitable[_Result]]) -> _Result:
        """Write what must not be lost to an outage. Repeating is safe: each statement is fenced or keyed."""
        while True:
            try:
                return await write()
            except ConnectorException as failed:
                if not _is_outage(failed):
                    # The row still says that this worker runs the job; nobody does any more.
                    self._in_doubt = True
                    raise
                self._lost_sight()
                await asyncio.sleep(_PAUSE)


def _key(job: Job) -> tuple[int, int]:
    return job.id or 0, job.attempts


def _is_outage(failed: ConnectorException) -> bool:
    return isinstance(failed.__cause__, psycopg.OperationalError)
