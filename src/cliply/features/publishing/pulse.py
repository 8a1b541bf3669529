"""Whether the scheduler lives, for readiness and for Prometheus: a schedule that does not fire makes no noise."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cliply.errors import Unavailable
from cliply.features.publishing.models import Publication, PublicationState, ScheduleState
from cliply.infra.db import Database

STANDS_STILL_AFTER = 120.0
"""Seconds that a schedule may be due; a scan comes each minute."""


class SchedulerStandsStill(Unavailable):
    def __init__(self, overdue: float) -> None:
        super().__init__(
            f"What was planned has been due for {overdue / 60:.0f} min and has not fired. Start a worker that runs the "
            "queue schedules: cliply worker"
        )


@dataclass(frozen=True, slots=True)
class Pulse:
    planned: int
    overdue: float
    """For how many seconds the oldest has been due; 0 where nothing is."""
    scanned_at: datetime | None
    """When a scheduler looked last, be there anything due or not; None where none ever did."""


def pulse(session: Session) -> Pulse:
    """In the system's session."""
    planned = (Publication.schedule == ScheduleState.PLANNED, Publication.state != PublicationState.CANCELLED)
    late = func.extract("epoch", func.clock_timestamp() - func.min(Publication.run_at))
    count, overdue = session.execute(select(func.count(), late).select_from(Publication).where(*planned)).one()
    scanned_at = session.execute(text("SELECT scanned_at FROM schedule_scans")).scalar_one_or_none()
    return Pulse(count, max(0.0, float(overdue or 0)), scanned_at)


def check(database: Database) -> str:
    """What readiness says. Raises SchedulerStandsStill."""
    with database.system() as session:
        now = pulse(session)
    if now.overdue > STANDS_STILL_AFTER:
        raise SchedulerStandsStill(now.overdue)
    if now.scanned_at is None:
        return f"{now.planned} planned, no scan yet"
    ago = max(0.0, (datetime.now(UTC) - now.scanned_at).total_seconds())
    return f"{now.planned} planned, last scan {ago:.0f} s ago"


def figures(session: Session) -> Iterator[GaugeMetricFamily]:
    """For Prometheus; the time of the last scan goes on with the scheduler alone, so an alarm can be set on its age."""
    now = pulse(session)
    yield GaugeMetricFamily("cliply_schedules_planned", "Schedules that wait for their time.", now.planned)
    yield GaugeMetricFamily(
        "cliply_schedules_overdue_seconds", "How long the oldest schedule has been due and not fired.", now.overdue
    )
    scanned = 0.0 if now.scanned_at is None else now.scanned_at.timestamp()
    yield GaugeMetricFamily(
        "cliply_scheduler_scan_timestamp_seconds", "When a scheduler looked last; 0 where none ever did.", scanned
    )
