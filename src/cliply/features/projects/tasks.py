"""Housekeeping of projects: files that nobody refers to any more, uploads that never ended, what is kept no longer."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cliply.features.jobs import service as jobs
from cliply.features.jobs.kinds import job
from cliply.features.jobs.runner import JobRun
from cliply.features.projects import local_copies
from cliply.features.usage import stored
from cliply.infra.storage.keys import ObjectKey

_LOOK_AGAIN = timedelta(seconds=20)
_MAKING = ("running", "stopping")


@job("OBJECTS_DELETE", queue="maintenance", timeout=timedelta(minutes=30))
def delete_objects(run: JobRun, project_id: UUID, keys: tuple[str, ...] = ()) -> None:
    """Remove stored files by their keys, or all that a project has. Waits for jobs that may still write for it."""
    storage = run.runtime.storage
    if keys:
        ours = [
            key for key in map(ObjectKey.parse, keys) if (key.workspace, key.project) == (run.workspace_id, project_id)
        ]
        for key in ours:
            run.progress(0)
            storage.delete(key)
        with run.finish() as session:
            stored.forget(session, ours)
        return
    with run.session() as session:
        found = jobs.search(session, subject=str(project_id), states=_MAKING).jobs
        busy = [each for each in found if each.id != run.id]
    if busy:
        run.snooze(datetime.now(UTC) + _LOOK_AGAIN)
        return
    storage.delete_all(run.workspace_id, project_id)
    # What other machines have goes when they look through it themselves.
    local_copies.local_copies(run.runtime.settings).forget(project_id)
    local_copies.sweep(run.runtime)
    with run.finish() as session:
        stored.forget_project(session, run.workspace_id, project_id)
