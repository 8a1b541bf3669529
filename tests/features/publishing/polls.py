"""What is asked of networks about what was published, and what is known of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from tests.features.publishing.hours import pass_by
from tests.features.publishing.stage import Stage

from cliply.dev_providers.youtube_quotas import Quota
from cliply.dev_providers.youtube_videos import Numbers, Outcome, Video, new_id
from cliply.features.jobs.kinds import REGISTRY
from cliply.features.publishing import composing
from cliply.features.publishing.models import Channel, Performance, Publication, PublicationState, Snapshot
from cliply.features.publishing.steps import keep_handle
from cliply.infra.sealing import open_sealer
from cliply.integrations.publisher import Handle, Network

HOUR = timedelta(hours=1)
LATER = timedelta(minutes=2)


def published(stage: Stage, network: Network = Network.YOUTUBE, **more: Any) -> Publication:
    """Just now."""
    publication = stage.publish(network, **more)
    stage.run(passing=LATER)
    done = stage.publication(publication.id)
    assert done.state == "published", stage.states(publication.id)
    return done


def watch(stage: Stage) -> None:
    """Queue what the job queues that comes every five minutes."""
    with stage.office.database.system() as session:
        REGISTRY.kinds["PERFORMANCE_WATCH"].start(session)
    assert stage.run_one()


def poll(stage: Stage) -> None:
    """Ask for all that is due; what waits for later goes on waiting."""
    watch(stage)
    while stage.run_one():
        pass


def poll_at(stage: Stage, publication: Publication, age: timedelta) -> None:
    """When the publication is so old; at networks just as much time goes by."""
    stage_age = datetime.now(UTC) - counts_from(stage, publication)
    pass_by(stage, age - stage_age)
    poll(stage)


def counts_from(stage: Stage, publication: Publication) -> datetime:
    performance = performance_of(stage, publication.id)
    published_at = stage.publication(publication.id).published_at
    assert published_at is not None
    return published_at if performance is None else performance.counts_from


def performance_of(stage: Stage, publication_id: UUID) -> Performance | None:
    with stage.office.database.workspace(stage.office.id) as session:
        return session.get(Performance, publication_id)


def snapshots(stage: Stage, publication_id: UUID) -> Sequence[Snapshot]:
    """By age."""
    with stage.office.database.workspace(stage.office.id) as session:
        query = select(Snapshot).where(Snapshot.publication_id == publication_id).order_by(Snapshot.age_hours)
        return session.scalars(query).all()


def ages_of(stage: Stage, publication_id: UUID) -> list[int]:
    return [each.age_hours for each in snapshots(stage, publication_id)]


def seen_by(stage: Stage, publication: Publication, views: int, likes: int = 0) -> None:
    """So many have seen it at its network until now."""
    external_id = publication.external_id or ""
    if publication.network is Network.YOUTUBE:
        stage.youtube.library.videos[external_id].numbers = Numbers(views, likes, 0)
    else:
        upload = next(each for each in stage.posting.uploads() if str(each.post_id) == external_id)
        upload.views, upload.likes = views, likes


def posted(stage: Stage, account: Channel, *, on: int = 0) -> Publication:
    """On YouTube just now, without the work of sending it; `on` is which of the channels there."""
    library, now = stage.youtube.library, stage.clock.now()
    channel = stage.google.people[0].channels[on]
    resource = {"snippet": {"title": "Why bees dance"}, "status": {"privacyStatus": "public"}}
    video = Video(new_id(), channel, now, resource, "clip.mp4", 1, "0" * 64, Outcome(), now, now)
    video.has_audience = library.has_audience
    library.videos[video.id] = video
    said = composing.Said(
        title="Why bees dance", description="", hashtags=(), privacy="public", made_for_kids=False, synthetic=False,
        cover=False, cover_at_ms=None, publish_at=None, options={}, video_sha256="0" * 64,
    )  # fmt: skip
    with stage.office.database.workspace(stage.office.id) as session:
        publication = Publication(
            channel_id=account.id, network=Network.YOUTUBE, post=said.model_dump(mode="json"), external_id=video.id,
            state=PublicationState.PUBLISHED, published_at=datetime.now(UTC), id=uuid4(), workspace_id=stage.office.id,
        )  # fmt: skip
        keep_handle(open_sealer(stage.runtime.settings), publication, Handle("http://127.0.0.1/nothing", size=1))
        session.add(publication)
    return publication


def followed(stage: Stage, publication: Publication) -> Performance:
    performance = performance_of(stage, publication.id)
    assert performance is not None
    return performance


def wait_and_poll(stage: Stage, publication: Publication) -> None:
    """Until it is asked about again."""
    at = followed(stage, publication).next_at
    assert at is not None
    pass_by(stage, max(timedelta(), at - datetime.now(UTC)) + timedelta(milliseconds=1))
    poll(stage)


def statistics_spent(stage: Stage) -> int:
    """Requests for figures that YouTube has counted."""
    return stage.youtube.quotas.spent("client", Quota.STATISTICS)
