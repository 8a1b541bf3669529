"""Look at jobs and steer them. Inside a workspace's session nobody sees or touches the jobs of another."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import Conflict, NotFound
from cliply.features.jobs.models import Job, JobEvent
from cliply.infra.queue import control


class JobNotFound(NotFound):
    def __init__(self, job_id: int) -> None:
        super().__init__(f"There is no job {job_id}.")


class UnknownQueue(NotFound):
    def __init__(self, names: Sequence[str], there_are: Sequence[str]) -> None:
        super().__init__(f"There is no queue {', '.join(names)}. There are: {', '.join(there_are)}.")


class JobHasEnded(Conflict):
    def __init__(self, job: Job) -> None:
        super().__init__(f"Job {job.id} has {job.state} already, so it cannot be cancelled.")


class JobNotRetryable(Conflict):
    def __init__(self, job: Job) -> None:
        super().__init__(f"Job {job.id} is {job.state}. Only a job that failed or was cancelled can be run again.")


class JobNotRunning(Conflict):
    def __init__(self, job: Job) -> None:
        super().__init__(f"Job {job.id} is {job.state}. Only a running job can be taken from its worker.")


@dataclass(frozen=True, slots=True)
class JobPage:
    """Newest first; `after` is what to pass for the next page, None on the last."""

    jobs: Sequence[Job]
    after: int | None


def get(session: Session, job_id: int) -> Job:
    job = session.scalars(select(Job).where(Job.id == job_id).execution_options(populate_existing=True)).one_or_none()
    if job is None:
        raise JobNotFound(job_id)
    return job


def search(
    session: Session,
    *,
    kind: str | None = None,
    states: Collection[str] = (),
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: int | None = None,
    limit: int = 50,
) -> JobPage:
    """A page of jobs. New jobs appear before the first page only, so a walk through the pages repeats nothing."""
    query = select(Job).order_by(Job.id.desc()).limit(limit + 1)
    for column, wanted in ((Job.kind, kind), (Job.subject, subject)):
        if wanted is not None:
            query = query.where(column == wanted)
    if states:
        query = query.where(Job.state.in_(states))
    if since is not None:
        query = query.where(Job.created_at >= since)
    if until is not None:
        query = query.where(Job.created_at < until)
    if after is not None:
        query = query.where(Job.id < after)
    found = session.scalars(query).all()
    return JobPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def history(session: Session, job_id: int) -> Sequence[JobEvent]:
    return session.scalars(select(JobEvent).where(JobEvent.job_id == job_id).order_by(JobEvent.id)).all()


def durations(history: Sequence[JobEvent]) -> Iterator[float | None]:
    """For each event the seconds of the attempt that it ended; None where it ended none."""
    began: datetime | None = None
    for event in history:
        ended = event.was in ("running", "stopping") and event.became != "stopping"
        yield (event.at - began).total_seconds() if ended and began is not None else None
        began = event.at if event.became == "running" else None if ended else began


def cancel(session: Session, job_id: int, *, actor: str) -> Job:
    """A waiting job ends at once; a running one shows `stopping` until its handler has let go."""
    job = get(session, job_id)
    if not control.cancel(session, job_id, actor=actor):
        raise JobHasEnded(job)
    return get(session, job_id)


def hold(session: Session, job_ids: Sequence[int]) -> None:
    """Lock these jobs before anything that their handlers lock when they end."""
    control.hold(session, list(job_ids))


def retry(session: Session, job_id: int, *, actor: str) -> Job:
    """Run a job again that failed or was cancelled, with all its attempts."""
    job = get(session, job_id)
    if not control.retry(session, job_id, actor=actor):
        raise JobNotRetryable(job)
    return get(session, job_id)


def unlock(session: Session, job_id: int, *, actor: str) -> Job:
    """Take a running job from its worker and queue it again. Whatever the old worker still does for it is refused."""
    job = get(session, job_id)
    if not control.unlock(session, job_id, actor=actor):
        raise JobNotRunning(job)
    return get(session, job_id)


def dead_letters(session: Session, *, after: int | None = None, limit: int = 50) -> JobPage:
    """Jobs that failed for good: their attempts are used up, or they ended their worker each time."""
    return search(session, states=("failed",), after=after, limit=limit)


def pause_queue(session: Session, queue: str, *, actor: str) -> None:
    control.pause(session, queue, actor=actor)


def resume_queue(session: Session, queue: str, *, actor: str) -> None:
    control.resume(session, queue, actor=actor)
