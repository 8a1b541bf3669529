"""What the people of a workspace are sent when a network takes a channel's tokens no more."""

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.identity.models import Workspace
from cliply.features.notifications import outbox, recipients
from cliply.features.publishing.models import Channel
from cliply.infra.mail import letter
from cliply.infra.settings import Settings

_TEMPLATE = Path(__file__).with_name("letters") / "reconnect.txt.jinja"


def send(session: Session, channel: Channel, *, settings: Settings) -> None:
    """To whoever connected it and to the owners; sent once the session's transaction is committed."""
    connector = () if channel.connected_by is None else (channel.connected_by,)
    for address in recipients.addresses(session, channel.workspace_id, recipients.OWNERS, besides=connector):
        written = letter(
            _TEMPLATE,
            address,
            workspace=session.scalars(select(Workspace.name)).one(),
            network=channel.network.label,
            channel=channel.name,
            id=channel.id,
            why=channel.problem,
            address=settings.server.url,
        )
        outbox.put(session, written, settings=settings)
