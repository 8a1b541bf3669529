"""Publications that nothing goes on with, though something is to happen: a job was lost, cancelled or given up."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.jobs import service as jobs
from cliply.features.publishing.models import Publication, PublicationState
from cliply.features.publishing.outcomes import MOST_ATTEMPTS, Outcome
from cliply.features.publishing.steps import go_on, look_at, put_off

_ALIVE = ("queued", "running", "stopping")
_COSTS = 5
"""Attempts that a job which was given up stands for."""


def wake(session: Session, publication_id: UUID, *, late: datetime) -> None:
    """Go on with it where nobody does and it is due since `late`."""
    query = select(Publication).where(Publication.id == publication_id).with_for_update(skip_locked=True)
    publication = session.scalars(query).one_or_none()
    if publication is None or (publication.next_at is not None and publication.next_at > late):
        return
    found = jobs.search(session, subject=str(publication_id), limit=100).jobs
    ours = [each for each in found if each.kind != "OBJECTS_DELETE"]
    if any(each.state in _ALIVE for each in ours):
        return
    begun = publication.handle_sealed is not None
    if publication.state is PublicationState.UNKNOWN and publication.next_at is None:
        # Left to people.
        return
    publication.attempts += _COSTS
    if ours and ours[0].state == "cancelled" and not begun:
        publication.state, publication.next_at = PublicationState.CANCELLED, None
    elif publication.attempts >= MOST_ATTEMPTS:
        why = (ours[0].error if ours else None) or "It failed on our side."
        state = PublicationState.UNKNOWN if begun else PublicationState.REJECTED
        put_off(session, publication, Outcome(state, why, "fault"))
    elif publication.state is PublicationState.UNKNOWN:
        look_at(session, publication, at=datetime.now(UTC))
    else:
        go_on(session, publication)
