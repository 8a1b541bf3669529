"""A clip goes to its network: the handle is kept before the first byte, and only what the network lacks is sent."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from cliply.features.identity.models import Workspace
from cliply.features.jobs.runner import JobRun
from cliply.features.publishing import channels, copies, pacing, tokens
from cliply.features.publishing.composing import Said
from cliply.features.publishing.models import Publication, PublicationState, ScheduleState
from cliply.features.publishing.outcomes import Outcome, outcome_of
from cliply.features.publishing.steps import (
    Superseded,
    absent,
    handle_of,
    keep_handle,
    needs_reconnect,
    put_off,
    saw,
    send,
    wanted,
    with_token,
)
from cliply.infra.sealing import open_sealer
from cliply.infra.storage.keys import ObjectKey
from cliply.integrations.publisher import (
    Concerns,
    Handle,
    Phase,
    Publisher,
    PublishFailure,
    Reconnect,
    Rejected,
    Sighting,
    TokenExpired,
    TryLater,
    Video,
)
from cliply.media.scratch import scratch_folder

_SENDABLE = frozenset(
    {
        PublicationState.INTENT,
        PublicationState.PREPARING,
        PublicationState.UPLOADING,
        PublicationState.PARKED,
        PublicationState.NEEDS_RECONNECT,
    }
)


@dataclass(frozen=True, slots=True)
class Files:
    """What is sent, on this machine."""

    video: Video
    cover: Path | None


def carry_on(run: JobRun, publication_id: UUID, version: int) -> None:
    """Send it, or the rest of it, and note what came of it with the end of the job."""
    publication = _claimed(run, publication_id, version)
    if publication is None:
        return
    try:
        with scratch_folder("publish") as folder:
            sighting = _sent(run, publication, folder)
    except Superseded:
        with run.finish():
            return
    except PublishFailure as failed:
        note_failure(run, publication, failed)
        return
    with run.finish() as session:
        now = wanted(session, publication_id, version, states=_SENDABLE)
        if now is None:
            return
        if sighting.surely_absent:
            absent(session, now)
        elif sighting.phase is Phase.GONE:
            # Whether the network had all of it before it forgot the upload, only a look can tell.
            gone = f"{now.network.label} knows this upload no more."
            put_off(session, now, Outcome(PublicationState.UNKNOWN, gone, "gone", datetime.now(UTC)))
        else:
            saw(session, now, sighting)


def note_failure(run: JobRun, publication: Publication, failed: PublishFailure) -> None:
    """What a failure makes of it, with the end of the job."""
    with run.finish() as session:
        if isinstance(failed, Reconnect) or _stops_account(failed):
            # A channel is locked before what is published on it, here as where it is connected again.
            tokens.find(session, publication.channel_id, locked=True)
        now = wanted(session, publication.id, publication.version)
        if now is None:
            return
        if isinstance(failed, Reconnect):
            failed = needs_reconnect(session, now, failed, settings=run.runtime.settings)
        begun = now.handle_sealed is not None
        put_off(session, now, outcome_of(failed, begun=begun, attempts=now.attempts, now=datetime.now(UTC)))


def _stops_account(failed: PublishFailure) -> bool:
    return isinstance(failed, TokenExpired) or (isinstance(failed, TryLater) and failed.concerns is Concerns.ACCOUNT)


def _claimed(run: JobRun, publication_id: UUID, version: int) -> Publication | None:
    """The publication, being prepared or sent from here on; None where there is nothing to do now."""
    with run.held() as session:
        publication = wanted(session, publication_id, version, states=_SENDABLE)
        if publication is not None and publication.schedule not in (None, ScheduleState.FIRED):
            # Only its schedule has it sent.
            publication = None
        wait = None if publication is None else _wait(session, publication)
        if publication is not None:
            publication.error = publication.error_code = None
            publication.next_at, publication.note = wait or (None, None)
            if wait is not None:
                publication.state = PublicationState.PARKED
                send(session, publication, at=publication.next_at)
            elif publication.handle_sealed is not None:
                publication.state = PublicationState.UPLOADING
            else:
                publication.state = PublicationState.PREPARING
    if publication is not None and wait is None:
        return publication
    with run.finish():
        # Whoever dies before this finds a later version, and nothing to do.
        return None


def _wait(session: Session, publication: Publication) -> tuple[datetime, str] | None:
    """Until when it may not be begun, and why; None where it may, or has been."""
    now = datetime.now(UTC)
    if publication.handle_sealed is not None:
        return None
    channel = tokens.find(session, publication.channel_id)
    if channel.paused_until is not None and channel.paused_until > now:
        return channel.paused_until, channel.paused_why or ""
    zone = ZoneInfo(session.scalars(select(Workspace.timezone)).one())
    settings = channels.settings_of(channel)
    if settings.daily_cap is not None or settings.spacing is not None:
        # Of two that want a day's last place, the second has to see that the first has it.
        channels.take_turns(session, channel.id)
    gone_out = _gone_out(session, publication, now, zone)
    last = None if settings.spacing is None else _last(session, publication, now)
    moment = pacing.next_moment(now, zone, settings, gone_out_today=gone_out, last=last)
    if moment <= now:
        return None
    why = "quiet hours, its publications a day are used up, or one has just gone out."
    return moment, f"“{channel.name}” takes nothing now: {why}"


def _gone_out(session: Session, publication: Publication, now: datetime, zone: ZoneInfo) -> int:
    """How many others of its channel have been begun today, or are about to be."""
    first, following = pacing.day_of(now, zone)
    others = (Publication.channel_id == publication.channel_id, Publication.id != publication.id)
    begun = and_(Publication.begun_at >= first, Publication.begun_at < following)
    counts = (
        or_(begun, Publication.state == PublicationState.PREPARING),
        Publication.state != PublicationState.REJECTED,
    )
    return session.scalar(select(func.count()).select_from(Publication).where(*others, *counts)) or 0


def _last(session: Session, publication: Publication, now: datetime) -> datetime | None:
    """When another one of its channel was begun last; now where one is about to be."""
    others = (Publication.channel_id == publication.channel_id, Publication.id != publication.id)
    begun = (Publication.begun_at <= now, Publication.state != PublicationState.REJECTED)
    about_to = select(Publication.id).where(*others, Publication.state == PublicationState.PREPARING)
    if session.scalar(about_to.limit(1)) is not None:
        return now
    return session.scalar(select(func.max(Publication.begun_at)).where(*others, *begun))


def _sent(run: JobRun, publication: Publication, folder: Path) -> Sighting:
    publisher = run.runtime.providers.of(publication.network).publisher
    files = _files(run, publication, folder)
    handle = handle_of(open_sealer(run.runtime.settings), publication)
    if handle is None:
        handle = _begun(run, publication, publisher, files)

    def on_sent(done: int) -> None:
        run.progress(0.1 + 0.9 * done / max(1, files.video.size), "sending")

    return with_token(run.runtime, publication, lambda token: publisher.send(token, handle, files.video, on_sent))


def _begun(run: JobRun, publication: Publication, publisher: Publisher, files: Files) -> Handle:
    """Begin it at the network, which shows nothing yet, and keep its handle before anything is sent."""
    post = Said.model_validate(publication.post).post(files.cover)
    broken = with_token(run.runtime, publication, lambda token: publisher.fresh_problems(token, post, files.video))
    if broken := [*publisher.problems(post, files.video), *broken]:
        raise Rejected(" ".join(each.message for each in broken), broken[0].code, field=broken[0].field)
    run.progress(0.1, "beginning")
    handle = with_token(
        run.runtime,
        publication,
        lambda token: publisher.begin(token, post, files.video, mark=str(publication.id)),
    )
    with run.held() as session:
        now = wanted(session, publication.id, publication.version, states=_SENDABLE)
        if now is None or now.handle_sealed is not None:
            # Another job that is at it has begun it too: of two uploads, the one gets its bytes whose handle is kept.
            raise Superseded
        keep_handle(open_sealer(run.runtime.settings), now, handle)
        now.state, now.error, now.error_code, now.attempts = PublicationState.UPLOADING, None, None, 0
    return handle


def _files(run: JobRun, publication: Publication, folder: Path) -> Files:
    """Its own copies of the clip's files, made where they are not there yet."""
    kept = publication.files or copies.make(run, publication, folder)
    found: dict[str, Path] = {}
    for kind, name in copies.FILES.items():
        if kind in kept:
            found[kind] = folder / name
            if not found[kind].exists():
                key = ObjectKey.parse(kept[kind]["key"])
                run.runtime.storage.download(key, found[kind], on_progress=lambda _done: run.progress(0.05))
    facts = {name: kept[name] for name in ("seconds", "width", "height", "frame_rate")}
    video = Video(found["video"], kept["video"]["size"], kept["video"]["content_type"], **facts)
    return Files(video, found.get("cover"))
