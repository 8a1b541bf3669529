"""Publications: asked for, listed, called off, tried again, and settled by hand where nobody can know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from cliply.errors import Conflict, Invalid, NotFound
from cliply.features.audit import service as audit
from cliply.features.clips import service as clips
from cliply.features.identity.access import Caller
from cliply.features.identity.permissions import Action
from cliply.features.identity.plans import Flag
from cliply.features.jobs import service as jobs
from cliply.features.publishing import (
    channels,
    composing,
    planning,
    tasks,  # noqa: F401 - registers the kinds of jobs that `steps` starts by name
    tokens,
)
from cliply.features.publishing.composing import Wanted
from cliply.features.publishing.local_time import LocalTime
from cliply.features.publishing.models import (
    UNFINISHED,
    Channel,
    ChannelState,
    Publication,
    PublicationEvent,
    PublicationState,
    ScheduleState,
)
from cliply.features.publishing.steps import drop_handle, forget_files, go_on, look_at, plan, send
from cliply.features.usage import ledger
from cliply.features.usage.models import Metric
from cliply.integrations.publisher import Network
from cliply.runtime import Runtime


class NoSuchPublication(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such publication in this workspace.")


class PublishedBefore(Conflict):
    def __init__(self, before: Publication, channel: Channel) -> None:
        super().__init__(
            f"This clip is {before.state.value} on “{channel.name}” already (publication {before.id}). Networks punish "
            "what is posted twice; to do it all the same, send `again`, or say --again."
        )


class NotAsItIs(Conflict):
    """This cannot be done with a publication that is where it is."""

    def __init__(self, publication: Publication, what: str) -> None:
        super().__init__(f"This publication is {publication.state.value.replace('_', ' ')}: {what}")


class Verdict(StrEnum):
    """What somebody who has looked at the network says of a publication that nobody knows about."""

    LOOK = "look"
    """Look once more, by machine."""
    PUBLISHED = "published"
    ABSENT = "absent"
    """It is not there: send it again."""


@dataclass(frozen=True, slots=True)
class PublicationPage:
    """Newest first; `after` is what to pass for the next page, None on the last."""

    publications: Sequence[Publication]
    after: tuple[datetime, UUID] | None


def publish(
    runtime: Runtime,
    session: Session,
    caller: Caller,
    network: Network,
    clip_id: UUID,
    *,
    channel_id: UUID | None = None,
    wanted: Wanted | None = None,
    run_at: datetime | LocalTime | None = None,
    again: bool = False,
) -> Publication:
    """Note the intent and start its job, at `run_at` or at once; everything that can be known is checked first.

    A moment is meant as the workspace's clock shows it.
    """
    caller.require(Action.PUBLISH)
    publisher = runtime.providers.of(network).publisher
    clip = clips.find(session, clip_id, locked=True)
    composing.check_made(clip)
    channel = channels.chosen(session, network, channel_id)
    health = channels.health(channel, runtime.providers)
    if not health.can_publish:
        raise channels.CannotPublish(f"“{channel.name}” cannot be published on. {health.reason}")
    said = composing.said(clip, network, channels.settings_of(channel), wanted or Wanted())
    composing.check_rules(publisher, network, said.post(None), composing.expected_video(clip))
    planned = _local(session, run_at)
    check_time(caller, None if planned is None else planned.moment, said.publish_at)
    if not again and (before := _same(session, clip_id, channel.id)) is not None:
        raise PublishedBefore(before, channel)
    if planned is not None:
        planning.check(session, channel, planned.moment)
    publication = Publication(
        channel_id=channel.id,
        network=network,
        clip_id=clip.id,
        post=said.model_dump(mode="json"),
        created_by=caller.principal.user_id,
    )
    if planned is not None:
        set_time(publication, planned)
    session.add(publication)
    session.flush()
    _reserve(session, caller, publication)
    if planned is not None:
        plan(session, publication)
    else:
        send(session, publication, at=None)
    record(session, caller, "publication.created", publication, None)
    return publication


def find(session: Session, publication_id: UUID, *, locked: bool = False) -> Publication:
    """Without asking who wants it. Raises NoSuchPublication."""
    query = select(Publication).where(Publication.id == publication_id).execution_options(populate_existing=True)
    publication = session.scalars(query.with_for_update() if locked else query).one_or_none()
    if publication is None:
        raise NoSuchPublication
    return publication


def get(session: Session, caller: Caller, publication_id: UUID) -> Publication:
    caller.require(Action.READ_PUBLICATIONS)
    return find(session, publication_id)


def search(
    session: Session,
    caller: Caller,
    *,
    clip_id: UUID | None = None,
    channel_id: UUID | None = None,
    state: PublicationState | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> PublicationPage:
    """A page of publications. New ones appear before the first page only, so a walk through them repeats nothing."""
    caller.require(Action.READ_PUBLICATIONS)
    query = select(Publication).order_by(Publication.created_at.desc(), Publication.id.desc()).limit(limit + 1)
    for column, value in (
        (Publication.clip_id, clip_id), (Publication.channel_id, channel_id), (Publication.state, state),
    ):  # fmt: skip
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(tuple_(Publication.created_at, Publication.id) < tuple_(*after))
    found = session.scalars(query).all()
    last = found[limit - 1] if len(found) > limit else None
    return PublicationPage(found[:limit], None if last is None else (last.created_at, last.id))


def events(session: Session, caller: Caller, publication_id: UUID) -> Sequence[PublicationEvent]:
    """What became of it, oldest first."""
    get(session, caller, publication_id)
    query = select(PublicationEvent).where(PublicationEvent.publication_id == publication_id)
    return session.scalars(query.order_by(PublicationEvent.id)).all()


def cancel(session: Session, caller: Caller, publication_id: UUID) -> Publication:
    """Call it off, as long as nothing of it has been begun at the network. Raises NotAsItIs after that."""
    caller.require(Action.PUBLISH)
    publication, waiting = held(session, publication_id)
    if publication.state is PublicationState.CANCELLED:
        return publication
    if publication.state not in UNFINISHED or publication.handle_sealed is not None:
        raise NotAsItIs(publication, "it cannot be called off any more. Delete it at the network instead.")
    before = state_of(publication)
    publication.state, publication.next_at = PublicationState.CANCELLED, None
    supersede(session, publication, waiting, caller)
    forget_files(session, publication)
    record(session, caller, "publication.cancelled", publication, before)
    return publication


def move(session: Session, caller: Caller, publication_id: UUID, run_at: datetime | LocalTime | None) -> Publication:
    """Have it go at another time or at once, as long as nothing of it has been begun. What is paused stays paused at
    another time."""
    caller.require(Action.PUBLISH)
    publication, waiting = held(session, publication_id)
    waits = (PublicationState.INTENT, PublicationState.PARKED)
    if publication.state not in waits or publication.handle_sealed is not None:
        raise NotAsItIs(publication, "its time cannot be changed any more.")
    planned = _local(session, run_at)
    check_time(caller, None if planned is None else planned.moment)
    if planned is not None:
        channel = tokens.find(session, publication.channel_id)
        planning.check(session, channel, planned.moment, moved=publication.id)
    before = state_of(publication)
    supersede(session, publication, waiting, caller)
    publication.error = publication.error_code = None
    if planned is None:
        fire_now(publication)
        send(session, publication, at=None)
    else:
        paused = publication.schedule is ScheduleState.PAUSED
        set_time(publication, planned)
        if paused:
            publication.schedule = ScheduleState.PAUSED
        else:
            plan(session, publication)
    record(session, caller, "publication.moved", publication, before)
    return publication


def retry(session: Session, caller: Caller, publication_id: UUID) -> Publication:
    """Try again at once what was rejected, waits, or waited for its channel; nothing is sent twice by it."""
    caller.require(Action.PUBLISH)
    publication, waiting = held(session, publication_id)
    before = state_of(publication)
    match publication.state:
        case PublicationState.REJECTED:
            # What the network refused is not there: it is begun anew, with the clip as it is now.
            publication.post = {**publication.post, "video_sha256": _made(session, publication)}
            _begin_anew(publication)
            session.flush()
            _reserve(session, caller, publication)
        case PublicationState.PARKED | PublicationState.NEEDS_RECONNECT:
            if tokens.find(session, publication.channel_id).state is not ChannelState.CONNECTED:
                raise NotAsItIs(publication, "connect its account again first.")
            fire_now(publication)
        case PublicationState.UNKNOWN:
            raise NotAsItIs(publication, "it may be there. See whether it is, then settle it.")
        case _:
            raise NotAsItIs(publication, "there is nothing to try again.")
    supersede(session, publication, waiting, caller)
    publication.attempts = 0
    go_on(session, publication)
    record(session, caller, "publication.retried", publication, before)
    return publication


def reconcile(
    session: Session, caller: Caller, publication_id: UUID, verdict: Verdict, *, url: str | None = None
) -> Publication:
    """Settle what nobody could find out: somebody has looked."""
    caller.require(Action.PUBLISH)
    publication, waiting = held(session, publication_id)
    begun = publication.handle_sealed is not None
    # Of an account that nobody connects again, only people can say what became of it.
    if publication.state is not PublicationState.UNKNOWN and not (
        publication.state is PublicationState.NEEDS_RECONNECT and begun and verdict is not Verdict.LOOK
    ):
        raise NotAsItIs(publication, "there is nothing to settle.")
    before = state_of(publication)
    supersede(session, publication, waiting, caller)
    publication.attempts = 0
    match verdict:
        case Verdict.LOOK:
            publication.next_at = datetime.now(UTC)
            look_at(session, publication, at=None)
        case Verdict.PUBLISHED:
            publication.state, publication.published_at = PublicationState.PUBLISHED, datetime.now(UTC)
            publication.url, publication.error, publication.error_code = url or publication.url, None, None
            publication.note, publication.next_at = "Settled by hand.", None
            forget_files(session, publication)
        case Verdict.ABSENT:
            _begin_anew(publication)
            send(session, publication, at=None)
    record(session, caller, "publication.settled", publication, before)
    return publication


def go_on_after_reconnect(session: Session, channel_id: UUID) -> None:
    """What waited for the channel goes on, now that it is connected."""
    waiting = (Publication.channel_id == channel_id, Publication.state == PublicationState.NEEDS_RECONNECT)
    for publication in session.scalars(select(Publication).where(*waiting).order_by(Publication.id).with_for_update()):
        publication.attempts = 0
        go_on(session, publication)


def state_of(publication: Publication) -> dict[str, Any]:
    """What the audit log proves of a publication."""
    return {
        "channel": publication.channel_id, "clip": publication.clip_id, "state": publication.state,
        "post": publication.post, "run_at": publication.run_at, "external_id": publication.external_id,
        "schedule": publication.schedule, "zone": publication.zone,
    }  # fmt: skip


def set_time(publication: Publication, planned: LocalTime) -> None:
    """Plan it for then, whatever was planned before."""
    publication.schedule, publication.fired_at = ScheduleState.PLANNED, None
    publication.local_at, publication.zone, publication.fold = planned.at, planned.zone, int(planned.second)
    publication.run_at = publication.next_at = planned.moment


def fire_now(publication: Publication) -> None:
    """It is to go at once: a schedule that waits has its time now, and has fired."""
    now = publication.next_at = datetime.now(UTC)
    if publication.zone is not None and publication.schedule is not ScheduleState.FIRED:
        set_time(publication, LocalTime.of(now, publication.zone))
        publication.schedule, publication.fired_at = ScheduleState.FIRED, now


def _reserve(session: Session, caller: Caller, publication: Publication) -> None:
    """It counts from its intent on, for as long as that lasts: the database charges it once it is published, and gives
    back what is rejected or called off. Raises PlanLimit."""
    ledger.reserve(session, caller.plan, Metric.PUBLICATIONS, publication.id, lease=None)


def _begin_anew(publication: Publication) -> None:
    drop_handle(publication)
    publication.state, publication.error, publication.error_code = PublicationState.PREPARING, None, None
    publication.note, publication.next_at, publication.published_at = None, None, None
    publication.failure_told_at = None


def held(session: Session, publication_id: UUID) -> tuple[Publication, Sequence[int]]:
    """The publication, locked, and the jobs that waited for it. Jobs lock their own row first, and so does this: else
    each could wait for the other."""
    waiting = [job.id for job in jobs.search(session, subject=str(publication_id), states=("queued",), limit=100).jobs]
    jobs.hold(session, waiting)
    return find(session, publication_id, locked=True), waiting


def supersede(session: Session, publication: Publication, waiting: Sequence[int], caller: Caller) -> None:
    """Whatever job waits or runs for it does nothing any more; those that wait are not even started."""
    publication.version += 1
    session.flush()
    for job_id in waiting:
        if jobs.get(session, job_id).state == "queued":
            jobs.cancel(session, job_id, actor=str(caller.principal.user_id))


def _made(session: Session, publication: Publication) -> str:
    """The hash of the clip's video as it is now. Raises NotAsItIs, ClipNotRendered or ClipFailedCheck."""
    if publication.clip_id is None:
        raise NotAsItIs(publication, "its clip was deleted.")
    clip = clips.find(session, publication.clip_id)
    composing.check_made(clip)
    return str(clip.files["video"]["sha256"])


def _same(session: Session, clip_id: UUID, channel_id: UUID) -> Publication | None:
    """The same clip on the same channel, unless it came to nothing."""
    nothing = (PublicationState.REJECTED, PublicationState.CANCELLED)
    same = (Publication.clip_id == clip_id, Publication.channel_id == channel_id, Publication.state.not_in(nothing))
    return session.scalars(select(Publication).where(*same).order_by(Publication.created_at).limit(1)).first()


def _local(session: Session, run_at: datetime | LocalTime | None) -> LocalTime | None:
    """As it is kept: by the clock of the workspace, where none is named. Raises Invalid."""
    if run_at is None or isinstance(run_at, LocalTime):
        return run_at
    if run_at.tzinfo is None:
        raise Invalid("Say in which time zone this time is, as in 2026-12-01T18:00:00+01:00.")
    return LocalTime.of(run_at, planning.zone_of(session).key)


def check_time(caller: Caller, run_at: datetime | None, publish_at: datetime | None = None) -> None:
    """`publish_at` is when the network itself makes it public. Raises NotInPlan or Invalid."""
    if run_at is not None or publish_at is not None:
        caller.plan.require(Flag.SCHEDULING)
    if run_at is None:
        return
    if run_at < datetime.now(UTC) - timedelta(minutes=5):
        raise Invalid("This time is over. Name one to come, or none to publish at once.")
    if run_at > datetime.now(UTC) + planning.FARTHEST:
        raise Invalid("A publication can be planned for a year ahead at most.")


def record(
    session: Session, caller: Caller, action: str, publication: Publication, before: dict[str, Any] | None
) -> None:
    session.flush()
    target = ("publication", publication.id)
    audit.record(session, action, target, by=caller.actor, before=before, after=state_of(publication))
