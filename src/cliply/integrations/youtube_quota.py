"""What Google's project may ask of YouTube in a day: one project serves every workspace of an installation."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

_PACIFIC = ZoneInfo("America/Los_Angeles")


class Bucket(StrEnum):
    """Each runs out by itself: without uploads, what is there can still be looked at."""

    UPLOADS = "youtube.uploads"
    UNITS = "youtube.units"
    STATISTICS = "youtube.statistics"
    SEARCHES = "youtube.searches"


DAILY: Mapping[Bucket, int] = MappingProxyType(
    {Bucket.UPLOADS: 100, Bucket.UNITS: 10_000, Bucket.STATISTICS: 10_000, Bucket.SEARCHES: 100}
)
"""What a project has unless Google has granted it more."""

COVER_COST = 50
"""Units of a cover; every other request of ours takes one of its bucket, one that is refused too."""


def next_reset(now: datetime) -> datetime:
    """When all buckets are full again: midnight in California, in winter as in summer."""
    tomorrow = now.astimezone(_PACIFIC).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), _PACIFIC).astimezone(UTC)


def day_of(now: datetime) -> str:
    """The day whose quota a request at `now` takes, as in 2026-11-30."""
    return now.astimezone(_PACIFIC).date().isoformat()
