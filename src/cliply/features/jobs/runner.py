"""What a handler may do with the job that it runs."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from cliply.errors import Unavailable
from cliply.features.jobs.kinds import Kind
from cliply.features.jobs.retries import classify, explain
from cliply.infra import error_reports
from cliply.infra.queue import transactions
from cliply.infra.queue.rows import NewJob
from cliply.infra.queue.worker import Attempt, Handled, Stopped
from cliply.runtime import Runtime

_SHOWN_EVERY = 1.0
"""Seconds between two writes of a job's progress."""


class JobTookTooLong(Unavailable):
    def __init__(self, kind: Kind[Any]) -> None:
        minutes = max(1, round(kind.timeout.total_seconds() / 60))
        super().__init__(f"This took longer than {minutes} min and was stopped.")


class JobRun:
    """One attempt at a job. Read, compute with nothing open, then `finish` with the results in one transaction."""

    def __init__(self, kind: Kind[Any], attempt: Attempt, runtime: Runtime) -> None:
        self.runtime = runtime
        self._kind = kind
        self._attempt = attempt
        self._started = time.monotonic()
        self._shown = 0.0
        self._lock = threading.Lock()

    @property
    def id(self) -> int:
        return self._attempt.token.job_id

    @property
    def workspace_id(self) -> UUID:
        """Of a job that belongs to a workspace."""
        if self._attempt.workspace_id is None:
            raise ValueError(f"a job of kind {self._kind.name} belongs to a workspace")
        return self._attempt.workspace_id

    @contextmanager
    def inside(self, workspace_id: UUID) -> Iterator[Session]:
        """A transaction in a workspace, for a job of the installation that goes through all of them."""
        with self.runtime.database.workspace(workspace_id) as session:
            yield session

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction in the job's workspace, or over all of them for a job of the installation."""
        workspace_id = self._attempt.workspace_id
        database = self.runtime.database
        with database.system() if workspace_id is None else database.workspace(workspace_id) as session:
            yield session

    def progress(self, share: float, step: str | None = None) -> None:
        """Show how far the job is; cheap enough to call a few times a second, from any thread.

        Raises when the job is to stop: it was cancelled, its worker is leaving, it took too long, or it belongs to
        another worker by now.
        """
        if self._attempt.stop() is not None:
            raise Stopped
        now = time.monotonic()
        if now - self._started > self._kind.timeout.total_seconds():
            raise JobTookTooLong(self._kind)
        with self._lock:
            if now - self._shown < _SHOWN_EVERY:
                return
            self._shown = now
        if not self._report(share, step):
            raise Stopped

    def _report(self, share: float, step: str | None) -> bool:
        try:
            with self.session() as session:
                return transactions.report(session, self._attempt.token, share, step)
        except OperationalError:
            # A restart of the database is no reason to throw work away; whose the job is, `finish` asks again.
            return True

    @contextmanager
    def held(self) -> Iterator[Session]:
        """Commit something on the way, or nothing of it.

        Raises before the block runs when the job is no longer ours. Nothing of the block may take long: the job's row
        is locked meanwhile.
        """
        with self.session() as session:
            if not transactions.hold(session, self._attempt.token):
                raise Stopped
            yield session

    @contextmanager
    def finish(self) -> Iterator[Session]:
        """Commit results, next jobs and the job's own end together, or nothing of it; as `held` otherwise."""
        with self.held() as session:
            yield session
            transactions.complete(session, self._attempt.token)

    def snooze(self, until: datetime) -> None:
        """End this job and queue the same again for later. A wait costs no worker and no attempt."""
        attempt = self._attempt
        with self.finish() as session:
            again = NewJob(
                kind=attempt.kind,
                queue=self._kind.queue,
                arguments=attempt.arguments,
                workspace_id=attempt.workspace_id,
                subject=attempt.subject,
                priority=attempt.priority,
            )
            transactions.enqueue(session, again, at=until)

    def fan_out(self, session: Session, jobs: Sequence[NewJob], *, then: NewJob) -> None:
        """Inside `finish`: queue `jobs`, and `then` once when all of them have ended, however they ended."""
        transactions.fan_out(session, list(jobs), then)


def handled(kind: Kind[Any], runtime: Runtime) -> Handled:
    """A kind as a worker runs it."""

    def run(attempt: Attempt) -> None:
        try:
            arguments = kind.arguments.model_validate(attempt.arguments)
            named = {name: getattr(arguments, name) for name in kind.arguments.model_fields}
            kind.handler(JobRun(kind, attempt, runtime), **named)
        except Exception as failed:
            # Whatever a handler makes of being stopped is no fault.
            if attempt.stop() is None and not isinstance(failed, Stopped):
                error_reports.report(failed)
            raise

    return Handled(
        kind=kind.name,
        queue=kind.queue,
        run=run,
        retry_in=kind.retries.retry_in,
        explain=explain,
        classify=classify,
        cron=kind.cron,
    )
