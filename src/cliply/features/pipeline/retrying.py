"""A project that failed goes on with its first step that has no result; one that is ready, with what it lacks."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.errors import Conflict
from cliply.features.audit import service as audit
from cliply.features.clips.models import Clip, ClipState
from cliply.features.identity.access import Caller
from cliply.features.identity.permissions import Action
from cliply.features.jobs.kinds import fan_out
from cliply.features.pipeline import asking
from cliply.features.pipeline.tasks import detect_highlights, download_source, make_covers, render_clip, transcribe
from cliply.features.projects import charging
from cliply.features.projects import service as projects
from cliply.features.projects.models import Project, ProjectState


class NothingFailed(Conflict):
    def __init__(self, project: Project) -> None:
        super().__init__(f"“{project.name}” is {project.state.value} and nothing of it has failed.")


class SourceIsGone(Conflict):
    def __init__(self, project: Project) -> None:
        super().__init__(f"The source of “{project.name}” was refused and nothing of it is kept. Begin a new project.")


def retry(session: Session, caller: Caller, project_id: UUID) -> Project:
    """Start the failed step again, with all its attempts. Raises NothingFailed or SourceIsGone."""
    caller.require(Action.CHANGE_PROJECTS)
    project = projects.find(session, project_id, locked=True)
    before = projects.state_of(project)
    match project.state:
        case ProjectState.FAILED:
            _go_on(session, project)
            session.flush()
            charging.reserve(session, caller.plan, project, project.duration_ms)
        case ProjectState.READY:
            _make_what_is_missing(session, project)
        case ProjectState.REFUSED:
            raise SourceIsGone(project)
        case _:
            raise NothingFailed(project)
    session.flush()
    audit.record(
        session, "project.retried", ("project", project_id), by=caller.actor, before=before,
        after=projects.state_of(project),
    )  # fmt: skip
    return project


def _go_on(session: Session, project: Project) -> None:
    made = [clip for clip in _clips(session, project) if clip.state is not ClipState.CANDIDATE]
    fetched = project.source_id is not None
    project.state, project.error = ProjectState.PROCESSING if fetched else ProjectState.DOWNLOADING, None
    if not fetched:
        download_source.options(subject=project.id).start(session, project_id=project.id)
    elif project.transcript_id is None:
        transcribe.options(subject=project.id).start(session, project_id=project.id)
    elif not made:
        detect_highlights.options(subject=project.id).start(session, project_id=project.id)
    else:
        _render(session, project, [clip for clip in made if clip.state is ClipState.FAILED])


def _render(session: Session, project: Project, failed: Sequence[Clip]) -> None:
    """And the covers after them, which end the project's work."""
    for clip in failed:
        clip.state, clip.error = ClipState.RENDERING, None
    session.flush()
    render, covers = (kind.options(subject=project.id) for kind in (render_clip, make_covers))
    wanted = [
        {"project_id": project.id, "clip_id": clip.id, "alone": False, "version": clip.version} for clip in failed
    ]
    fan_out(
        session,
        [render.planned(session, arguments) for arguments in wanted],
        then=covers.planned(session, {"project_id": project.id}),
    )


def _make_what_is_missing(session: Session, project: Project) -> None:
    failed = [clip for clip in _clips(session, project) if clip.error is not None]
    if not failed:
        raise NothingFailed(project)
    for each in failed:
        clip = asking.held(session, each.id, render_clip.name)
        if clip.state is ClipState.READY:
            asking.ask_for_cover(session, clip, make_covers.options(subject=project.id))
        else:
            asking.ask_for_render(session, clip, render_clip.options(subject=project.id))


def _clips(session: Session, project: Project) -> Sequence[Clip]:
    return session.scalars(select(Clip).where(Clip.project_id == project.id).order_by(Clip.rank)).all()
