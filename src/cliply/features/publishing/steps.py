"""What the jobs of a publication share: which jobs follow, whether one is still wanted, and what a result changes."""

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cliply.features.jobs.kinds import REGISTRY
from cliply.features.publishing import tokens
from cliply.features.publishing.models import UNFINISHED, Publication, PublicationEvent, PublicationState
from cliply.features.publishing.outcomes import SOON, Outcome, next_look
from cliply.infra.sealing import Sealer, open_sealer
from cliply.infra.settings import Settings
from cliply.integrations.publisher import (
    Concerns,
    Handle,
    Network,
    Phase,
    PublishFailure,
    Reconnect,
    Sighting,
    TokenExpired,
    TryLater,
)
from cliply.runtime import Runtime

T = TypeVar("T")

_KINDS = {Network.YOUTUBE: "PUBLISH_YOUTUBE", Network.TIKTOK: "PUBLISH_TIKTOK"}
_CHECK = "PUBLICATION_CHECK"
_FIRE = "SCHEDULE_FIRE"
REMOVES_COPIES = "COPIES_DELETE"
"""The one kind of job for a publication that does not go on with it."""
_STATES = {
    Phase.UPLOADING: PublicationState.UPLOADING,
    Phase.PROCESSING: PublicationState.PROCESSING,
    Phase.PENDING: PublicationState.PENDING,
    Phase.PUBLISHED: PublicationState.PUBLISHED,
}
MOST_TIMES = 20
"""How often one may be sent anew, or lost from sight, before people have to see to it: a network can go on failing."""
_PATIENCE = {
    PublicationState.PROCESSING: timedelta(days=3),
    # A moderator takes hours, an owner may take weeks to look into the app.
    PublicationState.PENDING: timedelta(days=30),
    PublicationState.UNKNOWN: timedelta(days=7),
}
"""How long after its beginning it is looked at by itself."""
_LONGEST_WAIT = timedelta(hours=1)


class Superseded(Exception):
    """It was changed or called off while a job was at work, or another job is at it."""


def send(session: Session, publication: Publication, *, at: datetime | None) -> None:
    """Have it sent, or the rest of it."""
    _start(session, _KINDS[publication.network], publication, at)


def plan(session: Session, publication: Publication) -> None:
    """Have its schedule looked at when its time has come. The job is a reminder: the row says what is to happen."""
    publication.version += 1
    publication.next_at = publication.run_at
    found = REGISTRY.kinds[_FIRE].options(subject=publication.id, at=publication.run_at)
    publication.job_id = found.start(session, publication_id=publication.id)


def look_at(session: Session, publication: Publication, *, at: datetime | None) -> None:
    """Have somebody see what became of it."""
    _start(session, _CHECK, publication, at)


def go_on(session: Session, publication: Publication, *, at: datetime | None = None) -> None:
    """Where it was: looked at where the network may have all of it, and sent further otherwise."""
    if publication.handle_sealed is not None and publication.bytes_sent >= size_of(publication):
        look_at(session, publication, at=at)
    else:
        send(session, publication, at=at)


def wanted(
    session: Session, publication_id: UUID, version: int, *, states: Collection[PublicationState] = UNFINISHED
) -> Publication | None:
    """The publication, locked; None where it was changed, called off or deleted since the job was started, or goes on
    by a later job."""
    query = select(Publication).where(Publication.id == publication_id, Publication.version == version)
    query = query.where(Publication.state.in_(states)).execution_options(populate_existing=True)
    return session.scalars(query.with_for_update()).one_or_none()


def with_token(runtime: Runtime, publication: Publication, call: Callable[[str], T]) -> T:
    """Make a call to the network; once more with a new token where it does not take this one."""
    channel = (publication.workspace_id, publication.channel_id)
    token = tokens.fresh(runtime, *channel)
    try:
        return _answered(runtime, call, token)
    except TokenExpired:
        return _answered(runtime, call, tokens.fresh(runtime, *channel, refused=token))


def keep_handle(sealer: Sealer, publication: Publication, handle: Handle) -> None:
    written = json.dumps(asdict(handle), default=datetime.isoformat)
    publication.handle_sealed = sealer.seal(written, row=row_of(publication.workspace_id, publication.id))
    publication.begun_at = datetime.now(UTC)


def handle_of(sealer: Sealer, publication: Publication) -> Handle | None:
    if publication.handle_sealed is None:
        return None
    written = json.loads(sealer.open(publication.handle_sealed, row=row_of(publication.workspace_id, publication.id)))
    ends = written.pop("expires_at")
    return Handle(**written, expires_at=None if ends is None else datetime.fromisoformat(ends))


def saw(session: Session, publication: Publication, sighting: Sighting) -> None:
    """What a look, or the end of sending, has shown; and what follows. Not for what is gone."""
    now, state = datetime.now(UTC), _STATES[sighting.phase]
    if state is PublicationState.UPLOADING and publication.bytes_sent >= size_of(publication):
        # It has had all of it by its own word: whoever tells no count means that, and what was lost is gone in the end.
        state = PublicationState.PROCESSING
    publication.attempts = publication.attempts + 1 if state is publication.state else 0
    publication.external_id = sighting.external_id or publication.external_id
    # What was said of an earlier sighting holds no more, as that it is reviewed.
    publication.url, publication.note = sighting.url or publication.url, sighting.note or None
    publication.error = publication.error_code = publication.next_at = None
    if state is PublicationState.PUBLISHED:
        publication.published_at, publication.state = now, state
        session.flush()
        forget_files(session, publication)
        return
    if _is_over(publication, state, now):
        told = f"{publication.network.label} has been at it for too long. See whether it is there, then settle it."
        put_off(session, publication, Outcome(PublicationState.UNKNOWN, told, "slow"))
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
    if publication.state is PublicationState.UNKNOWN and outcome.state is PublicationState.PARKED:
        _put_off_looking(session, publication, outcome)
        return
    outcome = _bounded(session, publication, outcome)
    same = outcome.state is publication.state
    publication.attempts = _counted(publication, outcome)
    if outcome.anew:
        drop_handle(publication)
    publication.state = outcome.state
    publication.error, publication.error_code, publication.next_at = outcome.error, outcome.code, outcome.next_at
    if outcome.concerns is Concerns.ACCOUNT and outcome.next_at is not None and not same:
        channel = tokens.find(session, publication.channel_id, locked=True)
        # One that was sent off before may be told of a minute, where the account takes nothing more until tomorrow.
        if channel.paused_until is None or channel.paused_until < outcome.next_at:
            channel.paused_until, channel.paused_why = outcome.next_at, outcome.error
    session.flush()
    if outcome.state is PublicationState.REJECTED:
        forget_files(session, publication)
    elif outcome.state is PublicationState.UNKNOWN and outcome.next_at is not None:
        look_at(session, publication, at=outcome.next_at)
    elif outcome.next_at is not None:
        go_on(session, publication, at=outcome.next_at)


def absent(session: Session, publication: Publication) -> None:
    """It is certain that nothing of it is there: it is sent anew, unless that has been in vain too often."""
    if _times(session, publication, PublicationState.UPLOADING) >= MOST_TIMES:
        told = f"It was sent {MOST_TIMES} times, and {publication.network.label} never had all of it."
        put_off(session, publication, Outcome(PublicationState.REJECTED, told, "gone"))
        return
    drop_handle(publication)
    publication.state, publication.attempts = PublicationState.PREPARING, 0
    publication.error = publication.error_code = publication.note = publication.next_at = None
    session.flush()
    send(session, publication, at=None)


def drop_handle(publication: Publication) -> None:
    """What was begun is of no use any more."""
    publication.handle_sealed, publication.bytes_sent, publication.external_id = None, 0, None


def needs_reconnect(
    session: Session, publication: Publication, failed: Reconnect, *, settings: Settings
) -> PublishFailure:
    """A network may take our tokens and still not let us publish: then its owner has to be asked as well. What is to be
    made of the publication: where the account was connected again since, it goes on."""
    channel = tokens.find(session, publication.channel_id, locked=True)
    if tokens.holds(open_sealer(settings), channel, failed):
        tokens.lose(session, channel, failed, settings=settings)
        return failed
    told = f"“{channel.name}” was connected again meanwhile."
    return TryLater(told, failed.code, at=datetime.now(UTC), concerns=Concerns.REQUEST)


def forget_files(session: Session, publication: Publication) -> None:
    """Its own copies are needed no more, those neither that a job was just making; that job is waited for."""
    publication.files = None
    REGISTRY.kinds[REMOVES_COPIES].options(subject=publication.id).start(session, publication_id=publication.id)


def size_of(publication: Publication) -> int:
    """Bytes of the video; 1 while it is not known, so that nothing counts as sent."""
    return int((publication.files or {}).get("video", {}).get("size", 1))


def _answered(runtime: Runtime, call: Callable[[str], T], token: str) -> T:
    try:
        return call(token)
    except TryLater as busy:
        runtime.providers.heard(busy)
        raise
    except Reconnect as ended:
        raise tokens.Refused(ended, token) from None


def _put_off_looking(session: Session, publication: Publication, outcome: Outcome) -> None:
    """The network could not be asked, so that nothing was learnt: it is as unknown as before. Or it has said that
    nothing came of it."""
    now = datetime.now(UTC)
    if outcome.anew:
        absent(session, publication)
    elif _is_over(publication, PublicationState.UNKNOWN, now):
        told = f"{outcome.error} See whether it is there, then settle it."
        put_off(session, publication, Outcome(PublicationState.UNKNOWN, told, outcome.code))
    else:
        # Attempts count looks here, so waits grow with the time that has gone by.
        age = now - (publication.begun_at or now)
        wait = min(max(age / 10, SOON), _LONGEST_WAIT)
        publication.note, publication.next_at = outcome.error, max(outcome.next_at or now, now + wait)
        session.flush()
        look_at(session, publication, at=publication.next_at)


def _bounded(session: Session, publication: Publication, outcome: Outcome) -> Outcome:
    """Nothing goes round for ever."""
    if outcome.anew and _times(session, publication, PublicationState.UPLOADING) >= MOST_TIMES:
        told = f"{outcome.error} It was sent {MOST_TIMES} times and given up."
        return Outcome(PublicationState.REJECTED, told, outcome.code)
    lost = outcome.state is PublicationState.UNKNOWN and publication.state is not PublicationState.UNKNOWN
    if lost and outcome.next_at is not None and _times(session, publication, outcome.state) >= MOST_TIMES:
        told = f"{outcome.error} This has been so {MOST_TIMES} times. See whether it is there, then settle it."
        return Outcome(PublicationState.UNKNOWN, told, outcome.code)
    return outcome


def _counted(publication: Publication, outcome: Outcome) -> int:
    """Looks are counted by themselves, since so many in a row have to agree on what they have not found."""
    if outcome.state is not PublicationState.UNKNOWN:
        return publication.attempts + 1
    if publication.state is not PublicationState.UNKNOWN:
        return 0
    return 1 + (publication.attempts if publication.error_code == outcome.code else 0)


def _times(session: Session, publication: Publication, state: PublicationState) -> int:
    """How often it came to be in this state."""
    session.flush()
    been = (PublicationEvent.publication_id == publication.id, PublicationEvent.state == state)
    return session.scalar(select(func.count()).select_from(PublicationEvent).where(*been)) or 0


def _is_over(publication: Publication, state: PublicationState, now: datetime) -> bool:
    patience, begun = _PATIENCE.get(state), publication.begun_at
    return patience is not None and begun is not None and begun + patience < now


def _start(session: Session, kind: str, publication: Publication, at: datetime | None) -> None:
    # Of all jobs that there may be for it, the last one that was started does something; the row says which that is.
    publication.version += 1
    found = REGISTRY.kinds[kind].options(subject=publication.id, at=at)
    publication.job_id = found.start(session, publication_id=publication.id, version=publication.version)


def row_of(workspace_id: UUID, publication_id: UUID) -> str:
    """What its handle is bound to."""
    return f"publications/{workspace_id}/{publication_id}"
