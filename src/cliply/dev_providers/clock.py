"""A clock that can be moved: days of a quota, ends of tokens and the time that processing takes pass at once."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Goes with the machine's, ahead of it by what it was moved; one that is given a `start` stands still instead."""

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._stands_at = start
        self._ahead = timedelta()

    def now(self) -> datetime:
        with self._lock:
            return (self._stands_at or datetime.now(UTC)) + self._ahead

    def advance(self, by: timedelta) -> None:
        with self._lock:
            self._ahead += by

    def move_to(self, moment: datetime) -> None:
        with self._lock:
            self._ahead = moment - (self._stands_at or datetime.now(UTC))
