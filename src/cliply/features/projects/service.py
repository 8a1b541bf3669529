"""Projects: listed, renamed, deleted, and what happened to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid, NotFound
from cliply.features.audit import service as audit
from cliply.features.audit.service import Actor
from cliply.features.identity.access import Caller
from cliply.features.identity.models import Workspace
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Meter
from cliply.features.jobs import service as jobs
from cliply.features.projects import charging, quota
from cliply.features.projects.models import Project, ProjectEvent, ProjectState
from cliply.features.projects.options import ProjectOptions
from cliply.features.projects.tasks import delete_objects

LONGEST_NAME = 200
UNFINISHED = ("queued", "running", "stopping")


class NoSuchProject(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such project in this workspace. It may have been deleted.")


class ProjectNotReady(Conflict):
    def __init__(self, project: Project) -> None:
        super().__init__(f"“{project.name}” is {project.state.value}. This can be done once its clips are ready.")


@dataclass(frozen=True, slots=True)
class ProjectPage:
    """Newest first; `after` is what to pass for the next page, None on the last."""

    projects: Sequence[Project]
    after: tuple[datetime, UUID] | None


def find(session: Session, project_id: UUID, *, locked: bool = False) -> Project:
    """Without asking who wants it: for jobs, and below a check. Raises NoSuchProject."""
    query = select(Project).where(Project.id == project_id).execution_options(populate_existing=True)
    project = session.scalars(query.with_for_update() if locked else query).one_or_none()
    if project is None:
        raise NoSuchProject
    return project


def get(session: Session, caller: Caller, project_id: UUID) -> Project:
    caller.require(Action.READ_PROJECTS)
    return find(session, project_id)


def search(
    session: Session,
    caller: Caller,
    *,
    state: ProjectState | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> ProjectPage:
    """A page of projects. New ones appear before the first page only, so a walk through the pages repeats nothing."""
    caller.require(Action.READ_PROJECTS)
    query = select(Project).order_by(Project.created_at.desc(), Project.id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(Project.state == state)
    if after is not None:
        query = query.where(tuple_(Project.created_at, Project.id) < tuple_(*after))
    found = session.scalars(query).all()
    last = found[limit - 1] if len(found) > limit else None
    return ProjectPage(found[:limit], (last.created_at, last.id) if last is not None else None)


def events(
    session: Session, caller: Caller, project_id: UUID, *, after: int = 0, limit: int = 100
) -> Sequence[ProjectEvent]:
    """What happened to the project and its clips, oldest first, from the event number `after` on."""
    get(session, caller, project_id)
    return session.scalars(
        select(ProjectEvent)
        .where(ProjectEvent.project_id == project_id, ProjectEvent.id > after)
        .order_by(ProjectEvent.id)
        .limit(limit)
    ).all()


def rename(session: Session, caller: Caller, project_id: UUID, name: str) -> Project:
    caller.require(Action.CHANGE_PROJECTS)
    project = find(session, project_id, locked=True)
    before, project.name = state_of(project), checked_name(name)
    audit.record(
        session, "project.renamed", ("project", project.id), by=caller.actor, before=before, after=state_of(project)
    )
    return project


def delete(session: Session, caller: Caller, project_id: UUID) -> None:
    """Remove the project with its clips and all its files. What runs for it is stopped."""
    caller.require(Action.DELETE_PROJECTS)
    remove(session, find(session, project_id, locked=True), by=caller.actor, name=str(caller.principal.user_id))


def remove(session: Session, project: Project, *, by: Actor, name: str) -> None:
    """As `delete`, without asking who wants it. Files go in a job of their own, once nothing writes any more."""
    before, project_id = state_of(project), project.id
    for job in jobs.search(session, subject=str(project_id), states=UNFINISHED, limit=1000).jobs:
        jobs.cancel(session, job.id, actor=name)
    session.delete(project)
    session.flush()
    delete_objects.options(subject=project_id).start(session, project_id=project_id)
    audit.record(session, "project.deleted", ("project", project_id), by=by, before=before)


def new_project(
    session: Session,
    caller: Caller,
    *,
    project_id: UUID,
    name: str,
    options: ProjectOptions,
    declared_ms: int | None = None,
    **source: Any,
) -> Project:
    """Add a project whose source is still to come; kept for as long as the workspace keeps its files.

    What `options` leave out is as the workspace's brand says. `declared_ms` is how long the source is said to be.
    Raises PlanLimit.
    """
    caller.plan.admit(Meter.CLIPS_PER_PROJECT, used=0, wanted=options.count or 0)
    days, brand = session.execute(select(Workspace.retention_days, Workspace.brand)).one()
    quota.admit_upload(session, caller.plan)
    open_to_brand = {name: value for name, value in brand.items() if name not in options.model_fields_set}
    project = Project(
        id=project_id,
        name=checked_name(name),
        options=options.model_copy(update=open_to_brand).model_dump(mode="json"),
        created_by=caller.principal.user_id,
        expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
        **source,
    )
    session.add(project)
    session.flush()
    charging.reserve(session, caller.plan, project, declared_ms)
    audit.record(session, "project.created", ("project", project.id), by=caller.actor, after=state_of(project))
    return project


def refuse(session: Session, project: Project, why: str) -> None:
    """The source cannot be used: nothing of it is kept."""
    project.state, project.error = ProjectState.REFUSED, why
    session.flush()
    delete_objects.options(subject=project.id).start(session, project_id=project.id)


def options_of(project: Project) -> ProjectOptions:
    return ProjectOptions.model_validate(project.options)


def checked_name(name: str) -> str:
    """One line that can be read. Raises Invalid where nothing of it can be."""
    shown = one_line(name)
    if not shown:
        raise Invalid("A project needs a name with at least one letter or digit.")
    if len(shown) > LONGEST_NAME:
        raise Invalid(f"A project's name has at most {LONGEST_NAME} characters.")
    return shown


def one_line(text: str) -> str:
    """`text` without what cannot be printed, its words one space apart."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def state_of(project: Project) -> dict[str, Any]:
    """What the audit log proves of a project."""
    return {"name": project.name, "state": project.state, "options": project.options, "sha256": project.sha256}
