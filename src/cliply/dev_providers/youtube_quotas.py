"""What an app may ask of YouTube from one midnight in California to the next."""

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import date
from enum import Enum
from zoneinfo import ZoneInfo

from cliply.dev_providers.clock import Clock
from cliply.dev_providers.youtube_refusals import Refusal, bucket_spent, units_spent

_PACIFIC = ZoneInfo("America/Los_Angeles")


class Quota(Enum):
    """Each of them ends by itself."""

    UPLOADS = "Video Uploads"
    UNITS = "Queries"
    STATISTICS = "Batch Get Stats"


class Quotas:
    """`limits` may be changed at any time."""

    def __init__(self, clock: Clock) -> None:
        self.limits = {Quota.UPLOADS: 100, Quota.UNITS: 10_000, Quota.STATISTICS: 10_000}
        self._clock = clock
        self._lock = threading.Lock()
        self._spent: Counter[tuple[str, Quota, date]] = Counter()

    def spend(self, app: str, quota: Quota, amount: int) -> None:
        """Raises Refusal where less is left than that; then nothing more is taken."""
        with self._lock:
            today = (app, quota, self._today())
            if self._spent[today] + amount > self.limits[quota]:
                raise self._refusal(quota)
            self._spent[today] += amount

    def spent(self, app: str, quota: Quota) -> int:
        """On all days together, so that what two calls say can be compared, whenever they are made."""
        return sum(self.of_each_day(app, quota))

    def of_each_day(self, app: str, quota: Quota) -> Sequence[int]:
        """In the order of the days; those on which nothing was asked are not among them."""
        with self._lock:
            days = {day: amount for (who, which, day), amount in self._spent.items() if (who, which) == (app, quota)}
        return [days[day] for day in sorted(days)]

    def _today(self) -> date:
        return self._clock.now().astimezone(_PACIFIC).date()

    def _refusal(self, quota: Quota) -> Refusal:
        return units_spent() if quota is Quota.UNITS else bucket_spent(quota.value, f"{quota.value} per day")
