"""Channels and publications as they are shown."""

from sqlalchemy.orm import Session

from cliply.features.publishing import channels
from cliply.features.publishing.models import Channel, Publication, PublicationEvent
from cliply.features.publishing.schemas import (
    AccountDetails,
    AccountRead,
    LastPublication,
    PublicationDetails,
    PublicationEventRead,
    PublicationRead,
)
from cliply.integrations.demo import is_demo
from cliply.integrations.providers import Providers


def account_read(channel: Channel, providers: Providers) -> AccountRead:
    """No token, nor anything that is made of one."""
    health = channels.health(channel, providers)
    shown = {name: getattr(channel, name, None) for name in AccountRead.model_fields}
    made = {"can_publish": health.can_publish, "reason": health.reason, "is_demo": is_demo(channel.external_id)}
    return AccountRead.model_validate({**shown, **made})


def account_details(session: Session, channel: Channel, providers: Providers) -> AccountDetails:
    last = channels.last_publication(session, channel.id)
    return AccountDetails(
        **account_read(channel, providers).model_dump(),
        last_publication=None if last is None else LastPublication.model_validate(last),
    )


def publication_read(publication: Publication) -> PublicationRead:
    shown = {name: getattr(publication, name, None) for name in PublicationRead.model_fields}
    return PublicationRead.model_validate({**shown, "account_id": publication.channel_id})


def publication_details(publication: Publication, events: list[PublicationEvent]) -> PublicationDetails:
    return PublicationDetails(
        **publication_read(publication).model_dump(),
        events=[PublicationEventRead.model_validate(each) for each in events],
    )
