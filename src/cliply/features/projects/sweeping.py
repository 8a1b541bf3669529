"""What goes by itself: uploads that were never ended, and projects that are kept no longer."""

from datetime import timedelta

from sqlalchemy import func, select

from cliply.features.audit.models import ActorKind
from cliply.features.audit.service import Actor
from cliply.features.jobs.kinds import job
from cliply.features.jobs.runner import JobRun
from cliply.features.projects import expiry
from cliply.features.projects import service as projects
from cliply.features.projects.models import Project, ProjectState, Upload

_BATCH = 500
_UNFINISHED = timedelta(days=3)
_LATE = "The upload was not finished in time. Begin a new one."


@job("UPLOADS_SWEEP", queue="maintenance", timeout=timedelta(minutes=30), cron="23 * * * *")
def sweep_uploads(run: JobRun) -> None:
    """Give up uploads that were not finished in time, and remove what storage holds of them."""
    late = (Upload.expires_at < func.now(), Project.state == ProjectState.UPLOADING)
    with run.session() as session:
        query = select(Upload.project_id, Upload.workspace_id).join(Project, Project.id == Upload.project_id)
        found = session.execute(query.where(*late).limit(_BATCH)).all()
    for project_id, workspace_id in found:
        run.progress(0)
        with run.inside(workspace_id) as session:
            query_one = select(Project).join(Upload, Upload.project_id == Project.id)
            project = session.scalars(query_one.where(Project.id == project_id, *late).with_for_update()).one_or_none()
            if project is not None:
                projects.refuse(session, project, _LATE)
    run.runtime.storage.sweep(_UNFINISHED)


@job("EXPIRY_NOTICES", queue="maintenance", timeout=timedelta(minutes=30), cron="31 * * * *")
def tell_of_expiry(run: JobRun) -> None:
    """Tell owners which projects their workspace will soon keep no longer."""
    with run.session() as session:
        now = session.execute(select(func.now())).scalar_one()
        # A day more than anybody's notice, since a day ends later elsewhere.
        soon = expiry.untold(now + expiry.LONGEST_NOTICE + timedelta(days=2))
        found = session.scalars(select(Project.workspace_id).where(*soon).distinct()).all()
    for workspace_id in found:
        run.progress(0)
        with run.inside(workspace_id) as session:
            expiry.tell(session, now=now, settings=run.runtime.settings)


@job("PROJECTS_EXPIRE", queue="maintenance", timeout=timedelta(minutes=30), cron="41 * * * *")
def expire_projects(run: JobRun) -> None:
    """Delete projects that their workspace keeps no longer, once their owners were told before."""
    with run.session() as session:
        now = session.execute(select(func.now())).scalar_one()
        query = select(Project.id, Project.workspace_id).where(*expiry.over(now))
        found = session.execute(query.limit(_BATCH)).all()
    for project_id, workspace_id in found:
        run.progress(0)
        with run.inside(workspace_id) as session:
            query_one = select(Project).where(Project.id == project_id, *expiry.over(now))
            project = session.scalars(query_one.with_for_update()).one_or_none()
            if project is not None:
                projects.remove(session, project, by=Actor(ActorKind.SYSTEM), name="retention")
