"""Schedules whose time has come: each fires once, is too late and asked about, or was changed meanwhile and waits on.

The row is locked and read again before anything is done, and what it says counts; jobs only remind. There is one clock,
the database's.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cliply.errors import Invalid
from cliply.features.jobs.models import Job
from cliply.features.publishing import channels, planned_letters
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import Channel, Publication, PublicationState, ScheduleState
from cliply.features.publishing.steps import forget_files, plan, send
from cliply.infra import error_reports, metrics
from cliply.infra.settings import Settings

_log = logging.getLogger(__name__)
MOST = 200
"""Schedules that one transaction fires; others look in the next one."""


@dataclass(frozen=True, slots=True)
class Fired:
    """What became of those that were due."""

    fired: int = 0
    missed: int = 0
    left: bool = False
    """Whether there may be more of them."""

    def __add__(self, other: "Fired") -> "Fired":
        return Fired(self.fired + other.fired, self.missed + other.missed, self.left or other.left)


def clock(session: Session) -> datetime:
    """The one by which schedules fire."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def due(session: Session, now: datetime) -> Sequence[UUID]:
    """Workspaces in which something is; in the system's session."""
    return session.scalars(select(Publication.workspace_id).where(*_due(now)).distinct()).all()


def fire(
    session: Session, *, settings: Settings, now: datetime | None = None, wanted: UUID | None = None, job_id: int = 0
) -> Fired:
    """Fire what is due in the workspace. What somebody is changing just now is left for later, except for the one that
    is `wanted`: that is waited for. Its job, where that came early, is followed by another."""
    now = now or clock(session)
    found: list[Publication] = []
    if wanted is not None:
        first = select(Publication).where(*_planned(), Publication.id == wanted).with_for_update()
        found += session.scalars(first.execution_options(populate_existing=True))
        found = [each for each in found if moment_of(each) <= now or each.job_id == job_id]
    others = select(Publication).where(*_due(now), Publication.id.not_in([each.id for each in found]))
    others = others.order_by(Publication.run_at, Publication.id).limit(MOST).with_for_update(skip_locked=True)
    found += session.scalars(others.execution_options(populate_existing=True))
    of = {each.id: each for each in session.scalars(select(Channel).where(Channel.id.in_(_channels(found))))}
    became = [_fired(session, each, of[each.channel_id], now) for each in found]
    missed = [each for each, state in zip(found, became, strict=True) if state is ScheduleState.MISSED]
    if missed:
        planned_letters.missed(session, missed, of, settings=settings)
    return Fired(became.count(ScheduleState.FIRED), len(missed), len(found) >= MOST)


def called_off(session: Session) -> Sequence[tuple[UUID, UUID]]:
    """Workspace and number of those whose job somebody has cancelled, which means them; in the system's session."""
    cancelled = (Job.id == Publication.job_id, Job.workspace_id == Publication.workspace_id, Job.state == "cancelled")
    query = select(Publication.workspace_id, Publication.id).where(
        *_planned(), select(Job.id).where(*cancelled).exists()
    )
    return [(row.workspace_id, row.id) for row in session.execute(query)]


def call_off(session: Session, publication_id: UUID) -> None:
    """Where its job is still the one that was cancelled."""
    query = select(Publication).join(Job, Job.id == Publication.job_id).where(*_planned(), Job.state == "cancelled")
    query = query.where(Publication.id == publication_id).execution_options(populate_existing=True)
    publication = session.scalars(query.with_for_update(of=Publication)).one_or_none()
    if publication is not None:
        publication.state, publication.next_at = PublicationState.CANCELLED, None
        forget_files(session, publication)


def align(session: Session, *, after: UUID | None, most: int = MOST) -> UUID | None:
    """Move the moments of those whose zone has other rules now than when they were planned; where to go on, or None."""
    waiting = Publication.schedule.in_((ScheduleState.PLANNED, ScheduleState.PAUSED))
    query = select(Publication).where(waiting, Publication.state != PublicationState.CANCELLED)
    if after is not None:
        query = query.where(Publication.id > after)
    seen = session.scalars(query.order_by(Publication.id).limit(most).with_for_update(skip_locked=True)).all()
    for each in seen:
        moment = moment_of(each)
        if moment != each.run_at:
            _log.info("schedule_aligned", extra={"publication_id": str(each.id), "zone": each.zone})
            each.run_at = moment
            if each.schedule is ScheduleState.PLANNED:
                plan(session, each)
    return seen[-1].id if len(seen) == most else None


def moment_of(publication: Publication) -> datetime:
    """When it is due by today's rules of its zone; as it was, where this machine knows the zone no more."""
    assert publication.run_at is not None  # noqa: S101 - whatever is planned has all of a time
    try:
        return local_time_of(publication).moment
    except Invalid:
        return publication.run_at


def local_time_of(publication: Publication) -> LocalTime:
    assert publication.local_at is not None  # noqa: S101 - as before
    assert publication.zone is not None  # noqa: S101 - as before
    return LocalTime(publication.local_at, publication.zone, publication.fold == 1)


def _fired(session: Session, publication: Publication, channel: Channel, now: datetime) -> ScheduleState | None:
    """What it is now. One that cannot be fired keeps nobody else from it."""
    try:
        with session.begin_nested():
            return _became(session, publication, channel, now)
    except Exception as failed:  # noqa: BLE001 - whatever it is, the others are still to go
        error_reports.report(failed)
        _log.warning("schedule_failed", extra={"publication_id": str(publication.id), "error": type(failed).__name__})
        return None


def _became(session: Session, publication: Publication, channel: Channel, now: datetime) -> ScheduleState:
    moment = moment_of(publication)
    publication.run_at = moment
    if moment > now:
        # Its zone has other rules by now.
        plan(session, publication)
        return ScheduleState.PLANNED
    if now - moment > timedelta(minutes=channels.settings_of(channel).late):
        _miss(publication)
        metrics.schedule_missed()
        session.flush()
        return ScheduleState.MISSED
    publication.schedule, publication.fired_at = ScheduleState.FIRED, now
    publication.next_at = now
    send(session, publication, at=None)
    session.flush()
    metrics.schedule_fired((now - moment).total_seconds())
    return ScheduleState.FIRED


def _miss(publication: Publication) -> None:
    publication.version += 1
    publication.schedule = ScheduleState.MISSED
    if publication.state is PublicationState.INTENT:
        publication.next_at = None
    publication.error_code = "missed"
    publication.error = (
        f"It was due at {local_time_of(publication).said()}, and nothing ran then. It is too late to send it without "
        "asking: move it to another time or to now, or cancel it."
    )


def _due(now: datetime) -> Iterator[ColumnElement[bool]]:
    yield from _planned()
    yield Publication.run_at <= now


def _planned() -> Iterator[ColumnElement[bool]]:
    yield Publication.schedule == ScheduleState.PLANNED
    yield Publication.state != PublicationState.CANCELLED


def _channels(publications: Sequence[Publication]) -> set[UUID]:
    return {each.channel_id for each in publications}
