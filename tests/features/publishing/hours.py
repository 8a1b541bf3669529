"""Hours that go by in an instant: everything that is kept here is moved into the past, and the networks' clock on."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from tests.features.publishing.stage import Stage

from cliply.features.publishing import planned_letters, scanning, watching
from cliply.features.publishing.tasks import CLOCK, QUEUE

_KEPT = {
    "procrastinate_jobs": ("scheduled_at",),
    "publications": (
        "run_at",
        "local_at",
        "fired_at",
        "next_at",
        "begun_at",
        "created_at",
        "updated_at",
        "published_at",
    ),
    "channels": ("expires_at", "refresh_expires_at", "paused_until"),
    "performances": ("counts_from", "next_at", "gone_at"),
    "snapshots": ("taken_at",),
    "quotas": ("resets_at",),
    "breakers": ("open_until", "failing_since"),
}
_NEXT = text("""
    select min(coalesce(scheduled_at, now())) from procrastinate_jobs
    where status = 'todo' and queue_name in (:publish, :clock, 'maintenance')
""")
WATCH_EVERY = timedelta(minutes=5)


def pass_by(stage: Stage, by: timedelta) -> None:
    with stage.office.database.system() as session:
        for table, columns in _KEPT.items():
            moved = ", ".join(f"{column} = {column} - cast(:by as interval)" for column in columns)
            session.execute(text(f"update {table} set {moved}"), {"by": by})
    stage.clock.advance(by)


def live(stage: Stage, hours: float, *, jobs: int = 10_000) -> int:
    """Run each job when it is due, until nothing waits or so many hours have gone by; how many jobs that were."""
    left, unwatched = timedelta(hours=hours), timedelta()
    for number in range(jobs):
        with stage.office.database.system() as session:
            due = session.execute(_NEXT, {"publish": QUEUE, "clock": CLOCK}).scalar_one()
        wait = timedelta() if due is None else max(timedelta(), due - datetime.now(UTC))
        if due is None or wait > left:
            return number
        if wait:
            pass_by(stage, wait + timedelta(milliseconds=1))
        left, unwatched = left - wait, unwatched + wait
        if unwatched >= WATCH_EVERY:
            watch(stage)
            unwatched = timedelta()
        assert stage.run_one()
    raise AssertionError(f"there is more to do after {jobs} jobs")


def watch(stage: Stage) -> None:
    """As the jobs do that look for what is due, and for publications that nothing goes on with."""
    scanning.scan(stage.runtime)
    late = datetime.now(UTC) - timedelta(minutes=5)
    with stage.office.database.system() as session:
        found = watching.forsaken(session, late=late)
    for workspace_id, publication_id in found:
        with stage.office.database.workspace(workspace_id) as session:
            watching.wake(session, publication_id, late=late)
    with stage.office.database.system() as session:
        unfortunate = planned_letters.unfortunate(session)
    for workspace_id in unfortunate:
        with stage.office.database.workspace(workspace_id) as session:
            planned_letters.failed(session, settings=stage.runtime.settings)
