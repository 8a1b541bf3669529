"""What starts the pipeline, and what goes on with it: a source that has arrived, more clips, a changed clip."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import CliplyError, NotFound
from cliply.features.audit import service as audit
from cliply.features.clips import charging
from cliply.features.clips import service as clips
from cliply.features.clips.digests import video_digest
from cliply.features.clips.framed import Framed
from cliply.features.clips.models import Clip, ClipState
from cliply.features.identity.access import Caller, Principal, resolve
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Meter, plans_of
from cliply.features.jobs import service as jobs
from cliply.features.pipeline import asking, covering
from cliply.features.pipeline.tasks import accept_upload, check_upload, download_source, make_covers, render_clip
from cliply.features.projects import service as projects
from cliply.features.projects import uploads
from cliply.features.projects.local_copies import local_copies
from cliply.features.projects.models import Project, ProjectState, SourceKind, Upload
from cliply.features.projects.options import ProjectOptions
from cliply.features.projects.source_cache import NoRoomHere
from cliply.features.projects.uploads import SourceRefused
from cliply.integrations.downloads import check_link
from cliply.runtime import Runtime

MOST_MORE = 20
"""Clips that may be asked for at once."""


class NoSuchCandidate(NotFound):
    def __init__(self) -> None:
        super().__init__("One of these is no candidate of the project: it is not there, or is a clip already.")


class NothingMore(NotFound):
    def __init__(self) -> None:
        super().__init__("There are no further candidates: all of them are clips already.")


class TakesLong(Exception):
    """Longer than somebody waits for an answer."""


@dataclass(frozen=True, slots=True)
class Examined:
    """An upload that was looked at and can be used."""

    upload: Upload
    verified: uploads.Verified | None
    """None where that is left to a job."""
    sha256: str | None


def examine(
    runtime: Runtime,
    principal: Principal,
    workspace_id: UUID,
    project_id: UUID,
    *,
    sha256: str | None = None,
    until: float = math.inf,
) -> Examined | None:
    """Look at what was uploaded, with no transaction open; None where that was done before.

    `until` is a moment of the monotonic clock: what cannot be read by then is left to a job. Raises PartsMissing while
    parts are missing, and SourceRefused with the reason where the file is no use; then it is removed.
    """
    with runtime.database.workspace(workspace_id) as session:
        project, upload = uploads.pending(session, _caller(runtime, session, principal), project_id)
        checking = upload is not None and _is_checked(session, project_id)
    if upload is None:
        return None
    if checking:
        return Examined(upload, None, sha256)

    def wait() -> None:
        if time.monotonic() > until:
            raise TakesLong

    try:
        return Examined(upload, uploads.verify(runtime, project, upload, sha256=sha256, on_wait=wait), sha256)
    except (TakesLong, NoRoomHere):
        # Another machine may have the room.
        return Examined(upload, None, sha256)
    except CliplyError as failed:
        if not uploads.is_final(failed):
            raise
        _refuse(runtime, principal, workspace_id, upload, str(failed))
        raise SourceRefused(str(failed)) from failed


def begin(session: Session, caller: Caller, project_id: UUID, examined: Examined | None) -> Project:
    """Start the pipeline with what was examined, once however often and late this is called."""
    if examined is not None and examined.verified is not None:
        accepted = accept_upload(session, caller.actor, caller.plan, project_id, examined.upload, examined.verified)
        if accepted is not None:
            return accepted
    elif examined is not None:
        _check_later(session, caller, project_id, examined.sha256)
    return projects.get(session, caller, project_id)


def _check_later(session: Session, caller: Caller, project_id: UUID, sha256: str | None) -> None:
    project = projects.find(session, project_id, locked=True)
    if project.state is not ProjectState.UPLOADING or _is_checked(session, project_id):
        return
    uploads.keep_for_check(session, project_id)
    by = caller.actor
    check = check_upload.options(subject=project_id)
    check.start(session, project_id=project_id, sha256=sha256, by=by.kind, by_id=by.id)


def _is_checked(session: Session, project_id: UUID) -> bool:
    found = jobs.search(session, kind=check_upload.name, subject=str(project_id), states=projects.UNFINISHED, limit=1)
    return bool(found.jobs)


def _refuse(runtime: Runtime, principal: Principal, workspace_id: UUID, upload: Upload, why: str) -> None:
    project_id = upload.project_id
    with runtime.database.workspace(workspace_id) as session:
        uploads.refuse(session, _caller(runtime, session, principal).actor, project_id, why)
    # A job does it as well, should this process end here.
    runtime.storage.delete_all(workspace_id, project_id)
    local_copies(runtime.settings).forget(project_id, upload.source_id)


def begin_link(
    runtime: Runtime, session: Session, caller: Caller, link: str, *, name: str | None, options: ProjectOptions
) -> Project:
    """Make a project of what a link leads to. Raises LinksNotAllowed, NotALink or LinkNotAllowed."""
    caller.require(Action.CREATE_PROJECTS)
    check_link(link, runtime.settings.downloads)
    project = projects.new_project(
        session,
        caller,
        project_id=uuid4(),
        # The title of the video takes its place, once that is known.
        name=name or link[: projects.LONGEST_NAME],
        options=options,
        source_kind=SourceKind.LINK,
        state=ProjectState.DOWNLOADING,
        link=link,
    )
    download_source.options(subject=project.id).start(session, project_id=project.id)
    return project


def more(
    session: Session, caller: Caller, project_id: UUID, *, candidates: Sequence[UUID] = (), count: int = 3
) -> Sequence[Clip]:
    """Make clips of further candidates, the next best if none are named. Nothing is transcribed again."""
    caller.require(Action.CHANGE_PROJECTS)
    project = projects.find(session, project_id, locked=True)
    if project.state is not ProjectState.READY:
        raise projects.ProjectNotReady(project)
    query = select(Clip).where(Clip.project_id == project_id, Clip.state == ClipState.CANDIDATE).order_by(Clip.rank)
    named = list(dict.fromkeys(candidates))[:MOST_MORE]
    found = session.scalars(query.where(Clip.id.in_(named)) if named else query.limit(min(count, MOST_MORE))).all()
    if len(found) < len(named):
        raise NoSuchCandidate
    if not found:
        raise NothingMore
    # The project is held, and only here and where its moments are found does one of them become a clip.
    caller.plan.admit(Meter.CLIPS_PER_PROJECT, used=clips.made(session, project_id), wanted=len(found))
    for clip in found:
        _ask_for_render(session, clip)
    charging.reserve(session, caller.plan, found)
    audit.record(session, "clips.asked_for", ("project", project_id), by=caller.actor)
    return found


def render(session: Session, caller: Caller, clip_id: UUID) -> Clip:
    """Make again what of the clip is out of date: all of it, its cover only, or nothing."""
    caller.require(Action.EDIT_CLIPS)
    clip = asking.held(session, clip_id, render_clip.name)
    if clip.state is ClipState.CANDIDATE or (clip.state is ClipState.RENDERING and clip.edit is None):
        raise clips.ClipNotMade(clip)
    edit = clip.clip_edit
    framed = None if clip.framed is None else Framed.model_validate(clip.framed)
    fresh = edit is not None and framed is not None and not framed.stale
    if not fresh or edit is None or clip.rendered_from != video_digest(edit) or clip.state is ClipState.FAILED:
        _ask_for_render(session, clip)
        charging.reserve(session, caller.plan, [clip])
    elif covering.is_due(clip):
        asking.ask_for_cover(session, clip, make_covers.options(subject=clip.project_id))
    else:
        return clip
    audit.record(session, "clip.rendered", ("clip", clip.id), by=caller.actor, after=clips.state_of(clip))
    return clip


def _caller(runtime: Runtime, session: Session, principal: Principal) -> Caller:
    return resolve(session, principal, plans_of(runtime.settings))


def _ask_for_render(session: Session, clip: Clip) -> None:
    asking.ask_for_render(session, clip, render_clip.options(subject=clip.project_id))
