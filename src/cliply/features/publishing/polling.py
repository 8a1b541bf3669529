"""Networks are asked what they count of posts, many at once, when one of them has reached an age; see `ages`.

Whoever asks notes first that it is asked, so that nobody else asks the same meanwhile. Of those who do it all the same,
the first one's figures stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cliply.features.jobs.kinds import REGISTRY
from cliply.features.jobs.models import Job
from cliply.features.jobs.runner import JobRun
from cliply.features.publishing import ages, tokens
from cliply.features.publishing.composing import Said
from cliply.features.publishing.models import (
    Channel,
    ChannelState,
    Performance,
    Publication,
    PublicationState,
    Snapshot,
)
from cliply.features.publishing.steps import handle_of, with_token
from cliply.infra.sealing import WrongSealKey, open_sealer
from cliply.integrations.demo import ACCOUNT_PATTERN, why_not_here
from cliply.integrations.providers import Providers
from cliply.integrations.publisher import (
    Concerns,
    Figures,
    Phase,
    Publisher,
    PublishFailure,
    Rejected,
    Sighting,
    Standing,
    TryLater,
    Unknown,
)

KIND = "PERFORMANCE_POLL"
_DEMO = f"^({ACCOUNT_PATTERN})$"
"""Nobody looks at what is published into a folder."""
_AT_ONCE = 50
"""What the most generous network tells of with one request."""
_ALONE_AFTER = 3
"""Times in a row without an answer, after which a post is asked about by itself: one can spoil it for all."""
_LEASE = timedelta(minutes=10)
"""How long whoever asks has for it, before somebody else does."""
_NOTHING = Figures()
_BEGIN = text("""
    INSERT INTO performances (publication_id, workspace_id, counts_from, next_at)
    SELECT id, workspace_id, counts_from, counts_from + make_interval(hours => :first) FROM (
        SELECT id, workspace_id, greatest(published_at, cast(post ->> 'publish_at' AS timestamptz)) AS counts_from
        FROM publications WHERE state = 'published' AND published_at > :since
            AND channel_id NOT IN (SELECT id FROM channels WHERE external_id ~ :demo)) new
    WHERE NOT EXISTS (SELECT FROM performances WHERE publication_id = new.id)
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True, slots=True)
class Told:
    """What a network said of posts when it was `asked_at`."""

    asked_at: datetime
    figures: Mapping[str, Figures | None]
    standing: Mapping[str, Standing]


def due_channels(session: Session, providers: Providers, now: datetime) -> Sequence[tuple[UUID, UUID]]:
    """Workspace and number of those that something is to be asked about and nobody does; in the system's session.

    From here on, what was published since the last time is followed as well.
    """
    session.execute(_BEGIN, {"first": ages.AGES[0], "since": now - ages.LAST_CALL, "demo": _DEMO})
    in_demo = select(Publication.id).join(Channel, Channel.id == Publication.channel_id)
    in_demo = in_demo.where(Channel.external_id.regexp_match(_DEMO))
    over = or_(Performance.counts_from < now - ages.LAST_CALL, Performance.publication_id.in_(in_demo))
    session.execute(update(Performance).where(Performance.next_at.is_not(None), over).values(next_at=None))
    alive = select(Job.id).where(
        Job.workspace_id == Channel.workspace_id,
        Job.kind == KIND,
        Job.subject == cast(Channel.id, String),
        Job.state.in_(("queued", "running", "stopping")),
    )
    query = (
        select(Channel.workspace_id, Channel.id)
        .join(Publication, Publication.channel_id == Channel.id)
        .join(Performance, Performance.publication_id == Publication.id)
        .where(Performance.next_at <= now, Channel.state == ChannelState.CONNECTED)
        .where(Channel.network.in_(list(providers.by_network)), ~alive.exists())
        .distinct()
    )
    return [(row.workspace_id, row.id) for row in session.execute(query)]


def start(session: Session, channel_id: UUID) -> None:
    REGISTRY.kinds[KIND].options(subject=channel_id).start(session, channel_id=channel_id)


def poll(run: JobRun, channel_id: UUID) -> None:
    """Ask about all posts of a channel that are due, and note what was told."""
    with run.session() as session:
        channel = tokens.find(session, channel_id)
    provider = run.runtime.providers.of(channel.network)
    if channel.state is ChannelState.CONNECTED and why_not_here(channel.external_id, provider.connector) is None:
        while batch := _claimed(run, channel_id):
            run.progress(0.5)
            try:
                _ask(run, provider.publisher, batch)
            except PublishFailure as failed:
                with run.finish() as session:
                    _put_off(session, channel_id, batch, failed)
                return
    with run.finish():
        pass


def _claimed(run: JobRun, channel_id: UUID) -> Sequence[Publication]:
    """Publications that are due, as many as are asked about at once; nobody else asks about them for a while."""
    now = datetime.now(UTC)
    with run.held() as session:
        query = select(Performance, Publication).join(Publication, Publication.id == Performance.publication_id)
        query = query.where(*_due(channel_id, now)).order_by(Performance.next_at, Publication.id).limit(_AT_ONCE)
        found = session.execute(query.with_for_update(of=Performance, skip_locked=True)).all()
        alone = [
            each for each in found if each.Publication.external_id is None or each.Performance.attempts >= _ALONE_AFTER
        ]
        together = [each for each in found if each not in alone]
        taken = together or alone[:1]
        for performance, _ in taken:
            performance.next_at = now + _LEASE
        return [each.Publication for each in taken]


def _due(channel_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Publication.channel_id == channel_id,
        Publication.state == PublicationState.PUBLISHED,
        Performance.next_at <= now,
    )


def _ask(run: JobRun, publisher: Publisher, batch: Sequence[Publication]) -> None:
    """Raises PublishFailure."""
    first = batch[0]
    if first.external_id is None:
        sighting = _looked_for(run, publisher, first)
        with run.held() as session:
            _note_number(session, first, sighting)
        return
    told = _told(run, publisher, batch)
    with run.held() as session:
        for publication in sorted(batch, key=lambda each: each.id):
            _note(session, publication, told)


def _told(run: JobRun, publisher: Publisher, batch: Sequence[Publication]) -> Told:
    runtime, first = run.runtime, batch[0]
    ids = [each.external_id for each in batch if each.external_id is not None]
    asked_at = datetime.now(UTC)
    figures = with_token(runtime, first, lambda token: publisher.figures(token, ids))
    standing: Mapping[str, Standing] = {}
    if runtime.providers.spare(first.network):
        try:
            standing = with_token(runtime, first, lambda token: publisher.standing(token, ids))
        except PublishFailure:
            # The figures are there: who sees the posts is an extra.
            standing = {}
    return Told(asked_at, figures, standing)


def _note(session: Session, publication: Publication, told: Told) -> None:
    performance, external_id = _held(session, publication), publication.external_id or ""
    if performance is None:
        return
    figures, standing = told.figures.get(external_id), told.standing.get(external_id)
    if figures is not None and figures != _NOTHING:
        _keep(session, performance, figures, told.asked_at)
        # What is counted is there, whatever else was said.
        seen = None if standing is Standing.GONE else standing
        performance.standing, performance.attempts = seen or performance.standing, 0
        performance.problem, performance.next_at = None, ages.following(performance.counts_from, told.asked_at)
    elif standing in (Standing.PRIVATE, Standing.HIDDEN):
        performance.standing, performance.attempts = standing, 0
        performance.problem = f"{publication.network.label} tells no figures of what it does not show."
        performance.next_at = ages.following(performance.counts_from, told.asked_at)
    elif standing is Standing.GONE and performance.standing is Standing.HIDDEN:
        # Twice in a row: lists of a network can be behind.
        performance.standing, performance.gone_at, performance.next_at = standing, told.asked_at, None
        performance.problem = f"It is not on {publication.network.label} any more."
    else:
        if standing is Standing.GONE:
            performance.standing = Standing.HIDDEN
        performance.problem = f"{publication.network.label} told no figures."
        _wait(performance, None)


def _keep(session: Session, performance: Performance, figures: Figures, taken_at: datetime) -> None:
    age = ages.due(performance.counts_from, taken_at)
    if age is not None:
        row = {"publication_id": performance.publication_id, "age_hours": age, "taken_at": taken_at, **asdict(figures)}
        row["workspace_id"] = performance.workspace_id
        session.execute(insert(Snapshot).values(row).on_conflict_do_nothing())


def _looked_for(run: JobRun, publisher: Publisher, publication: Publication) -> Sighting | None:
    """The post, with the number by which its figures are asked for; None where nobody knows it."""
    runtime = run.runtime
    try:
        sighting = None
        if (handle := handle_of(open_sealer(runtime.settings), publication)) is not None:
            sighting = with_token(runtime, publication, lambda token: publisher.look(token, handle, None))
        if (sighting is None or sighting.phase is Phase.GONE) and runtime.providers.spare(publication.network):
            post, since = Said.model_validate(publication.post).post(None), publication.begun_at
            sighting = with_token(
                runtime,
                publication,
                lambda token: publisher.find(
                    token, mark=str(publication.id), post=post, since=since or publication.created_at
                ),
            )
    except (Unknown, Rejected, WrongSealKey):
        # What is sealed with a key that nobody has is of this one post; the others are asked about all the same.
        return None
    return sighting


def _note_number(session: Session, publication: Publication, sighting: Sighting | None) -> None:
    query = select(Publication).where(Publication.id == publication.id).execution_options(populate_existing=True)
    now, published = datetime.now(UTC), session.scalars(query.with_for_update()).one_or_none()
    performance = _held(session, publication)
    if published is None or performance is None:
        return
    if sighting is not None and sighting.external_id is not None and published.external_id is None:
        published.external_id, published.url = sighting.external_id, sighting.url or published.url
    if published.external_id is not None:
        performance.attempts, performance.problem, performance.next_at = 0, None, now
    else:
        performance.problem = f"{publication.network.label} has told no number of it, by which figures are asked for."
        performance.next_at = ages.look_again(performance.attempts, now)
        performance.attempts += 1


def _put_off(session: Session, channel_id: UUID, batch: Sequence[Publication], failed: PublishFailure) -> None:
    """What stops more than one request stops all that is due."""
    soonest = failed.at if isinstance(failed, TryLater) else None
    asked = {each.id for each in batch}
    if not _concerns_these(failed):
        all_due = select(Performance.publication_id).join(Publication, Publication.id == Performance.publication_id)
        asked |= set(session.scalars(all_due.where(*_due(channel_id, datetime.now(UTC)))))
    query = select(Performance).where(Performance.publication_id.in_(asked), Performance.next_at.is_not(None))
    for performance in session.scalars(query.order_by(Performance.publication_id).with_for_update()):
        performance.problem = str(failed)
        _wait(performance, soonest)


def _concerns_these(failed: PublishFailure) -> bool:
    """Others of the same channel may be told of all the same."""
    match failed:
        case TryLater(concerns=Concerns.REQUEST) | Rejected() | Unknown():
            return True
        case _:
            return False


def _wait(performance: Performance, soonest: datetime | None) -> None:
    now = datetime.now(UTC)
    performance.next_at = max(soonest or now, ages.again(performance.attempts, now))
    performance.attempts += 1


def _held(session: Session, publication: Publication) -> Performance | None:
    """None where nothing is asked about it any more."""
    query = select(Performance).where(Performance.publication_id == publication.id, Performance.next_at.is_not(None))
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
