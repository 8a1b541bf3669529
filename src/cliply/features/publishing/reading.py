"""Channels, publications and their figures as they are shown."""

from dataclasses import asdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from cliply.features.publishing import channels
from cliply.features.publishing.metrics import Metrics, Summary
from cliply.features.publishing.models import Channel, Publication, PublicationEvent, Snapshot
from cliply.features.publishing.schedule_schemas import ScheduleRead
from cliply.features.publishing.schedules import shown_state
from cliply.features.publishing.schemas import (
    AccountDetails,
    AccountMetrics,
    AccountRead,
    LastPublication,
    MetricsSummary,
    MetricsSums,
    NetworkMetrics,
    PeriodMetrics,
    PublicationDetails,
    PublicationEventRead,
    PublicationMetrics,
    PublicationRead,
    SnapshotRead,
)
from cliply.integrations.demo import is_demo
from cliply.integrations.providers import Providers

_NOBODY_COUNTS = "It was published in demo mode, into a folder: nobody sees it there, and there will be no figures."


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


def publication_metrics(metrics: Metrics) -> PublicationMetrics:
    publication, performance = metrics.publication, metrics.performance
    since = publication.published_at if performance is None else performance.counts_from
    shown = {name: getattr(performance, name, None) for name in PublicationMetrics.model_fields}
    about = {"publication_id": publication.id, "account_id": publication.channel_id, "network": publication.network}
    taken = [_snapshot(each, since or each.taken_at) for each in metrics.snapshots]
    if metrics.in_demo:
        shown |= {"problem": _NOBODY_COUNTS, "next_at": None}
    return PublicationMetrics.model_validate({**shown, **about, "counts_from": since, "snapshots": taken})


def metrics_summary(summary: Summary) -> MetricsSummary:
    return MetricsSummary(
        since=summary.since,
        until=summary.until,
        age_hours=summary.age_hours,
        total=MetricsSums(**asdict(summary.total)),
        networks=[NetworkMetrics(network=network, **asdict(sums)) for network, sums in summary.networks],
        accounts=[
            AccountMetrics(account_id=channel_id, name=name, network=network, **asdict(sums))
            for channel_id, name, network, sums in summary.channels
        ],
        periods=[PeriodMetrics(begins=begins, **asdict(sums)) for begins, sums in summary.periods],
    )


def _snapshot(snapshot: Snapshot, since: datetime) -> SnapshotRead:
    shown = {name: getattr(snapshot, name, None) for name in SnapshotRead.model_fields}
    age = (snapshot.taken_at - since) / timedelta(hours=1)
    return SnapshotRead.model_validate({**shown, "real_age_hours": round(age, 2)})


def schedule_read(publication: Publication, zone: ZoneInfo) -> ScheduleRead:
    """With its moment as clocks in `zone` show it."""
    assert publication.run_at is not None  # noqa: S101 - every schedule has a time
    fired, run_at = publication.fired_at, publication.run_at
    shown = {name: getattr(publication, name, None) for name in ScheduleRead.model_fields}
    made = {
        "account_id": publication.channel_id,
        "state": shown_state(publication),
        "at": run_at.astimezone(zone),
        "publication": publication.state,
        "title": publication.post.get("title", ""),
        "late": None if fired is None else max(0.0, round((fired - run_at).total_seconds(), 3)),
    }
    return ScheduleRead.model_validate({**shown, **made})
