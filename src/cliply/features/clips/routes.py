"""Clips over HTTP."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import Header, Request, Response
from fastapi.responses import JSONResponse

from cliply.errors import Invalid
from cliply.features.clips import exporting
from cliply.features.clips import service as clips
from cliply.features.clips.reading import candidate_read, clip_details, clip_read
from cliply.features.clips.schemas import (
    CandidateRead,
    ClipDetails,
    ClipRead,
    ClipUpdate,
    ExportFormat,
    FileLinks,
    ReviewUpdate,
)
from cliply.features.identity.access import Caller
from cliply.features.identity.dependencies import Running, WorkspaceSession, allowed
from cliply.features.identity.permissions import Action
from cliply.features.identity.rates import RateClass
from cliply.infra.routing import RATE, etag
from cliply.infra.routing import router as new_router

router = new_router("clips")

_VERSION = re.compile(r'"?([0-9]{1,9})(?:-[0-9a-f]+)?"?')


class WrongVersion(Invalid):
    def __init__(self) -> None:
        super().__init__("If-Match is the ETag that came with the clip, or its version in quotes.")


@router.get("/api/projects/{project_id}/clips")
def list_clips(
    project_id: UUID, caller: Annotated[Caller, allowed(Action.READ_PROJECTS)], session: WorkspaceSession
) -> list[ClipRead]:
    """List the project's clips with their scores and reasons, best first."""
    return [clip_read(clip) for clip in clips.of_project(session, caller, project_id)]


@router.get("/api/projects/{project_id}/candidates")
def list_candidates(
    project_id: UUID, caller: Annotated[Caller, allowed(Action.READ_PROJECTS)], session: WorkspaceSession
) -> list[CandidateRead]:
    """List the moments that no clip was made of, best first."""
    return [candidate_read(clip) for clip in clips.of_project(session, caller, project_id, candidates=True)]


@router.get("/api/clips/{clip_id}", response_model=ClipDetails)
def get_clip(
    request: Request,
    clip_id: UUID,
    caller: Annotated[Caller, allowed(Action.READ_PROJECTS)],
    session: WorkspaceSession,
) -> Response:
    """See a clip with its edit. The ETag of the answer is what a change of the clip names in `If-Match`."""
    answer = _tagged(clip_details(clips.get(session, caller, clip_id)))
    if answer.headers["etag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"etag": answer.headers["etag"]})
    return answer


@router.patch("/api/clips/{clip_id}", response_model=ClipDetails, openapi_extra={RATE: RateClass.WRITE})
def change_clip(
    clip_id: UUID,
    body: ClipUpdate,
    caller: Annotated[Caller, allowed(Action.EDIT_CLIPS)],
    session: WorkspaceSession,
    if_match: Annotated[str, Header(max_length=100, description="The clip's ETag, so that no other change is lost.")],
) -> Response:
    """Change the clip; what is left out stays. Nothing is rendered until that is asked for."""
    version = _VERSION.fullmatch(if_match)
    if version is None:
        raise WrongVersion
    changed = clips.edit(session, caller, clip_id, body, version=int(version[1]))
    session.refresh(changed)
    return _tagged(clip_details(changed))


@router.post("/api/clips/{clip_id}/review", openapi_extra={RATE: RateClass.WRITE})
def review_clip(
    clip_id: UUID,
    body: ReviewUpdate,
    caller: Annotated[Caller, allowed(Action.EDIT_CLIPS)],
    session: WorkspaceSession,
) -> ClipRead:
    """Approve the clip, reject it, or leave that open."""
    reviewed = clips.review(session, caller, clip_id, body.review)
    session.refresh(reviewed)
    return clip_read(reviewed)


@router.get("/api/clips/{clip_id}/files")
def list_clip_files(
    clip_id: UUID,
    caller: Annotated[Caller, allowed(Action.READ_PROJECTS)],
    session: WorkspaceSession,
    runtime: Running,
) -> FileLinks:
    """Get links to the clip's files, which read them for an hour without signing in."""
    links = clips.download_links(runtime.storage, clips.get(session, caller, clip_id))
    return FileLinks.model_validate({"links": links})


@router.get("/api/clips/{clip_id}/exports/{form}", response_class=Response)
def export_clip(
    clip_id: UUID,
    form: ExportFormat,
    caller: Annotated[Caller, allowed(Action.READ_PROJECTS)],
    session: WorkspaceSession,
) -> Response:
    """Get the clip as a timeline for an editing program, or its words as subtitles."""
    name, written = exporting.export(session, clips.get(session, caller, clip_id), form)
    return Response(
        written,
        media_type=exporting.CONTENT_TYPES[form],
        headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"},
    )


def _tagged(details: ClipDetails) -> Response:
    answer = JSONResponse(details.model_dump(mode="json"))
    # Its first half is the version of the edit: a render that ends is no reason to refuse a change.
    answer.headers["etag"] = f'"{details.version}-{etag(bytes(answer.body)).strip(chr(34))}"'
    return answer
