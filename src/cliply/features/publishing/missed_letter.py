"""What the people of a workspace are sent about what was planned and missed its time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.identity.models import Membership, Role, User, Workspace
from cliply.features.notifications import outbox
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import Channel, Publication
from cliply.infra.mail import letter
from cliply.infra.settings import Settings

_TEMPLATE = Path(__file__).with_name("letters") / "missed.txt.jinja"
_NAMED = 20


def send(
    session: Session, missed: Sequence[Publication], channels: Mapping[UUID, Channel], *, settings: Settings
) -> None:
    """To whoever planned them and to the owners, one letter for all; sent once the transaction is committed."""
    planners = {each.created_by for each in missed if each.created_by is not None}
    told = select(Membership.user_id).where((Membership.role == Role.OWNER) | Membership.user_id.in_(planners))
    for address in session.scalars(select(User.email).where(User.id.in_(told)).order_by(User.email)):
        written = letter(
            _TEMPLATE,
            address,
            workspace=session.scalars(select(Workspace.name)).one(),
            count=len(missed),
            missed=[_told(each, channels[each.channel_id]) for each in missed[:_NAMED]],
            others=max(0, len(missed) - _NAMED),
            address=settings.server.url,
        )
        outbox.put(session, written, settings=settings)


def _told(publication: Publication, channel: Channel) -> Mapping[str, str]:
    assert publication.local_at is not None  # noqa: S101 - whatever missed its time has one
    assert publication.zone is not None  # noqa: S101 - as before
    at = LocalTime(publication.local_at, publication.zone, publication.fold == 1)
    title = str(publication.post.get("title", ""))
    return {"title": title, "channel": channel.name, "at": at.said(), "id": str(publication.id)}
