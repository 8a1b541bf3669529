"""What starts the pipeline over HTTP, and what goes on with it."""

import time
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends, Request
from pydantic import Discriminator, Tag

from cliply.features.clips.models import Clip
from cliply.features.clips.reading import clip_read
from cliply.features.clips.schemas import ClipRead, ClipsMore
from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import (
    NamedWorkspace,
    Running,
    SignedInPrincipal,
    WorkspaceSession,
    allowed,
)
from cliply.features.identity.permissions import Action
from cliply.features.identity.rates import RateClass
from cliply.features.pipeline import retrying
from cliply.features.pipeline import service as pipeline
from cliply.features.pipeline.aside import aside
from cliply.features.projects import uploads
from cliply.features.projects.models import Project
from cliply.features.projects.reading import upload_read
from cliply.features.projects.schemas import (
    LinkAccepted,
    LinkInit,
    ProjectRead,
    UploadComplete,
    UploadInit,
    UploadRead,
)
from cliply.infra.routing import LIMITED, RATE
from cliply.infra.routing import router as new_router

router = new_router("projects")


def _kind_of(sent: object) -> str:
    """A file, unless it says otherwise."""
    return str(sent.get("kind", "file")) if isinstance(sent, dict) else str(getattr(sent, "kind", "file"))


async def _examined(
    request: Request, body: UploadComplete, by: SignedInPrincipal, workspace_id: NamedWorkspace, runtime: Running
) -> pipeline.Examined | None:
    """The upload was looked at before the route's transaction begins."""
    until = time.monotonic() + runtime.settings.uploads.patience
    examine = partial(pipeline.examine, runtime, by, workspace_id, body.project_id, sha256=body.sha256, until=until)
    return await aside(request.app.state.turns, examine)


@router.post("/api/upload/init", status_code=201, openapi_extra={LIMITED: True, RATE: RateClass.UPLOAD})
def init_upload(
    body: Annotated[
        Annotated[UploadInit, Tag("file")] | Annotated[LinkInit, Tag("link")], Discriminator(_kind_of), Body()
    ],
    caller: Annotated[Caller, allowed(Action.CREATE_PROJECTS)],
    session: WorkspaceSession,
    runtime: Running,
) -> UploadRead | LinkAccepted:
    """Begin a project: upload a video, in parts that are sent to the links of the answer; or name a link to one."""
    if isinstance(body, LinkInit):
        project = pipeline.begin_link(runtime, session, caller, body.link, name=body.name, options=body.options)
        return LinkAccepted(project_id=project.id)
    wanted = uploads.NewUpload(
        file_name=body.file_name,
        size=body.size,
        name=body.name,
        sha256=body.sha256,
        content_type=body.content_type,
        options=body.options,
        duration_ms=body.duration_ms,
    )
    return upload_read(uploads.init(runtime, session, caller, wanted))


@router.post(
    "/api/upload/complete",
    status_code=202,
    response_model=ProjectRead,
    openapi_extra={LIMITED: True, RATE: RateClass.UPLOAD},
)
def complete_upload(
    examined: Annotated[pipeline.Examined | None, Depends(_examined)],
    body: UploadComplete,
    caller: Annotated[Caller, allowed(Action.CREATE_PROJECTS)],
    session: WorkspaceSession,
) -> Project:
    """Say that all parts are sent. The file is checked, and becomes clips; one that cannot be used is removed.

    Where the check takes long, the answer comes before its end and the state is still `uploading`: call again until it
    is another. The pipeline starts once, however often and late this is called. One that is longer than the plan has
    minutes left waits for another call until the upload's end.
    """
    project = pipeline.begin(session, caller, body.project_id, examined)
    session.refresh(project)
    return project


@router.post(
    "/api/projects/{project_id}/clips", status_code=202, openapi_extra={LIMITED: True, RATE: RateClass.EXPENSIVE}
)
def make_more_clips(
    project_id: UUID,
    body: ClipsMore,
    caller: Annotated[Caller, allowed(Action.CHANGE_PROJECTS)],
    session: WorkspaceSession,
) -> list[ClipRead]:
    """Make clips of further candidates; nothing is transcribed again."""
    return [
        _read(session, clip)
        for clip in pipeline.more(session, caller, project_id, candidates=body.candidates, count=body.count)
    ]


@router.post(
    "/api/projects/{project_id}/retry",
    status_code=202,
    response_model=ProjectRead,
    openapi_extra={LIMITED: True, RATE: RateClass.EXPENSIVE},
)
def retry_project(
    project_id: UUID, caller: Annotated[Caller, allowed(Action.CHANGE_PROJECTS)], session: WorkspaceSession
) -> Project:
    """Start the step again at which the project failed; of one that is ready, the clips and covers that failed."""
    project = retrying.retry(session, caller, project_id)
    session.refresh(project)
    return project


@router.post("/api/clips/{clip_id}/render", status_code=202, openapi_extra={LIMITED: True, RATE: RateClass.EXPENSIVE})
def render_clip(
    clip_id: UUID, caller: Annotated[Caller, allowed(Action.EDIT_CLIPS)], session: WorkspaceSession
) -> ClipRead:
    """Render again what was changed: the whole clip, only its cover, or nothing."""
    return _read(session, pipeline.render(session, caller, clip_id))


def _read(session: WorkspaceSession, clip: Clip) -> ClipRead:
    session.refresh(clip)
    return clip_read(clip)
