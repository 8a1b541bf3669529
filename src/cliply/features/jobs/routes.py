"""Jobs over HTTP: for members their workspace's, for operators all of them."""

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Path, Query
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import AdminSession, Member, SignedInPrincipal, WorkspaceSession, allowed
from cliply.features.identity.permissions import Action
from cliply.features.identity.rates import RateClass
from cliply.features.jobs import operations
from cliply.features.jobs import service as jobs
from cliply.features.jobs.models import Job
from cliply.features.jobs.operations import Steering
from cliply.features.jobs.schemas import (
    JobDetails,
    JobDetailsForOperators,
    JobEnqueue,
    JobEventRead,
    JobForOperators,
    JobId,
    JobRead,
    JobsSteer,
    JobSteered,
    KindName,
    QueueName,
    State,
)
from cliply.infra import pages
from cliply.infra.pages import Cursor, Page, PageSize
from cliply.infra.routing import RATE
from cliply.infra.routing import router as new_router

router = new_router("jobs")
admin_router = new_router("admin")

_LIST = "jobs"
_Read = TypeVar("_Read", bound=JobRead)
_Id = Annotated[JobId, Path()]


@router.get("/api/jobs/search", dependencies=[allowed(Action.READ_JOBS)])
def search_jobs(
    session: WorkspaceSession,
    kind: Annotated[KindName | None, Query()] = None,
    state: Annotated[list[State] | None, Query(max_length=6)] = None,
    project: Annotated[UUID | None, Query()] = None,
    since: Annotated[AwareDatetime | None, Query(description="Made then or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Made before then.")] = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> Page[JobRead]:
    """List the workspace's jobs, newest first; new ones do not move the pages after the first."""
    found = jobs.search(
        session,
        kind=kind,
        states=state or (),
        subject=None if project is None else str(project),
        since=since,
        until=until,
        after=pages.number(_LIST, cursor),
        limit=limit,
    )
    return _page(found, JobRead)


@router.get("/api/jobs/{job_id}", dependencies=[allowed(Action.READ_JOBS)])
def get_job(job_id: _Id, session: WorkspaceSession) -> JobDetails:
    """See a job, how far it is, and everything that became of it."""
    job = JobRead.model_validate(jobs.get(session, job_id))
    return JobDetails(**job.model_dump(), events=_events(session, job_id))


@router.post("/api/jobs/enqueue", status_code=202, response_model=JobRead, openapi_extra={RATE: RateClass.EXPENSIVE})
def enqueue_job(body: JobEnqueue, caller: Member, session: WorkspaceSession) -> Job:
    """Queue a job of a kind that members may start by themselves."""
    return operations.enqueue(
        session, caller, body.kind, body.arguments, key=body.key, at=body.at, priority=body.priority
    )


@router.post("/api/jobs/{job_id}/cancel", response_model=JobRead, openapi_extra={RATE: RateClass.WRITE})
def cancel_job(job_id: _Id, caller: Annotated[Caller, allowed(Action.CHANGE_JOBS)], session: WorkspaceSession) -> Job:
    """Cancel a job: one that waits ends at once, one that runs is told to stop."""
    return operations.cancel(session, caller, job_id)


@admin_router.get("/api/admin/jobs")
def search_all_jobs(
    session: AdminSession,
    kind: Annotated[KindName | None, Query()] = None,
    state: Annotated[list[State] | None, Query(max_length=6)] = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> Page[JobForOperators]:
    """List the jobs of all workspaces and of the installation, newest first."""
    after = pages.number(_LIST, cursor)
    return _page(jobs.search(session, kind=kind, states=state or (), after=after, limit=limit), JobForOperators)


@admin_router.get("/api/admin/jobs/dead")
def list_dead_jobs(session: AdminSession, cursor: Cursor = None, limit: PageSize = 50) -> Page[JobForOperators]:
    """List the jobs that failed for good, newest first."""
    return _page(jobs.dead_letters(session, after=pages.number(_LIST, cursor), limit=limit), JobForOperators)


@admin_router.get("/api/admin/jobs/{job_id}")
def get_any_job(job_id: _Id, session: AdminSession) -> JobDetailsForOperators:
    """See a job of any workspace or of the installation, with what it was started with and what became of it."""
    job = JobForOperators.model_validate(jobs.get(session, job_id))
    return JobDetailsForOperators(**job.model_dump(), events=_events(session, job_id))


@admin_router.post("/api/admin/jobs/bulk", openapi_extra={RATE: RateClass.ADMIN})
def steer_jobs(body: JobsSteer, by: SignedInPrincipal, session: AdminSession) -> list[JobSteered]:
    """Cancel, retry or unlock many jobs; each that cannot be is named with why."""
    steered = operations.steer_many(session, body.action, body.ids, by=by.actor)
    return [
        JobSteered(id=each.id, done=each.error is None, error=None if each.error is None else str(each.error))
        for each in steered
    ]


@admin_router.post(
    "/api/admin/jobs/{job_id}/retry", response_model=JobForOperators, openapi_extra={RATE: RateClass.ADMIN}
)
def retry_any_job(job_id: _Id, by: SignedInPrincipal, session: AdminSession) -> Job:
    """Run a job again that failed or was cancelled, with all its attempts."""
    return operations.steer(session, Steering.RETRY, job_id, by=by.actor)


@admin_router.post(
    "/api/admin/jobs/{job_id}/cancel", response_model=JobForOperators, openapi_extra={RATE: RateClass.ADMIN}
)
def cancel_any_job(job_id: _Id, by: SignedInPrincipal, session: AdminSession) -> Job:
    """Cancel a job of any workspace."""
    return operations.steer(session, Steering.CANCEL, job_id, by=by.actor)


@admin_router.post(
    "/api/admin/jobs/{job_id}/unlock", response_model=JobForOperators, openapi_extra={RATE: RateClass.ADMIN}
)
def unlock_any_job(job_id: _Id, by: SignedInPrincipal, session: AdminSession) -> Job:
    """Take a running job from its worker and queue it again; the old worker can write nothing more for it."""
    return operations.steer(session, Steering.UNLOCK, job_id, by=by.actor)


@admin_router.post("/api/admin/queues/{queue}/pause", status_code=204, openapi_extra={RATE: RateClass.ADMIN})
def pause_queue(queue: Annotated[QueueName, Path()], by: SignedInPrincipal, session: AdminSession) -> None:
    """Begin no more jobs of a queue; those that run go on."""
    operations.pause(session, queue, by=by.actor)


@admin_router.post("/api/admin/queues/{queue}/resume", status_code=204, openapi_extra={RATE: RateClass.ADMIN})
def resume_queue(queue: Annotated[QueueName, Path()], by: SignedInPrincipal, session: AdminSession) -> None:
    """Begin jobs of a paused queue again."""
    operations.resume(session, queue, by=by.actor)


def _events(session: Session, job_id: int) -> list[JobEventRead]:
    history = jobs.history(session, job_id)
    return [
        JobEventRead.model_validate(event).model_copy(update={"seconds": seconds})
        for event, seconds in zip(history, jobs.durations(history), strict=True)
    ]


def _page(found: jobs.JobPage, read: type[_Read]) -> Page[_Read]:
    following = None if found.after is None else pages.cursor(_LIST, found.after)
    return Page(items=[read.model_validate(each) for each in found.jobs], next=following)
