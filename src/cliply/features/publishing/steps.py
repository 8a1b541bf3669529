"""What the jobs of a publication share: which jobs follow, whether one is still wanted, and what a result changes."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from cliply.features.jobs.kinds import REGISTRY
from cliply.features.projects.tasks import delete_objects
from cliply.features.publishing import tokens
from cliply.features.publishing.models import Publication, PublicationState
from cliply.features.publishing.outcomes import Outcome, next_look
from cliply.infra.sealing import Sealer
from cliply.infra.settings import Settings
from cliply.integrations.publisher import Concerns, Handle, Network, Phase, Reconnect, Sighting, TokenExpired, TryLater
from cliply.runtime import Runtime

T = TypeVar("T")

_KINDS = {Network.YOUTUBE: "PUBLISH_YOUTUBE", Network.TIKTOK: "PUBLISH_TIKTOK"}
_CHECK = "PUBLICATION_CHECK"
_STATES = {
    Phase.UPLOADING: PublicationState.UPLOADING,
    Phase.PROCESSING: PublicationState.PROCESSING,
    Phase.PENDING: PublicationState.PENDING,
    Phase.PUBLISHED: PublicationState.PUBLISHED,
}


def send(session: Session, publication: Publication, *, at: datetime | None) -> None:
    """Have it sent, or the rest of it."""
    _start(session, _KINDS[publication.network], publication, at)


def look_at(session: Session, publication: Publication, *, at: datetime | None) -> None:
    """Have somebody see what became of it."""
    _start(session, _CHECK, publication, at)


def go_on(session: Session, publication: Publication, *, at: datetime | None = None) -> None:
    """Where it was: looked at where the network may have all of it, and sent further otherwise."""
    if publication.handle_sealed is not None and publication.bytes_sent >= size_of(publication):
        look_at(session, publication, at=at)
    else:
        send(session, publication, at=at)


def wanted(session: Session, publication_id: UUID, version: int) -> Publication | None:
    """The publication, locked; None where it was changed, called off or deleted since the job was started."""
    query = select(Publication).where(Publication.id == publication_id, Publication.version == version)
    query = query.execution_options(populate_existing=True)
    return session.scalars(query.with_for_update()).one_or_none()


def with_token(runtime: Runtime, publication: Publication, call: Callable[[str], T]) -> T:
    """Make a call to the network; once more with a new token where it does not take this one."""
    channel = (publication.workspace_id, publication.channel_id)
    token = tokens.fresh(runtime, *channel)
    try:
        try:
            return call(token)
        except TokenExpired:
            return call(tokens.fresh(runtime, *channel, refused=token))
    except TryLater as busy:
        runtime.providers.heard(busy)
        raise


def keep_handle(sealer: Sealer, publication: Publication, handle: Handle) -> None:
    written = json.dumps(asdict(handle), default=datetime.isoformat)
    publication.handle_sealed = sealer.seal(written, row=_row(publication))
    publication.begun_at = datetime.now(UTC)


def handle_of(sealer: Sealer, publication: Publication) -> Handle | None:
    if publication.handle_sealed is None:
        return None
    written = json.loads(sealer.open(publication.handle_sealed, row=_row(publication)))
    ends = written.pop("expires_at")
    return Handle(**written, expires_at=None if ends is None else datetime.fromisoformat(ends))


def saw(session: Session, publication: Publication, sighting: Sighting) -> None:
    """What a look, or the end of sending, has shown; and what follows. Not for what is gone."""
    now, state = datetime.now(UTC), _STATES[sighting.phase]
    publication.attempts = publication.attempts + 1 if state is publication.state else 0
    publication.external_id = sighting.external_id or publication.external_id
    publication.url, publication.note = sighting.url or publication.url, sighting.note or publication.note
    publication.error = publication.error_code = publication.next_at = None
    if state is PublicationState.PUBLISHED:
        publication.published_at, publication.state = now, state
        session.flush()
        forget_files(session, publication)
        return
    publication.state, publication.next_at = state, next_look(publication.attempts, now)
    session.flush()
    if state is PublicationState.UPLOADING:
        publication.bytes_sent = sighting.received
        send(session, publication, at=publication.next_at)
    else:
        publication.bytes_sent = size_of(publication)
        look_at(session, publication, at=publication.next_at)


def put_off(session: Session, publication: Publication, outcome: Outcome) -> None:
    """What a failure makes of it, and what follows."""
    same = outcome.state is publication.state
    # Looks are counted by themselves, since so many in a row have to agree.
    publication.attempts = 0 if outcome.state is PublicationState.UNKNOWN and not same else publication.attempts + 1
    if outcome.anew:
        publication.handle_sealed, publication.bytes_sent = None, 0
    publication.state = outcome.state
    publication.error, publication.error_code, publication.next_at = outcome.error, outcome.code, outcome.next_at
    if outcome.concerns is Concerns.ACCOUNT and outcome.next_at is not None and not same:
        channel = tokens.find(session, publication.channel_id, locked=True)
        channel.paused_until, channel.paused_why = outcome.next_at, outcome.error
    session.flush()
    if outcome.state is PublicationState.REJECTED:
        forget_files(session, publication)
    elif outcome.state is PublicationState.UNKNOWN and outcome.next_at is not None:
        look_at(session, publication, at=outcome.next_at)
    elif outcome.next_at is not None:
        go_on(session, publication, at=outcome.next_at)


def needs_reconnect(session: Session, publication: Publication, failed: Reconnect, *, settings: Settings) -> None:
    """A network may take our tokens and still not let us publish: then its owner has to be asked as well."""
    tokens.lose(session, tokens.find(session, publication.channel_id, locked=True), failed, settings=settings)


def forget_files(session: Session, publication: Publication) -> None:
    """Its own copies are needed no more."""
    if publication.files is not None:
        publication.files = None
        delete_objects.options(subject=publication.id).start(session, project_id=publication.id)


def size_of(publication: Publication) -> int:
    """Bytes of the video; 1 while it is not known, so that nothing counts as sent."""
    return int((publication.files or {}).get("video", {}).get("size", 1))


def _start(session: Session, kind: str, publication: Publication, at: datetime | None) -> None:
    found = REGISTRY.kinds[kind].options(subject=publication.id, at=at)
    publication.job_id = found.start(session, publication_id=publication.id, version=publication.version)


def _row(publication: Publication) -> str:
    return f"publications/{publication.workspace_id}/{publication.id}"
