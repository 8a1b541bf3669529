"""How what was published does: a post's figures at each age, and those of many together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cliply.errors import Invalid
from cliply.features.identity.access import Caller
from cliply.features.identity.models import Workspace
from cliply.features.identity.permissions import Action
from cliply.features.publishing import channels, publications, tokens
from cliply.features.publishing.ages import AGES
from cliply.features.publishing.models import Performance, Publication, Snapshot
from cliply.integrations.demo import is_demo
from cliply.integrations.publisher import Network

_USUAL = timedelta(days=27)
_LONGEST = timedelta(days=731)
_FIRST_YEAR = 2000
_SUMS = text("""
    WITH counted AS (
        SELECT published.network, published.channel_id, snapshot.*,
            cast(date_trunc(:period, published.published_at AT TIME ZONE :zone) AS date) AS begins
        FROM publications published LEFT JOIN LATERAL (
            SELECT * FROM snapshots WHERE publication_id = published.id
                AND age_hours = coalesce(cast(:age_hours AS integer), age_hours)
            ORDER BY age_hours DESC LIMIT 1) snapshot ON true
        WHERE published.state = 'published' AND published_at >= :since AND published_at < :until
            AND network = coalesce(cast(:network AS text), network)
            AND channel_id = coalesce(cast(:channel_id AS uuid), channel_id))
    SELECT network, channel_id, begins, count(*) AS publications, count(taken_at) AS measured,
        sum(views) AS views, sum(likes) AS likes, sum(comments) AS comments, sum(shares) AS shares,
        sum(watched_seconds) AS watched_seconds,
        sum(average_share_watched * views) / nullif(
            sum(views) FILTER (WHERE average_share_watched IS NOT NULL), 0) AS average_share_watched
    FROM counted GROUP BY GROUPING SETS ((), (network), (network, channel_id), (begins))
    ORDER BY network, channel_id, begins
""")


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    """From Monday on."""
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of one publication; `snapshots` by age."""

    publication: Publication
    performance: Performance | None
    """None until somebody has begun to follow it."""
    in_demo: bool
    """Whether it was published in demo mode: nobody follows it."""
    snapshots: Sequence[Snapshot]


@dataclass(frozen=True, slots=True)
class Sums:
    """Of several publications; None where their network has told none of it."""

    publications: int = 0
    measured: int = 0
    """Those that there are figures of."""
    views: int | None = None
    likes: int | None = None
    comments: int | None = None
    shares: int | None = None
    watched_seconds: float | None = None
    average_share_watched: float | None = None
    """By views, of those whose network tells it."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Of what was published on the days from `since` to `until`, both included, as the workspace counts days."""

    since: date
    until: date
    age_hours: int | None
    total: Sums
    networks: Sequence[tuple[Network, Sums]]
    channels: Sequence[tuple[UUID, str, Network, Sums]]
    """With their names."""
    periods: Sequence[tuple[date, Sums]]
    """By their first day; those in which nothing was published are left out."""


def of_publication(session: Session, caller: Caller, publication_id: UUID) -> Metrics:
    publication = publications.get(session, caller, publication_id)
    query = select(Snapshot).where(Snapshot.publication_id == publication_id).order_by(Snapshot.age_hours)
    channel = tokens.find(session, publication.channel_id)
    performance, snapshots = session.get(Performance, publication_id), session.scalars(query).all()
    return Metrics(publication, performance, is_demo(channel.external_id), snapshots)


def summary(
    session: Session,
    caller: Caller,
    *,
    since: date | None = None,
    until: date | None = None,
    network: Network | None = None,
    channel_id: UUID | None = None,
    period: Period = Period.WEEK,
    age_hours: int | None = None,
) -> Summary:
    """Of each publication the figures at `age_hours`, or the latest there are. Raises Invalid."""
    caller.require(Action.READ_PUBLICATIONS)
    if age_hours is not None and age_hours not in AGES:
        raise Invalid(f"Figures are taken at these ages, in hours: {', '.join(map(str, AGES))}.")
    if channel_id is not None:
        channels.get(session, caller, channel_id)
    zone = ZoneInfo(session.scalars(select(Workspace.timezone)).one())
    last = until or datetime.now(zone).date()
    first = since or _days_before(last)
    _check_days(first, last)
    rows = session.execute(
        _SUMS,
        {
            "period": period.value, "zone": zone.key, "age_hours": age_hours, "network": network,
            "since": _begin(first, zone), "until": _begin(last + timedelta(days=1), zone), "channel_id": channel_id,
        },
    ).all()  # fmt: skip
    named = {each.id: each.name for each in channels.of_workspace(session, caller)}
    return Summary(
        first,
        last,
        age_hours,
        total=next((_sums(row) for row in rows if row.network is None and row.begins is None), Sums()),
        networks=[(Network(row.network), _sums(row)) for row in rows if row.network and row.channel_id is None],
        channels=[
            (row.channel_id, named[row.channel_id], Network(row.network), _sums(row)) for row in rows if row.channel_id
        ],
        periods=[(row.begins, _sums(row)) for row in rows if row.begins is not None],
    )


def _sums(row: Any) -> Sums:
    whole = {name: _whole(getattr(row, name)) for name in ("views", "likes", "comments", "shares")}
    return Sums(row.publications, row.measured, **whole, watched_seconds=row.watched_seconds,
                average_share_watched=row.average_share_watched)  # fmt: skip


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _days_before(last: date) -> date:
    try:
        return last - _USUAL
    except OverflowError:
        return last


def _check_days(first: date, last: date) -> None:
    if first > last:
        raise Invalid(f"These days end before they begin: {first} to {last}. Give the earlier one as `since`.")
    if last - first > _LONGEST or first.year < _FIRST_YEAR or last.year > datetime.now(UTC).year + 1:
        raise Invalid("Ask for two years at most, none of them before 2000 or after the next one.")


def _begin(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
