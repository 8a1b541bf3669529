"""Runs queued jobs until told to stop: claims, heartbeats, sweeps, and hands each job to its kind's handler."""

import asyncio
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, cast
from uuid import UUID

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.job_context import AbortReason, JobContext
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.tasks import Task
from sqlalchemy import make_url

from cliply.errors import code_of
from cliply.infra import metrics
from cliply.infra.db import SYSTEM_ROLE
from cliply.infra.logging import log_context
from cliply.infra.queue.engine import FencedManager, Held
from cliply.infra.queue.rows import Arguments, Token

_log = logging.getLogger(__name__)


class Stop(Enum):
    """Why a job is to stop before its end."""

    CANCELLED = "cancelled"
    """Somebody cancelled it, or another worker has it now."""
    SHUTDOWN = "shutdown"
    """The worker is leaving; another one runs the job from its start."""


class Stopped(BaseException):
    """Raised through a handler that is to stop; not an Exception, so that no handler takes it for a failure."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a job, as its handler sees it."""

    token: Token
    kind: str
    workspace_id: UUID | None
    subject: str | None
    arguments: Arguments
    priority: int
    stop: Callable[[], Stop | None]


@dataclass(frozen=True, slots=True)
class Handled:
    """How to run one kind of job. `run` works in a thread and may block.

    `retry_in` gets what `run` raised and how often the job has failed before, and returns seconds or None for never;
    `explain` makes a sentence of it that a customer may read, `classify` a code that a program may.
    """

    kind: str
    queue: str
    run: Callable[[Attempt], None]
    retry_in: Callable[[BaseException, int], float | None]
    explain: Callable[[BaseException], str]
    cron: str | None = None
    classify: Callable[[BaseException], str] = lambda failed: code_of(type(failed))


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of a worker's rhythm. A worker is taken for dead after `lease` without a heartbeat."""

    heartbeat: float = 5.0
    lease: float = 20.0
    sweep: float = 2.0
    poll: float = 1.0
    stop_poll: float = 2.0
    grace: float = 20.0
    """How long running jobs may go on after SIGTERM before they are told to stop."""
    farewell: float = 5.0
    """How long they then have to stop before the process leaves without them."""
    deaths: int = 3
    """A job that ends this many workers is not tried again."""


class Worker:
    """A process's worker; `run` returns after SIGTERM or `stop`."""

    def __init__(
        self,
        url: str,
        kinds: Iterable[Handled],
        *,
        queues: Sequence[str],
        concurrency: int,
        cap: int,
        pace: Pace | None = None,
    ) -> None:
        self._queues = list(queues)
        self._concurrency = concurrency
        self._pace = pace or Pace()
        self._stopping = asyncio.Event()
        # The engine logs arguments and exceptions whole; what may be said is logged here.
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
        logging.getLogger("procrastinate.worker.worker").setLevel(logging.ERROR)
        self._app = App(connector=PsycopgConnector(**_pool(url, concurrency)))
        kinds = list(kinds)
        self._manager = FencedManager(self._app.connector, cap=cap, kinds=(kind.kind for kind in kinds))
        self._app.job_manager = self._manager
        for kind in kinds:
            metrics.know_kind(kind.kind)
            self._register(kind)

    def stop(self) -> None:
        """Finish or give back what runs, then let `run` return; from the loop's own thread."""
        self._stopping.set()

    @property
    def concurrency(self) -> int:
        return self._concurrency

    async def run(self) -> None:
        """On a loop whose default executor has threads for all its workers; see `run_all`."""
        async with self._app.open_async():
            beside = [asyncio.create_task(self._sweep()), asyncio.create_task(self._keep_jobs())]
            try:
                await self._keep_working()
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    async def _keep_working(self) -> None:
        """The engine's worker ends when one of its side tasks fails; then there is another one, registered anew."""
        while not self._stopping.is_set():
            working = asyncio.create_task(self._work())
            stopped = asyncio.create_task(self._stopping.wait())
            await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if self._stopping.is_set():
                await self._drain(working)
                return
            failed = working.exception()
            _log.warning("worker_restarted", extra={"because": type(failed).__name__ if failed else "side task"})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 0.5)

    async def _work(self) -> None:
        pace = self._pace
        await self._app.run_worker_async(
            queues=self._queues,
            concurrency=self._concurrency,
            fetch_job_polling_interval=pace.poll,
            abort_job_polling_interval=pace.stop_poll,
            shutdown_graceful_timeout=pace.grace,
            update_heartbeat_interval=pace.heartbeat,
            # A worker that is taken for dead keeps its row for a while: until then it finds out by its tokens.
            stalled_worker_timeout=pace.lease * 3,
            install_signal_handlers=False,
        )

    async def _drain(self, working: "asyncio.Task[None]") -> None:
        working.cancel()
        _done, late = await asyncio.wait([working], timeout=self._pace.grace + self._pace.farewell)
        if not late:
            return
        # A handler that does not look at its progress cannot be stopped; the process leaves without it.
        with suppress(ConnectorException):
            await self._manager.give_back()
        _log.warning("worker_left_running_jobs")
        os._exit(0)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._pace.sweep)
            try:
                if swept := await self._manager.sweep(lease=self._pace.lease, deaths=self._pace.deaths):
                    _log.warning("jobs_swept", extra={"jobs": swept})
            except ConnectorException:
                _log.warning("sweep_missed")

    async def _keep_jobs(self) -> None:
        """The engine's worker stops its heartbeat when it begins to drain, while its jobs still run."""
        while True:
            await asyncio.sleep(self._pace.heartbeat)
            with suppress(ConnectorException):
                await self._manager.beat_for_held()

    def _register(self, kind: Handled) -> None:
        def run(context: JobContext, /, **arguments: Any) -> None:
            self._run(kind, context, arguments)

        task = self._app.task(
            name=kind.kind, queue=kind.queue, pass_context=True, retry=_Retries(self._manager, kind.retry_in)
        )(run)
        if kind.cron is not None:
            # The tick's time comes as an argument; `run` takes any.
            self._app.periodic(cron=kind.cron, periodic_id=kind.kind)(cast("Task[Any, Any, [int]]", task))

    def _run(self, kind: Handled, context: JobContext, arguments: dict[str, Any]) -> None:
        held = self._manager.held(context.job)
        attempt = _attempt(kind.kind, held, context, arguments)
        with log_context(
            job_id=held.token.job_id,
            job_kind=kind.kind,
            workspace_id=attempt.workspace_id,
            request_id=arguments.get("request_id"),
        ):
            began, outcome = time.monotonic(), "succeeded"
            metrics.job_started(kind.kind, held.failures + 1)
            _log.info("job_started", extra={"attempt": held.token.attempts + 1})
            try:
                self._try(kind, held, attempt)
            except JobAborted:
                outcome = "given_back" if held.give_back else "cancelled"
                raise
            except BaseException:
                outcome = "failed"
                raise
            finally:
                took = time.monotonic() - began
                metrics.job_ended(kind.kind, outcome, took)
                _log.info("job_ended", extra={"outcome": outcome, "seconds": round(took, 3)})

    def _try(self, kind: Handled, held: Held, attempt: Attempt) -> None:
        try:
            kind.run(attempt)
        except BaseException as failed:
            # Whatever a handler makes of being stopped, a stopped job has not failed.
            stop = attempt.stop()
            if stop is None and not isinstance(failed, Stopped):
                held.error, held.error_code = kind.explain(failed), kind.classify(failed)
                _log_failure(failed)
                raise
            held.give_back = stop is Stop.SHUTDOWN
            raise JobAborted from failed


async def run_all(workers: Sequence[Worker], *, signals: bool = True) -> None:
    """Run them on one loop; with `signals`, until SIGTERM or SIGINT. Raises what the first that fails raises."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for worker in workers:
            worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT) if signals else ():
        loop.add_signal_handler(number, stop)
    # asyncio's own pool has four threads more than the machine has cores: handlers would wait for each other.
    threads = sum(worker.concurrency + 4 for worker in workers)
    loop.set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="job"))
    await asyncio.gather(*(worker.run() for worker in workers))


class _Retries(BaseRetryStrategy):
    def __init__(self, manager: FencedManager, retry_in: Callable[[BaseException, int], float | None]) -> None:
        self._manager = manager
        self._retry_in = retry_in

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        held = self._manager.held(job)
        if held.give_back:
            return RetryDecision(retry_at=datetime.now(UTC))
        seconds = self._retry_in(exception, held.failures)
        return None if seconds is None else RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=seconds))


def _log_failure(failed: BaseException) -> None:
    """Where it failed, but not what it says: a message may hold a secret that looks like none."""
    trace = "".join(traceback.format_tb(failed.__traceback__))
    _log.warning("job_failed", extra={"error": type(failed).__name__, "trace": trace})


def _attempt(kind: str, held: Held, context: JobContext, arguments: dict[str, Any]) -> Attempt:
    def stop() -> Stop | None:
        if held.stop:
            return Stop.CANCELLED
        return Stop.SHUTDOWN if context.abort_reason() is AbortReason.SHUTDOWN else None

    workspace_id = arguments.get("workspace_id")
    return Attempt(
        token=held.token,
        kind=kind,
        workspace_id=UUID(workspace_id) if workspace_id else None,
        subject=arguments.get("subject"),
        arguments=arguments.get("arguments", {}),
        priority=context.job.priority,
        stop=stop,
    )


async def _commit_at_once(connection: "psycopg.AsyncConnection[Any]") -> None:
    """With a COMMIT of its own after a claim, a worker frozen just before it would keep everybody from claiming."""
    await connection.set_autocommit(True)


def _pool(url: str, concurrency: int) -> dict[str, Any]:
    """The engine's own connections: what handlers do on theirs must not delay a heartbeat."""
    return {
        "conninfo": make_url(url).set(drivername="postgresql").render_as_string(hide_password=False),
        "min_size": 1,
        "max_size": concurrency + 4,
        "timeout": 5.0,
        "kwargs": {
            "application_name": "cliply worker",
            "options": f"-c role={SYSTEM_ROLE}",
        },
        "configure": _commit_at_once,
    }
