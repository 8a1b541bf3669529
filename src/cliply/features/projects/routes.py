"""Uploads and projects over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import Proof, Running, WorkspaceSession, allowed
from cliply.features.identity.permissions import Action
from cliply.features.identity.rates import RateClass
from cliply.features.jobs import service as jobs
from cliply.features.projects import service as projects
from cliply.features.projects import uploads, watching
from cliply.features.projects.models import Project, ProjectState
from cliply.features.projects.reading import upload_read
from cliply.features.projects.schemas import (
    ProjectDetails,
    ProjectEventRead,
    ProjectRead,
    ProjectUpdate,
    UploadRead,
    WorkRead,
)
from cliply.infra import pages
from cliply.infra.pages import Cursor, Page, PageSize
from cliply.infra.routing import RATE
from cliply.infra.routing import router as new_router

router = new_router("projects")

_LIST, _TIMELINE = "projects", "timeline"
_MOST_WORK = 200


@router.get("/api/upload/{project_id}")
def get_upload(
    project_id: UUID,
    caller: Annotated[Caller, allowed(Action.CREATE_PROJECTS)],
    session: WorkspaceSession,
    runtime: Running,
) -> UploadRead:
    """See which parts have arrived, and where the others go: an upload that was dropped goes on here."""
    return upload_read(uploads.plan(runtime, uploads.get(session, caller, project_id)))


@router.get("/api/projects")
def list_projects(
    caller: Annotated[Caller, allowed(Action.READ_PROJECTS)],
    session: WorkspaceSession,
    state: Annotated[ProjectState | None, Query()] = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> Page[ProjectRead]:
    """List the workspace's projects, newest first; new ones do not move the pages after the first."""
    found = projects.search(session, caller, state=state, after=pages.moment(_LIST, cursor), limit=limit)
    return Page(
        items=[ProjectRead.model_validate(each) for each in found.projects],
        next=None if found.after is None else pages.cursor(_LIST, found.after[0].isoformat(), str(found.after[1])),
    )


@router.get("/api/projects/{project_id}")
def get_project(
    project_id: UUID, caller: Annotated[Caller, allowed(Action.READ_PROJECTS)], session: WorkspaceSession
) -> ProjectDetails:
    """See a project, what is known of its source, and what is being done for it now."""
    project = ProjectRead.model_validate(projects.get(session, caller, project_id))
    return ProjectDetails(**project.model_dump(), work=_work(session, project_id))


@router.patch("/api/projects/{project_id}", response_model=ProjectRead, openapi_extra={RATE: RateClass.WRITE})
def rename_project(
    project_id: UUID,
    body: ProjectUpdate,
    caller: Annotated[Caller, allowed(Action.CHANGE_PROJECTS)],
    session: WorkspaceSession,
) -> Project:
    """Give the project another name."""
    renamed = projects.rename(session, caller, project_id, body.name)
    session.flush()
    session.refresh(renamed)
    return renamed


@router.delete("/api/projects/{project_id}", status_code=204, openapi_extra={RATE: RateClass.WRITE})
def delete_project(
    project_id: UUID, caller: Annotated[Caller, allowed(Action.DELETE_PROJECTS)], session: WorkspaceSession
) -> None:
    """Delete the project with its clips and all its files; what runs for it is stopped."""
    projects.delete(session, caller, project_id)


@router.get("/api/projects/{project_id}/timeline")
def list_project_events(
    project_id: UUID,
    caller: Annotated[Caller, allowed(Action.READ_PROJECTS)],
    session: WorkspaceSession,
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> Page[ProjectEventRead]:
    """List what happened to the project and its clips, oldest first."""
    after = pages.number(_TIMELINE, cursor) or 0
    found = projects.events(session, caller, project_id, after=after, limit=limit + 1)
    return Page(
        items=[ProjectEventRead.model_validate(each) for each in found[:limit]],
        next=pages.cursor(_TIMELINE, found[limit - 1].id) if len(found) > limit else None,
    )


@router.get(
    "/api/projects/{project_id}/events",
    response_class=StreamingResponse,
    responses={204: {"description": "Nothing is left to come after this event: a browser does not ask again."}},
)
def watch_project(
    request: Request,
    project_id: UUID,
    caller: Annotated[Caller, allowed(Action.READ_PROJECTS)],
    session: WorkspaceSession,
    runtime: Running,
    prove: Proof,
    last_event_id: Annotated[
        int | None, Header(ge=0, lt=2**63, description="Go on after this event, as a browser does by itself.")
    ] = None,
) -> Response:
    """Follow the project live, as server-sent events: `step` for each step, `progress` for how far its jobs are.

    The stream ends when nothing is left to be done, or after some minutes; a browser then comes back by itself. Where
    streams are cut, ask for the project instead: its answer has the same in `work`.
    """
    if watching.is_over(session, caller, project_id, after=last_event_id or 0):
        return Response(status_code=204)
    stream = watching.Watch(runtime, prove, caller.workspace_id, project_id, after=last_event_id or 0)

    async def over() -> bool:
        return request.app.state.stopping.is_set() or await request.is_disconnected()

    return StreamingResponse(
        stream.events(over),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def _work(session: Session, project_id: UUID) -> list[WorkRead]:
    unfinished = projects.UNFINISHED
    found = jobs.search(session, subject=str(project_id), states=unfinished, limit=_MOST_WORK).jobs
    return [watching.work(job) for job in reversed(found)]
