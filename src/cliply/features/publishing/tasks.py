"""Jobs that publish: sent, looked at, watched over; and tokens that are sealed anew."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cliply.features.jobs.kinds import job
from cliply.features.jobs.retries import Retries
from cliply.features.jobs.runner import JobRun
from cliply.features.publishing import (
    channels,
    copies,
    firing,
    looking,
    planned_letters,
    polling,
    resealing,
    revoking,
    scanning,
    sending,
    watching,
)
from cliply.infra import seal_check
from cliply.infra.sealing import open_sealer

QUEUE = "publish"
CLOCK = "schedules"
"""Has places of its own in every worker, so that what is due never waits for what is being sent."""
_RETRIES = Retries(times=8, first=5, longest=900)
_LEFT_ALONE = timedelta(minutes=5)


@job("PUBLISH_YOUTUBE", queue=QUEUE, timeout=timedelta(hours=2), retries=_RETRIES)
def publish_on_youtube(run: JobRun, publication_id: UUID, version: int) -> None:
    """Send a clip to YouTube, or the rest of it."""
    sending.carry_on(run, publication_id, version)


@job("PUBLISH_TIKTOK", queue=QUEUE, timeout=timedelta(hours=2), retries=_RETRIES)
def publish_on_tiktok(run: JobRun, publication_id: UUID, version: int) -> None:
    """Send a clip to TikTok, or the rest of it."""
    sending.carry_on(run, publication_id, version)


@job("PUBLICATION_CHECK", queue=QUEUE, timeout=timedelta(minutes=30), retries=_RETRIES)
def check_publication(run: JobRun, publication_id: UUID, version: int) -> None:
    """See at the network what became of a publication; nothing is sent."""
    looking.look(run, publication_id, version)


@job("SCHEDULE_FIRE", queue=CLOCK, timeout=timedelta(minutes=5), retries=_RETRIES)
def fire_schedule(run: JobRun, publication_id: UUID) -> None:
    """Fire a schedule whose time has come, and whatever else of its workspace is due."""
    with run.finish() as session:
        firing.fire(session, settings=run.runtime.settings, wanted=publication_id, job_id=run.id)


@job("SCHEDULES_SCAN", queue=CLOCK, timeout=timedelta(minutes=10), cron="* * * * *")
def scan_schedules(run: JobRun) -> None:
    """Fire schedules that are due, whatever has become of their jobs."""
    scanning.scan(run.runtime, on_progress=lambda: run.progress(0.5))
    with run.finish():
        pass


@job("SCHEDULES_ALIGN", queue="maintenance", timeout=timedelta(minutes=10), cron="41 * * * *")
def align_schedules(run: JobRun) -> None:
    """Keep schedules at the time that was chosen where the rules of a time zone have changed."""
    scanning.align(run.runtime, on_progress=lambda: run.progress(0.5))
    with run.finish():
        pass


@job("COPIES_DELETE", queue="maintenance", timeout=timedelta(minutes=30))
def delete_copies(run: JobRun, publication_id: UUID) -> None:
    """Remove the copies of a publication that is over."""
    copies.remove(run, publication_id)


@job("PUBLICATIONS_WATCH", queue="maintenance", timeout=timedelta(minutes=10), cron="*/5 * * * *")
def watch_publications(run: JobRun) -> None:
    """Go on with publications that nothing goes on with, and tell people of what was planned and came to nothing."""
    with run.session() as session:
        late = datetime.now(UTC) - _LEFT_ALONE
        found = watching.forsaken(session, late=late)
    for workspace_id, publication_id in found:
        run.progress(0.5)
        with run.inside(workspace_id) as session:
            watching.wake(session, publication_id, late=late)
    with run.session() as session:
        unfortunate = planned_letters.unfortunate(session)
    for workspace_id in unfortunate:
        run.progress(0.9)
        with run.inside(workspace_id) as session:
            planned_letters.failed(session, settings=run.runtime.settings)
    with run.finish():
        pass


@job(polling.KIND, queue=QUEUE, timeout=timedelta(minutes=30), retries=_RETRIES, priority=-1)
def poll_performance(run: JobRun, channel_id: UUID) -> None:
    """Ask a network for the figures of a channel's posts that have reached an age."""
    polling.poll(run, channel_id)


@job("PERFORMANCE_WATCH", queue="maintenance", timeout=timedelta(minutes=10), cron="*/5 * * * *")
def watch_performances(run: JobRun) -> None:
    """Have figures asked for of whatever has reached an age, channel by channel."""
    with run.session() as session:
        found = polling.due_channels(session, run.runtime.providers, datetime.now(UTC))
    for workspace_id, channel_id in found:
        run.progress(0.5)
        with run.inside(workspace_id) as session:
            polling.start(session, channel_id)
    with run.finish():
        pass


@job(revoking.KIND, queue=QUEUE, timeout=timedelta(minutes=10), retries=_RETRIES)
def take_permission_back(run: JobRun, revocation_id: UUID) -> None:
    """Take back at its network what was allowed on an account that was disconnected."""
    again = revoking.attempt(run.runtime, run.workspace_id, revocation_id)
    if again is not None:
        run.snooze(again)
        return
    with run.finish():
        pass


@job("ACCOUNTS_CLOSE", queue="maintenance", timeout=timedelta(minutes=10), cron="29 * * * *")
def close_accounts(run: JobRun) -> None:
    """Disconnect the accounts of workspaces that are about to be deleted, while their networks can still be told."""
    with run.session() as session:
        found = channels.closing(session)
    for workspace_id in found:
        run.progress(0.5)
        channels.close(run.runtime, workspace_id)
    with run.finish():
        pass


@job("TOKENS_RESEAL", queue="maintenance", timeout=timedelta(minutes=10), cron="23 * * * *")
def reseal_tokens(run: JobRun) -> None:
    """Seal with the present key what was sealed with one of before."""
    sealer = open_sealer(run.runtime.settings)
    with run.finish() as session:
        resealing.reseal(session, sealer)
        seal_check.reseal(session, sealer)
