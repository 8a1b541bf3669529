"""Publications that nothing goes on with, though something is to happen: a job was lost, cancelled or given up."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, or_, select
from sqlalchemy.orm import Session

from cliply.features.jobs import service as jobs
from cliply.features.jobs.models import Job
from cliply.features.publishing.models import UNFINISHED, Publication, PublicationState, ScheduleState
from cliply.features.publishing.outcomes import MOST_ATTEMPTS, Outcome
from cliply.features.publishing.steps import REMOVES_COPIES, forget_files, go_on, look_at, put_off

_ALIVE = ("queued", "running", "stopping")
_COSTS = 5
"""Attempts that a job which was given up stands for."""


def forsaken(session: Session, *, late: datetime, most: int = 1000) -> Sequence[tuple[UUID, UUID]]:
    """Workspace and number of those that were due by `late` and that no job is about; in the system's session."""
    alive = select(Job.id).where(
        Job.workspace_id == Publication.workspace_id,
        Job.subject == cast(Publication.id, String),
        Job.state.in_(_ALIVE),
    )
    query = select(Publication.workspace_id, Publication.id).where(*_due(late), ~alive.exists())
    rows = session.execute(query.order_by(Publication.updated_at).limit(most))
    return [(row.workspace_id, row.id) for row in rows]


def wake(session: Session, publication_id: UUID, *, late: datetime) -> None:
    """Go on with it where nobody does and it is due since `late`."""
    query = select(Publication).where(Publication.id == publication_id, *_due(late))
    publication = session.scalars(query.with_for_update(skip_locked=True)).one_or_none()
    if publication is None:
        return
    found = jobs.search(session, subject=str(publication_id), limit=100).jobs
    ours = [each for each in found if each.kind != REMOVES_COPIES]
    if any(each.state in _ALIVE for each in ours):
        return
    begun = publication.handle_sealed is not None
    publication.attempts += _COSTS
    # Those of before are cancelled by whoever moves it; only of the last one does that mean the publication.
    called_off = any(each.id == publication.job_id and each.state == "cancelled" for each in ours)
    if called_off and not begun:
        publication.state, publication.next_at = PublicationState.CANCELLED, None
        forget_files(session, publication)
    elif publication.attempts >= MOST_ATTEMPTS:
        why = (ours[0].error if ours else None) or "It failed on our side."
        state = PublicationState.UNKNOWN if begun else PublicationState.REJECTED
        put_off(session, publication, Outcome(state, why, "fault"))
    elif publication.state is PublicationState.UNKNOWN:
        look_at(session, publication, at=datetime.now(UTC))
    else:
        go_on(session, publication)


def _due(late: datetime) -> tuple[ColumnElement[bool], ...]:
    """Without those that wait for people, who connect the channel again or look at the network; and without those whose
    time has not come, which schedules see to."""
    waits = Publication.state.in_(UNFINISHED - {PublicationState.NEEDS_RECONNECT, PublicationState.UNKNOWN})
    lost = (Publication.state == PublicationState.UNKNOWN) & Publication.next_at.is_not(None)
    return (
        or_(Publication.schedule.is_(None), Publication.schedule == ScheduleState.FIRED),
        or_(waits, lost),
        or_(Publication.next_at.is_(None), Publication.next_at <= late),
        Publication.updated_at < late,
    )
