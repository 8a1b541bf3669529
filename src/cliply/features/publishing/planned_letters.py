"""What the people of a workspace are sent about what was planned: that it missed its time, or came to nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from cliply.features.identity.models import Workspace
from cliply.features.notifications import outbox, recipients
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import Channel, Publication, PublicationState, ScheduleState
from cliply.infra.mail import letter
from cliply.infra.settings import Settings

_LETTERS = Path(__file__).with_name("letters")
_NAMED = 20


def missed(
    session: Session, which: Sequence[Publication], channels: Mapping[UUID, Channel], *, settings: Settings
) -> None:
    """One letter for all, sent once the transaction is committed."""
    _send(session, _LETTERS / "missed.txt.jinja", which, channels, settings=settings)


def unfortunate(session: Session) -> Sequence[UUID]:
    """Workspaces in which something that was planned came to nothing, and nobody was told; in the system's session."""
    return session.scalars(select(Publication.workspace_id).where(*_untold()).distinct()).all()


def failed(session: Session, *, settings: Settings) -> None:
    """One letter for all that came to nothing in the session's workspace, or that nobody knows of whether it did."""
    query = select(Publication).where(*_untold()).order_by(Publication.run_at, Publication.id)
    which = session.scalars(query.with_for_update(skip_locked=True)).all()
    if not which:
        return
    found = select(Channel).where(Channel.id.in_({each.channel_id for each in which}))
    channels = {each.id: each for each in session.scalars(found)}
    now = datetime.now(UTC)
    for each in which:
        each.failure_told_at = now
    unsure = any(each.state is PublicationState.UNKNOWN for each in which)
    rejected = any(each.state is PublicationState.REJECTED for each in which)
    _send(
        session, _LETTERS / "failed.txt.jinja", which, channels, settings=settings, unsure=unsure, rejected=rejected
    )  # fmt: skip


def _untold() -> tuple[ColumnElement[bool], ...]:
    """What was asked for at once is not among them: whoever did so is there to see it."""
    lost = (Publication.state == PublicationState.UNKNOWN) & Publication.next_at.is_(None)
    return (
        Publication.schedule == ScheduleState.FIRED,
        (Publication.state == PublicationState.REJECTED) | lost,
        Publication.failure_told_at.is_(None),
    )


def _send(
    session: Session,
    template: Path,
    which: Sequence[Publication],
    channels: Mapping[UUID, Channel],
    *,
    settings: Settings,
    **more: bool,
) -> None:
    """To whoever planned them and to the owners."""
    planners = {each.created_by for each in which if each.created_by is not None}
    for address in recipients.addresses(session, which[0].workspace_id, recipients.OWNERS, besides=planners):
        written = letter(
            template,
            address,
            workspace=session.scalars(select(Workspace.name)).one(),
            count=len(which),
            named=[_told(each, channels[each.channel_id]) for each in which[:_NAMED]],
            others=max(0, len(which) - _NAMED),
            address=settings.server.url,
            **more,
        )
        outbox.put(session, written, settings=settings)


def _told(publication: Publication, channel: Channel) -> Mapping[str, str]:
    assert publication.local_at is not None  # noqa: S101 - whatever was planned has one
    assert publication.zone is not None  # noqa: S101 - as before
    at = LocalTime(publication.local_at, publication.zone, publication.fold == 1)
    return {
        "title": str(publication.post.get("title", "")),
        "channel": channel.name,
        "at": at.said(),
        "id": str(publication.id),
        "why": publication.error or "",
    }
