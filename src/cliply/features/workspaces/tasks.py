"""What happens to workspaces by itself: exports are written, and what is over is removed."""

import tempfile
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from cliply.features.identity.access import Caller
from cliply.features.jobs.kinds import job
from cliply.features.jobs.runner import JobRun
from cliply.features.workspaces import deletion, export
from cliply.features.workspaces.models import WorkspaceExport
from cliply.infra.storage.protocol import LONGEST_LINK

_JOBS_STOP_WITHIN = timedelta(seconds=10)


@job("WORKSPACES_PURGE", queue="maintenance", timeout=timedelta(minutes=10), cron="11 * * * *")
def purge_workspaces(run: JobRun) -> None:
    """Start the removal of each workspace whose time of grace is over."""
    with run.finish() as session:
        for workspace_id in deletion.due(session):
            # A removal that failed for good is begun again the next day.
            key = f"purge-{workspace_id}-{datetime.now(UTC).date()}"
            purge_workspace.options(key=key, subject=workspace_id).start(session, workspace_id=workspace_id)


@job("WORKSPACE_PURGE", queue="maintenance", timeout=timedelta(hours=2))
def purge_workspace(run: JobRun, workspace_id: UUID, again: bool = True) -> None:
    """Remove all files and rows of a workspace; files first, since rows tell where they belong.

    Files may still come by links that were given out before. Therefore they are removed once more behind the rows, and
    a last time when no link can be good any more.
    """
    storage = run.runtime.storage
    with run.session() as session:
        is_over = workspace_id in deletion.due(session)
        stopped = not is_over or deletion.stop_jobs(session, workspace_id)
    if not stopped:
        run.snooze(datetime.now(UTC) + _JOBS_STOP_WITHIN)
        return
    if is_over:
        storage.delete_all(workspace_id)
        run.progress(0.5, "removing rows")
        with run.session() as session:
            deletion.remove_rows(session, workspace_id)
    with run.session() as session:
        gone = deletion.is_gone(session, workspace_id)
    if gone:
        storage.delete_all(workspace_id)
    with run.finish() as session:
        if gone and again:
            late = purge_workspace.options(at=datetime.now(UTC) + LONGEST_LINK, subject=workspace_id)
            late.start(session, workspace_id=workspace_id, again=False)


@job("WORKSPACE_EXPORT", queue="maintenance", timeout=timedelta(hours=1))
def write_export(run: JobRun, export_id: UUID) -> None:
    """Write all that the workspace holds into one file and store it."""
    key = export.key_of(WorkspaceExport(id=export_id, workspace_id=run.workspace_id))
    with tempfile.TemporaryFile() as file:
        with run.session() as session:
            for name in export.write(session, file):
                run.progress(0.1, f"wrote {name}")
        size = file.tell()
        file.seek(0)
        run.runtime.storage.put_stream(
            key, file, content_type=export.CONTENT_TYPE, on_progress=lambda done: run.progress(done / max(size, 1))
        )
    with run.finish() as session:
        export.finish(session, export_id, size)


@job("EXPORTS_EXPIRE", queue="maintenance", timeout=timedelta(minutes=10), cron="37 * * * *")
def expire_exports(run: JobRun) -> None:
    """Remove exports that are kept no longer."""
    with run.finish() as session:
        for each in export.over(session):
            run.runtime.storage.delete(export.key_of(each))
            session.delete(each)


def start_export(session: Session, caller: Caller) -> WorkspaceExport:
    """Ask for an export; `link` of it works once its job has ended."""
    asked = export.request(session, caller)
    asked.job_id = write_export.options(subject=asked.id).start(session, export_id=asked.id)
    session.flush()
    return asked
