"""The queue's own housekeeping."""

from datetime import timedelta

from cliply.features.jobs.kinds import job
from cliply.features.jobs.runner import JobRun
from cliply.infra.queue import control

_KEPT_DAYS = 30
_BATCH = 1_000


@job("JOB_HISTORY_CLEAN", queue="maintenance", timeout=timedelta(minutes=10), cron="17 * * * *")
def clean_job_history(run: JobRun) -> None:
    """Forget jobs that ended 30 days ago, with their history and keys."""
    deleted = _BATCH
    while deleted == _BATCH:
        run.progress(0)
        with run.session() as session:
            deleted = control.forget_finished(session, days=_KEPT_DAYS, at_most=_BATCH)
